//! Shared by several tests: configurations, and the mappings of this process from /proc.
#![allow(dead_code, unused_imports, reason = "each test uses some of it")]

mod sys;

use std::fs;
use std::num::NonZeroU32;

use leakbench_allocator::{
    IMAGE_NAME, OnDrop, Pool, PoolConfig, SlotMemory, SlotUse, Strategy, WASM_PAGE_BYTES,
};

pub(crate) use sys::{Filler, bytes, bytes_mut};

/// One WebAssembly page in bytes.
pub(crate) const PAGE: usize = WASM_PAGE_BYTES;

/// A configuration with these slots and this strategy, and defaults otherwise.
pub(crate) fn config(slots: u32, strategy: Strategy) -> PoolConfig {
    PoolConfig { slots: NonZeroU32::new(slots).unwrap(), strategy, ..PoolConfig::default() }
}

/// The number of slots of a decommit batch.
pub(crate) fn batch(slots: u32) -> NonZeroU32 {
    NonZeroU32::new(slots).unwrap()
}

/// The index of the first byte that differs from the expected one; `None` if none does.
pub(crate) fn first_difference(memory: &SlotMemory, expected: &[u8]) -> Option<usize> {
    assert_eq!(memory.len_bytes(), expected.len());
    if bytes(memory) == expected {
        return None;
    }
    bytes(memory).iter().zip(expected).position(|(is, should)| is != should)
}

/// The inode numbers of the images that slots of the pool map, one for each mapping.
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

/// All combinations of strategy and drop policy.
pub(crate) fn strategies_and_policies() -> impl Iterator<Item = (Strategy, OnDrop)> {
    Strategy::ALL.iter().flat_map(|strategy| OnDrop::ALL.map(|on_drop| (*strategy, on_drop)))
}
