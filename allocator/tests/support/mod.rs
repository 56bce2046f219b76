//! What several tests need: the bytes of a memory, and what /proc says of this process.
#![allow(dead_code, unsafe_code, reason = "each test uses some of it; memories are raw bytes")]

use std::fs;
use std::num::NonZeroU32;

use leakbench_allocator::{
    IMAGE_NAME, OnDrop, Pool, PoolConfig, SlotMemory, SlotUse, Strategy, WASM_PAGE_BYTES,
};

/// One WebAssembly page, as a length.
pub(crate) const PAGE: usize = WASM_PAGE_BYTES;

/// So many slots of a strategy; the rest as by default.
pub(crate) fn config(slots: u32, strategy: Strategy) -> PoolConfig {
    PoolConfig { slots: NonZeroU32::new(slots).unwrap(), strategy, ..PoolConfig::default() }
}

/// That many slots a batch.
pub(crate) fn batch(slots: u32) -> NonZeroU32 {
    NonZeroU32::new(slots).unwrap()
}

/// All bytes of a memory.
pub(crate) fn bytes(memory: &SlotMemory) -> &[u8] {
    // SAFETY: `len_bytes` from the base can be read while the memory lives; no one else writes.
    unsafe { std::slice::from_raw_parts(memory.base().as_ptr(), memory.len_bytes()) }
}

/// All bytes of a memory, to write.
pub(crate) fn bytes_mut(memory: &mut SlotMemory) -> &mut [u8] {
    // SAFETY: as above, and the memory is borrowed exclusively.
    unsafe { std::slice::from_raw_parts_mut(memory.base().as_ptr(), memory.len_bytes()) }
}

/// Where the bytes first differ from those expected.
pub(crate) fn first_difference(memory: &SlotMemory, expected: &[u8]) -> Option<usize> {
    assert_eq!(memory.len_bytes(), expected.len());
    if bytes(memory) == expected {
        return None;
    }
    bytes(memory).iter().zip(expected).position(|(is, should)| is != should)
}

/// Inode numbers of the images that this process maps between two addresses, each as often as
/// there are mappings.
pub(crate) fn mapped_images(pool: &Pool) -> Vec<u64> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut inodes = Vec::new();
    for line in maps.lines().filter(|line| line.contains(IMAGE_NAME)) {
        // 7f0000000000-7f0000001000 rw-p 00000000 00:01 4711   /memfd:leakbench-image (deleted)
        let mut fields = line.split_whitespace();
        let start = fields.next().unwrap().split('-').next().unwrap();
        let start = usize::from_str_radix(start, 16).unwrap();
        if pool.geometry().slot_of(start).is_some() {
            inodes.push(fields.nth(3).unwrap().parse().unwrap());
        }
    }
    inodes
}

/// The state and the module of every slot.
pub(crate) fn uses(pool: &Pool) -> Vec<SlotUse> {
    let mut uses = Vec::new();
    pool.slot_uses(&mut uses);
    uses
}

/// Every strategy with every policy.
pub(crate) fn all_policies() -> impl Iterator<Item = (Strategy, OnDrop)> {
    Strategy::ALL.iter().flat_map(|strategy| OnDrop::ALL.map(|on_drop| (*strategy, on_drop)))
}
