//! Modules from files of artifacts, which the runtime does not validate.

use std::fs::File;
use std::io::{self, Write};

use leakbench_runtime::{Engine, Error, Module};

/// A module whose code and image are a file without a name, written with the artifact of `binary`.
///
/// # Errors
/// Those of compiling, writing and loading.
pub(in crate::subjects) fn module_from_file(
    engine: &Engine,
    binary: &[u8],
) -> Result<Module, FileError> {
    let artifact = engine.precompile_module(binary).map_err(FileError::Compile)?;
    let file = write(&artifact).map_err(FileError::Write)?;
    // SAFETY: the file has what the compiler of this engine returned. It has no name, so no other
    // program opens it to write.
    unsafe { Module::deserialize_open_file(engine, file) }.map_err(FileError::Load)
}

fn write(artifact: &[u8]) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(artifact)?;
    Ok(file)
}

/// The reason for which no module is made from a file.
#[derive(Debug, thiserror::Error)]
pub(in crate::subjects) enum FileError {
    /// The binary does not compile.
    #[error(transparent)]
    Compile(Error),
    /// The file cannot be written.
    #[error("cannot write an artifact into the folder for temporary files (TMPDIR): {0}")]
    Write(#[source] io::Error),
    /// The artifact cannot be loaded.
    #[error("cannot load an artifact from a file (TMPDIR): {0}")]
    Load(#[source] Error),
}
