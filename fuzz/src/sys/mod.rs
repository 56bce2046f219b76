//! The unsafe code of the targets.

#![allow(unsafe_code, reason = "the place for it")]

use std::cell::UnsafeCell;
use std::fs::File;

use leakbench_allocator::SlotMemory;
use leakbench_runtime::{Engine, Error, Module};

/// The bytes of a shared memory, which no other thread has.
pub fn shared_bytes(bytes: &[UnsafeCell<u8>]) -> Vec<u8> {
    // SAFETY: targets run guests on one thread, and no guest runs during the call.
    bytes.iter().map(|byte| unsafe { *byte.get() }).collect()
}

/// Loads an artifact, whose code does not run.
///
/// # Errors
/// Those of [`Module::deserialize`].
pub fn loaded(engine: &Engine, bytes: &[u8]) -> Result<Module, Error> {
    // SAFETY: the bytes are an artifact of this crate, or one that is damaged by chance, or such with other
    // settings. No code of the module runs.
    unsafe { Module::deserialize(engine, bytes) }
}

/// As [`loaded`], of a file that nothing changes.
///
/// # Errors
/// Those of [`Module::deserialize_open_file`].
pub fn loaded_file(engine: &Engine, file: File) -> Result<Module, Error> {
    // SAFETY: as in `loaded`, and nothing else has the file.
    unsafe { Module::deserialize_open_file(engine, file) }
}

/// The bytes of a memory.
pub fn slot_bytes(memory: &SlotMemory) -> &[u8] {
    // SAFETY: the memory is so long, and borrowed as long as its bytes.
    unsafe { std::slice::from_raw_parts(memory.base().as_ptr(), memory.len_bytes()) }
}

/// The bytes of a memory, to be changed.
pub fn slot_bytes_mut(memory: &mut SlotMemory) -> &mut [u8] {
    // SAFETY: as in `slot_bytes`, and nothing else has the memory.
    unsafe { std::slice::from_raw_parts_mut(memory.base().as_ptr(), memory.len_bytes()) }
}
