//! The lives of modules: from their creation to their drop.

use std::path::PathBuf;

use super::super::wasm::{Engine, Linker, Module};
use super::{load, run_instance, text};
use crate::peer::Run;
use crate::rows::Source;

/// Prepares cycles of modules. Each thread does as many as are asked for.
pub(super) fn prepare(
    engine: Engine,
    binary: &[u8],
    export: &'static str,
    from: Source,
    threads: u32,
) -> Result<Run, String> {
    let artifact = || engine.precompile_module(binary).map_err(text);
    let origin = match from {
        Source::Binary => Origin::Binary(binary.to_owned()),
        Source::Artifact => Origin::Artifact(artifact()?),
        Source::File => Origin::File(ArtifactFile::new(&artifact()?)?),
    };
    let linker = Linker::<()>::new(&engine);
    let cycles = move |times| {
        let mut last = 0;
        for _ in 0..times {
            let module = origin.module(&engine)?;
            let pre = linker.instantiate_pre(&module).map_err(text)?;
            (_, last) = run_instance(&engine, &pre, Some(export)).map_err(text)?;
        }
        Ok(last)
    };
    Ok(Box::new(move |times, _| {
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| cycles(times))).collect();
            let mut result = cycles(times);
            for other in others {
                let other = other.join().map_err(|_| "a thread panicked".to_owned())?;
                result = result.and(other);
            }
            result
        })
    }))
}

/// Prepares drops of a module to which all slots are affine. Only the drop takes time.
pub(super) fn prepare_drop(
    engine: Engine,
    binary: &[u8],
    export: &'static str,
    slots: u32,
) -> Result<Run, String> {
    let artifact = engine.precompile_module(binary).map_err(text)?;
    let linker = Linker::<()>::new(&engine);
    Ok(Box::new(move |times, stopwatch| {
        let mut last = 0;
        for _ in 0..times {
            stopwatch.pause();
            let module = load::deserialize(&engine, &artifact).map_err(text)?;
            let pre = linker.instantiate_pre(&module).map_err(text)?;
            let mut stores = Vec::new();
            for _ in 0..slots {
                let (store, result) = run_instance(&engine, &pre, Some(export)).map_err(text)?;
                stores.push(store);
                last = result;
            }
            drop(stores);
            drop(pre);
            stopwatch.resume();
            measured_drop(module);
        }
        Ok(last)
    }))
}

/// Drops a module. `scripts/flame-graphs` finds the work in this function.
#[inline(never)]
fn measured_drop(module: Module) {
    drop(module);
}

/// What modules are made of.
enum Origin {
    Binary(Vec<u8>),
    Artifact(Vec<u8>),
    File(ArtifactFile),
}

impl Origin {
    fn module(&self, engine: &Engine) -> Result<Module, String> {
        let module = match self {
            Origin::Binary(binary) => Module::from_binary(engine, binary),
            Origin::Artifact(artifact) => load::deserialize(engine, artifact),
            Origin::File(file) => load::deserialize_file(engine, &file.0),
        };
        module.map_err(text)
    }
}

/// A file that is removed with this value.
struct ArtifactFile(PathBuf);

impl ArtifactFile {
    fn new(bytes: &[u8]) -> Result<ArtifactFile, String> {
        let name = format!("leakbench-compare-{}.artifact", std::process::id());
        let file = ArtifactFile(std::env::temp_dir().join(name));
        std::fs::write(&file.0, bytes).map_err(|error| error.to_string())?;
        Ok(file)
    }
}

impl Drop for ArtifactFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
