//! Loads artifacts, which both runtimes trust.

#![allow(unsafe_code, reason = "the code of an artifact runs as it is")]

use std::path::Path;

use super::super::wasm::{Engine, Error, Module};

/// Loads an artifact that this process wrote to a file of its own.
pub(super) fn load(engine: &Engine, path: &Path) -> Result<Module, Error> {
    // SAFETY: the file is what an engine of this crate with the same settings made, and nothing changes
    // it.
    unsafe { Module::deserialize_file(engine, path) }
}
