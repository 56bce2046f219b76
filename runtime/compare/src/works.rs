//! The works, written once for both runtimes: their interfaces have the same names. Each file that
//! includes this one defines `wasm`, the crate, and `engine`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::wasm::{
    Engine, Error, ExternType, Instance, InstancePre, Linker, Module, Store, TypedFunc, Val,
};
use crate::rows::{SCRIPT, Side, Work};

#[path = "sys/load.rs"]
mod load;

/// A function that does the work so many times, and returns a number that depends on it.
pub(crate) type Run = Box<dyn FnMut(u64) -> Result<i64, String>>;

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
    let engine = super::engine(side).map_err(text)?;
    let began = Instant::now();
    let refusal = Module::from_binary(&engine, binary).err().map(text);
    Ok((began.elapsed(), refusal))
}

/// Prepares a work.
///
/// # Errors
/// If the guest cannot be read, compiled or instantiated.
pub(crate) fn prepare(work: &Work, side: Side) -> Result<Run, String> {
    let engine = super::engine(side).map_err(text)?;
    match work {
        Work::Compile { guest } => {
            let binary = guest.binary()?;
            Ok(Box::new(move |times| {
                for _ in 0..times {
                    Module::from_binary(&engine, &binary).map_err(text)?;
                }
                Ok(0)
            }))
        }
        Work::Call { guest, export, size, .. } => {
            let (mut store, func) = instance(&engine, &guest.binary()?, export).map_err(text)?;
            let size = *size;
            Ok(Box::new(move |times| {
                let mut last = 0;
                for _ in 0..times {
                    last = func.call(&mut store, size).map_err(text)?;
                }
                Ok(last)
            }))
        }
        Work::Script { guest } => script(&engine, &guest.binary()?).map_err(text),
        Work::Fail { guest, export } => {
            let (mut store, func) = instance(&engine, &guest.binary()?, export).map_err(text)?;
            Ok(Box::new(move |times| {
                for _ in 0..times {
                    if func.call(&mut store, 7).is_ok() {
                        return Err("the call did not fail".to_owned());
                    }
                }
                Ok(0)
            }))
        }
        Work::Load { guest, export } => {
            let artifact = engine.precompile_module(&guest.binary()?).map_err(text)?;
            let file = Artifact::new(&artifact)?;
            let linker = Linker::<()>::new(&engine);
            let export = *export;
            Ok(Box::new(move |times| {
                let mut last = 0;
                for _ in 0..times {
                    let module = load::load(&engine, &file.0).map_err(text)?;
                    let pre = linker.instantiate_pre(&module).map_err(text)?;
                    last = cycle(&engine, &pre, Some(export)).map_err(text)?;
                }
                Ok(last)
            }))
        }
        Work::Instantiate { guest, export } => {
            let module = Module::from_binary(&engine, &guest.binary()?).map_err(text)?;
            let pre = Linker::<()>::new(&engine).instantiate_pre(&module).map_err(text)?;
            let export = *export;
            Ok(Box::new(move |times| {
                let mut last = 0;
                for _ in 0..times {
                    last = cycle(&engine, &pre, export).map_err(text)?;
                }
                Ok(last)
            }))
        }
    }
}

/// A file that is removed with this value.
struct Artifact(PathBuf);

impl Artifact {
    fn new(bytes: &[u8]) -> Result<Artifact, String> {
        let name = format!("leakbench-compare-{}.artifact", std::process::id());
        let file = Artifact(std::env::temp_dir().join(name));
        std::fs::write(&file.0, bytes).map_err(|error| error.to_string())?;
        Ok(file)
    }
}

impl Drop for Artifact {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
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

/// Prepares the evaluation of a script in quickjs. Its imports return 0.
fn script(engine: &Engine, binary: &[u8]) -> Result<Run, Error> {
    let module = Module::from_binary(engine, binary)?;
    let mut linker = Linker::new(engine);
    for import in module.imports() {
        if let ExternType::Func(ty) = import.ty() {
            linker.func_new(import.module(), import.name(), ty, |_, _, results| {
                results.fill(Val::I32(0));
                Ok(())
            })?;
        }
    }
    let mut store = Store::new(engine, ());
    let instance = linker.instantiate(&mut store, &module)?;
    instance.get_typed_func::<(), ()>(&mut store, "_initialize")?.call(&mut store, ())?;
    instance.get_typed_func::<(), i32>(&mut store, "qjs_init")?.call(&mut store, ())?;
    let allocate = instance.get_typed_func::<i32, i32>(&mut store, "wasm_malloc")?;
    let place = allocate.call(&mut store, SCRIPT.len() as i32 + 1)?;
    let memory =
        instance.get_memory(&mut store, "memory").ok_or_else(|| Error::msg("no memory"))?;
    memory.data_mut(&mut store)[place as usize..][..=SCRIPT.len()]
        .copy_from_slice(format!("{SCRIPT}\0").as_bytes());
    let eval = instance.get_typed_func::<(i32, i32, i32, i32), i32>(&mut store, "qjs_eval")?;
    let number = instance.get_typed_func::<i32, f64>(&mut store, "qjs_get_float64")?;
    let free = instance.get_typed_func::<i32, ()>(&mut store, "qjs_free_value")?;
    Ok(Box::new(move |times| {
        let mut last = 0;
        for _ in 0..times {
            // The end of the script is an empty name.
            let name = place + SCRIPT.len() as i32;
            let result =
                eval.call(&mut store, (place, SCRIPT.len() as i32, name, 0)).map_err(text)?;
            last = number.call(&mut store, result).map_err(text)? as i64;
            free.call(&mut store, result).map_err(text)?;
        }
        if last == 0 {
            return Err("the script failed".to_owned());
        }
        Ok(last)
    }))
}

fn cycle(engine: &Engine, pre: &InstancePre<()>, export: Option<&str>) -> Result<i64, Error> {
    let mut store = Store::new(engine, ());
    let instance: Instance = pre.instantiate(&mut store)?;
    let Some(export) = export else {
        return Ok(0);
    };
    instance.get_typed_func::<i32, i64>(&mut store, export)?.call(&mut store, 7)
}
