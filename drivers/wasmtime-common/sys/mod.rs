//! The one thing that is unsafe here: to trust a precompiled artifact.

#![expect(unsafe_code, reason = "Module::deserialize runs the code that it is given")]

use wasmtime::{Engine, Module};

use super::artifacts::Artifact;

/// A module of an artifact that the same engine compiled. Its bytes are copied, so that an image
/// is a memfd and not a mapping of a file.
pub(crate) fn deserialize(
    engine: &Engine,
    artifact: &Artifact,
) -> Result<Module, impl std::fmt::Display + use<>> {
    // SAFETY: an `Artifact` is what the compiler of this engine returned, unchanged but for the
    // bytes of data segments. Those are initial memory of the guest, of the same length, and a guest
    // may write to its memory whatever it likes: nothing in the runtime trusts them.
    unsafe { Module::deserialize(engine, artifact.bytes()) }
}
