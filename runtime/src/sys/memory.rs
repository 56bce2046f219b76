//! The layout of linear memories in the store, which compiled code reads.

use std::mem::offset_of;
use std::ptr::NonNull;

use leakbench_allocator::{MEMORY_MAX_BYTES, SlotMemory, WASM_PAGE_BYTES};

use crate::types::MemoryType;
use crate::vm::layout;

/// A linear memory. Its base never changes, because its slot is reserved whole.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct MemoryDef {
    /// Compiled code reads it. The slot's length is this, rounded up to pages of 64 KiB.
    len_bytes: u64,
    /// Index among the memories of the store.
    index: u32,
    ty: MemoryType,
    slot: SlotMemory,
}

const _: () = assert!(offset_of!(MemoryDef, len_bytes) == layout::MEMORY_DEF_LEN_BYTES as usize);

impl MemoryDef {
    /// A memory in `slot`, with this index in the store.
    ///
    /// # Panics
    /// If the slot is not as long as the type says.
    pub(super) fn new(index: u32, ty: MemoryType, slot: SlotMemory) -> Self {
        assert_eq!(slot.len_bytes(), ty.slot_bytes(), "a slot of another length");
        MemoryDef { len_bytes: ty.min_bytes() as u64, index, ty, slot }
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    pub(crate) fn slot(&self) -> &SlotMemory {
        &self.slot
    }

    pub(super) fn base(&self) -> NonNull<u8> {
        self.slot.base()
    }

    /// The type for matching imports: its minimum is the present size.
    pub(crate) fn ty(&self) -> MemoryType {
        self.ty.with_minimum(self.pages())
    }

    pub(crate) fn pages(&self) -> u64 {
        self.len_bytes >> self.ty.page_size_log2()
    }

    pub(crate) fn data(&self) -> &[u8] {
        // SAFETY: the slot is readable and writable up to its length, which is not less, and the
        // kernel initialises it. Only guests, which do not run while the store is borrowed, and users of `data_mut`
        // write it.
        unsafe { std::slice::from_raw_parts(self.slot.base().as_ptr(), self.len_bytes as usize) }
    }

    pub(super) fn data_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `self` is exclusively borrowed.
        unsafe {
            std::slice::from_raw_parts_mut(self.slot.base().as_ptr(), self.len_bytes as usize)
        }
    }

    /// Adds `delta` pages, and returns the previous number; `None` if the memory's maximum, the
    /// slot or the kernel does not allow it.
    pub(super) fn grow(&mut self, delta: u64) -> Option<u64> {
        let before = self.pages();
        if delta == 0 {
            return Some(before);
        }
        let after = before.checked_add(delta)?;
        // An index of 32 bits does not count 2^32 pages of one byte.
        let is_countable = self.ty.is_64() || u32::try_from(after).is_ok();
        if !is_countable || self.ty.maximum().is_some_and(|max| after > max) {
            return None;
        }
        let len_bytes = after.checked_mul(self.ty.page_size())?;
        if len_bytes > MEMORY_MAX_BYTES as u64 {
            return None;
        }
        let slot_bytes = (len_bytes as usize).next_multiple_of(WASM_PAGE_BYTES);
        if slot_bytes > self.slot.len_bytes() {
            self.slot.grow(slot_bytes).ok()?;
        }
        self.len_bytes = len_bytes;
        Some(before)
    }
}
