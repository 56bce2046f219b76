//! The decommit queue: slots whose memories are dropped, to be reset together.
//!
//! The queue reproduces a defect of Wasmtime 48, so that leakbench can detect it. A slot in the
//! queue is in no affinity list yet, so the purge of its module misses it. When the queue is
//! flushed, the slot becomes affine to a dropped module, and maps its image until another module
//! takes the slot. [`PoolConfig::flush_on_drop`](crate::PoolConfig::flush_on_drop) avoids this.

use std::mem;
use std::num::NonZeroU32;

use crate::sys::SlotMapping;

/// Slots that wait for a reset, in the order in which their memories were dropped.
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

    /// The slots that wait.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &SlotMapping> {
        self.waiting.iter()
    }

    /// Adds a slot. Returns true if the batch is complete.
    #[must_use]
    pub(crate) fn push(&mut self, mapping: SlotMapping) -> bool {
        self.waiting.push(mapping);
        self.waiting.len() >= self.batch.get() as usize
    }

    /// Takes all slots, and continues with an empty buffer.
    pub(crate) fn take(&mut self, empty: Vec<SlotMapping>) -> Vec<SlotMapping> {
        mem::replace(&mut self.waiting, empty)
    }
}
