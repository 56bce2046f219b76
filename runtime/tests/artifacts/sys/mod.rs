//! Loading compiled modules that the tests have made.

#![allow(unsafe_code, reason = "the caller of the runtime vouches for a compiled module")]

use std::path::Path;

use leakbench_runtime::{Engine, Error, Module};

pub(crate) fn load(engine: &Engine, bytes: &[u8]) -> Result<Module, Error> {
    // SAFETY: tests pass bytes that this crate made, or that they damaged in ways that are found.
    unsafe { Module::deserialize(engine, bytes) }
}

#[allow(dead_code, reason = "not every test has files")]
pub(crate) fn load_file(engine: &Engine, path: &Path) -> Result<Module, Error> {
    // SAFETY: as above. Tests do not write to a file that is mapped.
    unsafe { Module::deserialize_file(engine, path) }
}

#[allow(dead_code, reason = "not every test has files")]
pub(crate) fn load_trusted_file(engine: &Engine, path: &Path) -> Result<Module, Error> {
    // SAFETY: as above.
    unsafe { Module::from_trusted_file(engine, path) }
}
