//! The runtimes that are compared: this project's, Wasmtime and wasmi.

pub mod builtin;
pub mod wasmi;
pub mod wasmtime;

use crate::outcome::{End, Outcome, State};

/// Bytes of stack for guests, in runtimes that run them on the thread's stack.
const STACK_BYTES: usize = 2 << 20;

/// The end of a call; `None` if it met a limit of the runtime.
type Called = Option<End>;

/// The store of an instance, in a runtime's own types.
trait Guest {
    /// What an instance exports.
    type Item;

    /// Calls an exported function with the arguments for the `index`th call. `None` if it is none, or a parameter has
    /// no value.
    fn call(&mut self, item: &Self::Item, index: usize) -> Option<Called>;

    /// What an exported global, memory or table holds.
    fn state(&mut self, item: &Self::Item) -> Option<State>;
}

/// Calls each exported function, and then reads the state.
fn observe<G: Guest>(guest: &mut G, exports: &[(String, G::Item)]) -> Outcome {
    let mut calls = Vec::new();
    for (index, (name, item)) in exports.iter().enumerate() {
        match guest.call(item, index) {
            None => {}
            Some(Some(end)) => calls.push((name.clone(), end)),
            Some(None) => return Outcome::Exhausted,
        }
    }
    let mut states = Vec::new();
    for (name, item) in exports {
        states.extend(guest.state(item).map(|state| (name.clone(), state)));
    }
    Outcome::Ran { calls, state: states }
}

/// What a module does on each runtime.
#[derive(Debug)]
pub struct Outcomes {
    /// On the built-in runtime with fast code, in slots of a pool.
    pub speed: Outcome,
    /// On the built-in runtime with code that is quick to compile, in mappings of their own.
    pub none: Outcome,
    /// On Wasmtime.
    pub wasmtime: Outcome,
    /// On wasmi; `None` if it lacks a proposal that the module needs.
    pub wasmi: Option<Outcome>,
}

impl Outcomes {
    /// Runs a module that the built-in runtime's features allow. `None` if it does not end, or meets a limit
    /// of a runtime.
    pub fn of(binary: &[u8]) -> Option<Outcomes> {
        // First, since its fuel decides whether a module ends.
        let wasmtime = wasmtime::run(binary);
        if wasmtime == Outcome::Exhausted {
            return None;
        }
        let [speed, none] = builtin::run(binary);
        if speed == Outcome::Exhausted || none == Outcome::Exhausted {
            return None;
        }
        let wasmi = match wasmi::run(binary) {
            Outcome::Refused(_) | Outcome::Exhausted => None,
            ran => Some(ran),
        };
        Some(Outcomes { speed, none, wasmtime, wasmi })
    }

    /// True if the built-in runtime is wrong: its two compilers differ, or no other runtime agrees with it.
    /// wasmi 2.0.0 and Wasmtime have errors of their own, so one that agrees is enough.
    pub fn blames_builtin(&self) -> bool {
        let others = [Some(&self.wasmtime), self.wasmi.as_ref()];
        self.speed != self.none || !others.into_iter().flatten().any(|other| *other == self.speed)
    }

    /// Runs a module.
    ///
    /// # Panics
    /// If the built-in runtime is wrong.
    pub fn check(binary: &[u8]) -> bool {
        let Some(outcomes) = Outcomes::of(binary) else { return false };
        assert!(!outcomes.blames_builtin(), "the built-in runtime is alone: {outcomes:#?}");
        true
    }
}
