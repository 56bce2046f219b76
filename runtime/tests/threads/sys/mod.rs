//! Access to bytes that other threads may write.

#![allow(unsafe_code, reason = "bytes that other threads may write")]

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU8, Ordering};

/// A byte of a shared memory.
pub(crate) fn read(cell: &UnsafeCell<u8>) -> u8 {
    // SAFETY: the cell is a byte that all access atomically while this test reads it.
    unsafe { AtomicU8::from_ptr(cell.get()) }.load(Ordering::Relaxed)
}
