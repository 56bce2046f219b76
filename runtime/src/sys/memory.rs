//! The layout of linear memories in the store, which compiled code reads.

use std::mem::offset_of;
use std::ptr::NonNull;

use leakbench_allocator::{MEMORY_MAX_BYTES, SlotMemory};

use crate::types::MemoryType;
use crate::vm::layout;

/// Size of a WebAssembly page in bytes.
pub(crate) const PAGE_BYTES: usize = 64 << 10;

/// A linear memory. Its base never changes, because its slot is reserved whole.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct MemoryDef {
    /// Compiled code reads it.
    len_bytes: u64,
    /// Index among the memories of the store.
    index: u32,
    min_pages: u32,
    max_pages: Option<u32>,
    slot: SlotMemory,
}

const _: () = assert!(offset_of!(MemoryDef, len_bytes) == layout::MEMORY_DEF_LEN_BYTES as usize);

impl MemoryDef {
    /// A memory in `slot`, with this index in the store.
    pub(super) fn new(index: u32, ty: MemoryType, slot: SlotMemory) -> Self {
        MemoryDef {
            len_bytes: slot.len_bytes() as u64,
            index,
            min_pages: ty.min_pages,
            max_pages: ty.max_pages,
            slot,
        }
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
        MemoryType { min_pages: self.pages(), max_pages: self.max_pages }
    }

    pub(crate) fn pages(&self) -> u32 {
        (self.len_bytes as usize / PAGE_BYTES) as u32
    }

    pub(crate) fn data(&self) -> &[u8] {
        // SAFETY: the slot is readable and writable up to its length, and the kernel initialises
        // it. Only guests, which do not run while the store is borrowed, and users of `data_mut`
        // write it.
        unsafe { std::slice::from_raw_parts(self.slot.base().as_ptr(), self.len_bytes as usize) }
    }

    pub(super) fn data_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `self` is exclusively borrowed.
        unsafe {
            std::slice::from_raw_parts_mut(self.slot.base().as_ptr(), self.len_bytes as usize)
        }
    }

    /// The address of `len` bytes from `start`; `None` if the memory has fewer. Unlike a slice, an
    /// address may overlap another one.
    pub(super) fn address_of(&self, start: u32, len: u32) -> Option<NonNull<u8>> {
        let end = u64::from(start) + u64::from(len);
        // SAFETY: in bounds of the slot, by the comparison.
        (end <= self.len_bytes).then(|| unsafe { self.base().add(start as usize) })
    }

    /// Adds `delta` pages, and returns the previous number; `None` if the memory's maximum, the
    /// slot or the kernel does not allow it.
    pub(super) fn grow(&mut self, delta: u32) -> Option<u32> {
        let before = self.pages();
        if delta == 0 {
            return Some(before);
        }
        let after = before.checked_add(delta)?;
        let limit = (MEMORY_MAX_BYTES / PAGE_BYTES) as u32;
        if after > self.max_pages.unwrap_or(limit).min(limit) {
            return None;
        }
        let len_bytes = after as usize * PAGE_BYTES;
        self.slot.grow(len_bytes).ok()?;
        self.len_bytes = len_bytes as u64;
        Some(before)
    }
}
