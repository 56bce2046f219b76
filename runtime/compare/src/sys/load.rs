//! Loads artifacts, which both runtimes trust.

#![allow(unsafe_code, reason = "the code of an artifact runs as it is")]

use std::path::Path;

use super::super::wasm::{Engine, Error, Module};

/// Loads an artifact that this process made.
pub(super) fn deserialize(engine: &Engine, artifact: &[u8]) -> Result<Module, Error> {
    // SAFETY: the bytes are what an engine of this crate with the same settings made.
    unsafe { Module::deserialize(engine, artifact) }
}

/// Loads an artifact that this process wrote to a file of its own.
pub(super) fn deserialize_file(engine: &Engine, path: &Path) -> Result<Module, Error> {
    // SAFETY: the file is what an engine of this crate with the same settings made, and nothing changes
    // it.
    unsafe { Module::deserialize_file(engine, path) }
}
