//! The works, written once for both runtimes: their interfaces have the same names. Each file that
//! includes this one defines `wasm`, the crate, and `engine`.

use std::time::{Duration, Instant};

use super::wasm::{Engine, Error, Instance, InstancePre, Linker, Module, Store, TypedFunc};
use crate::SLOTS;
use crate::peer::Run;
use crate::rows::{Side, Work};

#[path = "cycle.rs"]
mod cycle;
#[path = "sys/load.rs"]
mod load;
#[path = "programs.rs"]
mod programs;

/// The error of the host function that fails.
#[derive(Debug)]
struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

fn text(error: Error) -> String {
    format!("{error:#}")
}

/// Compiles a module. Returns the time, and the reason if the runtime refuses the module.
///
/// # Errors
/// If there is no engine.
pub(crate) fn compile_once(
    binary: &[u8],
    side: Side,
) -> Result<(Duration, Option<String>), String> {
    let engine = super::engine(side, SLOTS).map_err(text)?;
    let began = Instant::now();
    let refusal = Module::from_binary(&engine, binary).err().map(text);
    Ok((began.elapsed(), refusal))
}

/// Prepares a work.
///
/// # Errors
/// If the guest cannot be read, compiled or instantiated.
pub(crate) fn prepare(work: &Work, side: Side) -> Result<Run, String> {
    let engine = super::engine(side, work.slots()).map_err(text)?;
    match work {
        Work::Compile { guest } => {
            let binary = guest.binary()?;
            Ok(Box::new(move |times, _| {
                for _ in 0..times {
                    Module::from_binary(&engine, &binary).map_err(text)?;
                }
                Ok(0)
            }))
        }
        Work::Call { guest, export, size, .. } => {
            let (mut store, func) = instance(&engine, &guest.binary()?, export).map_err(text)?;
            let size = *size;
            Ok(Box::new(move |times, _| {
                let mut last = 0;
                for _ in 0..times {
                    last = func.call(&mut store, size).map_err(text)?;
                }
                Ok(last)
            }))
        }
        Work::Program { guest, program } => {
            programs::prepare(*program, &engine, &guest.binary()?).map_err(text)
        }
        Work::Fail { guest, export } => {
            let (mut store, func) = instance(&engine, &guest.binary()?, export).map_err(text)?;
            Ok(Box::new(move |times, _| {
                for _ in 0..times {
                    if func.call(&mut store, 7).is_ok() {
                        return Err("the call did not fail".to_owned());
                    }
                }
                Ok(0)
            }))
        }
        Work::Cycle { guest, export, from, threads } => {
            cycle::prepare(engine, &guest.binary()?, export, *from, *threads)
        }
        Work::Instantiate { guest, export } => {
            let module = Module::from_binary(&engine, &guest.binary()?).map_err(text)?;
            let pre = Linker::<()>::new(&engine).instantiate_pre(&module).map_err(text)?;
            let export = *export;
            Ok(Box::new(move |times, _| {
                let mut last = 0;
                for _ in 0..times {
                    (_, last) = run_instance(&engine, &pre, export).map_err(text)?;
                }
                Ok(last)
            }))
        }
        Work::Drop { guest, export, slots } => {
            cycle::prepare_drop(engine, &guest.binary()?, export, *slots)
        }
    }
}

fn instance(
    engine: &Engine,
    binary: &[u8],
    export: &str,
) -> Result<(Store<()>, TypedFunc<i32, i64>), Error> {
    let module = Module::from_binary(engine, binary)?;
    let mut linker = Linker::new(engine);
    linker.func_wrap("host", "next", |x: i32| x.wrapping_add(1))?;
    linker
        .func_wrap("host", "fail", |_: i32| -> Result<i32, Error> { Err(Error::new(Refused)) })?;
    let mut store = Store::new(engine, ());
    let instance = linker.instantiate(&mut store, &module)?;
    let func = instance.get_typed_func(&mut store, export)?;
    Ok((store, func))
}

/// Makes a store with an instance and calls `export`, if there is one. Returns the store and the result.
fn run_instance(
    engine: &Engine,
    pre: &InstancePre<()>,
    export: Option<&str>,
) -> Result<(Store<()>, i64), Error> {
    let mut store = Store::new(engine, ());
    let instance: Instance = pre.instantiate(&mut store)?;
    let result = match export {
        Some(export) => {
            instance.get_typed_func::<i32, i64>(&mut store, export)?.call(&mut store, 7)?
        }
        None => 0,
    };
    Ok((store, result))
}
