//! The decommit queue: slots that were given back and wait to be reset together.
//!
//! It follows Wasmtime 48 in a defect, which leakbench is there to find: a slot in the queue is in
//! no affinity list yet, so the purge of its module misses it. When the queue is flushed the slot
//! becomes affine to a module that is gone, and goes on mapping its image until another module
//! happens to take it. [`PoolConfig::flush_on_drop`](crate::PoolConfig::flush_on_drop) is the cure.

use std::mem;
use std::num::NonZeroU32;

use crate::sys::SlotMapping;

/// Slots that wait, in the order in which they were given back.
#[derive(Debug)]
pub(crate) struct DecommitQueue {
    waiting: Vec<SlotMapping>,
    batch: NonZeroU32,
}

impl DecommitQueue {
    pub(crate) fn new(batch: NonZeroU32) -> DecommitQueue {
        DecommitQueue { waiting: Vec::new(), batch }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Adds a slot. Gives whether a batch is complete.
    #[must_use]
    pub(crate) fn push(&mut self, mapping: SlotMapping) -> bool {
        self.waiting.push(mapping);
        self.waiting.len() >= self.batch.get() as usize
    }

    /// Takes all that wait, and goes on with an empty buffer.
    pub(crate) fn take(&mut self, empty: Vec<SlotMapping>) -> Vec<SlotMapping> {
        mem::replace(&mut self.waiting, empty)
    }
}
