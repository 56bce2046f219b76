//! Loading compiled modules that the benchmark has made.

#![allow(unsafe_code, reason = "the caller of the runtime vouches for a compiled module")]

use std::path::Path;

use leakbench_runtime::{Engine, Error, Module};

pub(crate) fn bytes(engine: &Engine, bytes: &[u8]) -> Result<Module, Error> {
    // SAFETY: the benchmark passes bytes that this crate made.
    unsafe { Module::deserialize(engine, bytes) }
}

pub(crate) fn file(engine: &Engine, path: &Path) -> Result<Module, Error> {
    // SAFETY: as above, and nothing writes to the file.
    unsafe { Module::deserialize_file(engine, path) }
}
