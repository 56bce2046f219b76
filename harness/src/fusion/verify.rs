//! The comparison: the component and the fused module are called side by side, with the same numbers.

use std::fmt;

use leakbench_components::{Component, ComponentInstance, ComponentState, Fusible, NumberFunction};
use leakbench_fuse::Fused;
use leakbench_model::text::{counted, grouped};
use leakbench_reports::render::Progress;
use leakbench_runtime::{Config, Engine, Error, Instance, Module, Store, Val};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::{Compared, MEMORY, Order};
use crate::error::CompareError;
use crate::interrupt::Interrupt;
use crate::output::{ProgressDisplay, Verbosity};

/// Arguments have so many bits at most: many functions run as long as an argument says.
const ARGUMENT_BITS: u32 = 12;

/// What was compared and found the same.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Comparison {
    pub(super) calls: u64,
    /// Calls that trapped on both sides.
    pub(super) traps: u64,
    /// Bytes of memories that were compared, each at its last comparison.
    pub(super) memory_bytes: u64,
}

/// A call after which the two differ.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    /// The calls since both were new, the last of which differs.
    pub(super) calls: Vec<String>,
    pub(super) component: String,
    pub(super) fused: String,
}

/// The two sides, in their stores.
struct Sides<'a> {
    component: &'a Component,
    module: &'a Module,
    engine: &'a Engine,
    original: (Store<ComponentState>, ComponentInstance<'a>),
    fused: (Store<()>, Instance),
}

/// A call of both.
struct Call<'a> {
    function: &'a NumberFunction,
    values: Vec<Val>,
    text: String,
}

/// What one side did.
#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Returned(Option<String>),
    Trapped(String),
}

impl<'a> Call<'a> {
    fn random(fusible: &'a Fusible, rng: &mut SmallRng) -> Call<'a> {
        let function = &fusible.functions[rng.random_range(0..fusible.functions.len())];
        let mut number = || {
            let bits = rng.random_range(0..=ARGUMENT_BITS);
            rng.random::<u32>() & ((1 << bits) - 1)
        };
        let values: Vec<Val> = function.params.iter().filter_map(|ty| ty.value(number())).collect();
        let texts = function.params.iter().zip(&values).filter_map(|(ty, value)| ty.text(value));
        let text = format!("{}({})", function.name, texts.collect::<Vec<_>>().join(", "));
        Call { function, values, text }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Returned(None) => f.write_str("returned"),
            Answer::Returned(Some(text)) => write!(f, "returned {text}"),
            Answer::Trapped(reason) => write!(f, "trapped: {reason}"),
        }
    }
}

impl<'a> Sides<'a> {
    fn new(
        engine: &'a Engine,
        component: &'a Component,
        module: &'a Module,
    ) -> Result<Self, Error> {
        let mut store = Store::new(engine, component.state());
        let instance = component.instantiate(&mut store)?;
        let original = (store, instance);
        let mut store = Store::new(engine, ());
        let instance = Instance::new(&mut store, module, &[])?;
        Ok(Sides { component, module, engine, original, fused: (store, instance) })
    }

    /// The answers of the component and of the fused module.
    fn call(&mut self, call: &Call<'_>) -> Result<[Answer; 2], CompareError> {
        let parsed = self.component.call(&call.text)?;
        let (store, instance) = &mut self.original;
        let original = instance.call(store, &parsed);
        let (store, instance) = &mut self.fused;
        let callee = instance.get_func(&mut *store, &call.function.name);
        let callee = callee.ok_or_else(|| Error::msg("the fused module lacks an export"))?;
        let mut results = vec![Val::I32(0); usize::from(call.function.result.is_some())];
        let fused = callee.call(store, &call.values, &mut results);
        let result = || call.function.result.as_ref().and_then(|ty| ty.text(results.first()?));
        let trapped = |error: Error| Answer::Trapped(format!("{error:#}"));
        Ok([
            original.map_or_else(trapped, Answer::Returned),
            fused.map_or_else(trapped, |()| Answer::Returned(result())),
        ])
    }
}

/// Makes the calls, until they differ or the user interrupts.
///
/// # Errors
/// The component or the module cannot be run.
pub(super) fn compare(
    order: &Order,
    bytes: &[u8],
    fusible: &Fusible,
    fused: &Fused,
    verbosity: Verbosity,
) -> Result<Compared, CompareError> {
    let interrupt = Interrupt::listen()?;
    let mut display = ProgressDisplay::new(verbosity);
    let engine = Engine::new(&Config::default())?;
    let component = Component::with_memories_of(&engine, bytes, order.max_pages)?;
    let module = Module::from_binary(&engine, &fused.wasm)?;
    let mut sides = Sides::new(&engine, &component, &module)?;
    let mut rng = SmallRng::seed_from_u64(order.seed);
    let mut comparison = Comparison::default();
    // Since both were new.
    let mut calls = Vec::new();
    let total = u64::from(order.calls);
    let end = loop {
        if interrupt.take() > 0 {
            break Compared::Interrupted;
        }
        if comparison.calls == total {
            break Compared::Same(comparison);
        }
        let call = Call::random(fusible, &mut rng);
        let answers = sides.call(&call)?;
        comparison.calls += 1;
        calls.push(call.text);
        match answers {
            // A component that has trapped cannot be called again.
            [Answer::Trapped(_), Answer::Trapped(_)] => {
                comparison.traps += 1;
                calls.clear();
                sides = Sides::new(sides.engine, sides.component, sides.module)?;
            }
            [component, fused] if component != fused => {
                break differs(calls, [component, fused].map(|answer| answer.to_string()));
            }
            // All bytes take long to compare.
            _ if calls.len().is_power_of_two() || comparison.calls == total => {
                match same_memories(&sides, fused)? {
                    Ok(bytes) => comparison.memory_bytes = bytes,
                    Err(difference) => break differs(calls, difference),
                }
            }
            _ => {}
        }
        display.show(&Count { comparison, total: order.calls });
    };
    display.clear();
    Ok(end)
}

fn differs(calls: Vec<String>, [component, fused]: [String; 2]) -> Compared {
    Compared::Differs(Box::new(Difference { calls, component, fused }))
}

/// The number of bytes of all memories that instances export, if they are the same; else what differs.
fn same_memories(sides: &Sides<'_>, fused: &Fused) -> Result<Result<u64, [String; 2]>, Error> {
    let (store, instance) = &sides.fused;
    let memory = instance.get_memory(store, MEMORY);
    let memory = memory.ok_or_else(|| Error::msg("the fused module lacks its memory"))?;
    let all = memory.data(store);
    let (store, instance) = &sides.original;
    let mut bytes = 0;
    for region in &fused.regions {
        let Some(memory) = instance.memory(store, region.instance) else { continue };
        let original = memory.data(store);
        let base = region.base as usize;
        let part = all.get(base..base + original.len()).unwrap_or_default();
        bytes += original.len() as u64;
        if original == part {
            continue;
        }
        let at = original.iter().zip(part).position(|(a, b)| a != b);
        let place = match at {
            Some(at) => {
                format!("at address {at} of the memory of core instance {}", region.instance)
            }
            None => format!("the memory of core instance {} has another size", region.instance),
        };
        let byte = |of: &[u8]| at.and_then(|at| of.get(at)).map_or(0, |byte| *byte);
        return Ok(Err([original, part].map(|of| format!("has {:#04x} {place}", byte(of)))));
    }
    Ok(Ok(bytes))
}

/// The progress of a comparison.
struct Count {
    comparison: Comparison,
    total: u32,
}

impl Progress for Count {
    fn parts(&self) -> Vec<String> {
        let calls = grouped(self.comparison.calls);
        vec![format!("{calls} of {} compared", counted(self.total.into(), "call"))]
    }
}
