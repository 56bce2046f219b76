//! Modules from precompiled artifacts, which Wasmtime does not validate.

#![expect(unsafe_code, reason = "Module::deserialize runs the code that it is given")]

use std::path::Path;

use wasmtime::{Engine, Module};

use super::artifacts::Artifact;

/// A module of an artifact that the same engine compiled. Its bytes are copied, so that an image is a
/// memfd and not a mapping of a file.
pub(crate) fn deserialize(
    engine: &Engine,
    artifact: &Artifact,
) -> Result<Module, impl std::fmt::Display + use<>> {
    // SAFETY: an `Artifact` is what the compiler of this engine returned, unchanged but for the
    // bytes of data segments, at offsets that were checked to contain them. These are initial memory
    // of the guest, of the same length. A guest may write any bytes to its memory, so the runtime
    // does not trust them.
    unsafe { Module::deserialize(engine, artifact.bytes()) }
}

/// A module of a file with such an artifact, which the module maps.
pub(crate) fn deserialize_file(
    engine: &Engine,
    file: impl AsRef<Path>,
) -> Result<Module, impl std::fmt::Display> {
    // SAFETY: as above. The caller has just written the file, and no other program knows it.
    unsafe { Module::deserialize_file(engine, file) }
}
