//! Writes to a memory.

#![allow(unsafe_code, reason = "memories are raw bytes")]

use leakbench_allocator::SlotMemory;

/// Writes the first byte of a memory.
pub(crate) fn touch(memory: &SlotMemory) {
    assert!(memory.len_bytes() > 0, "an empty memory");
    // SAFETY: the byte is within the memory, and no slice of the memory exists.
    unsafe { memory.base().as_ptr().write_volatile(1) };
}
