//! The layout of linear memories in the store, which compiled code reads.

use std::mem::offset_of;
use std::ptr::NonNull;

use leakbench_allocator::{
    Bounds, MEMORY_MAX_BYTES, OwnMemory, PoolModule, SlotMemory, WASM_PAGE_BYTES,
};

use crate::config::Memories;
use crate::engine::Engine;
use crate::error::Error;
use crate::types::MemoryType;
use crate::vm::layout;

/// A linear memory.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct MemoryDef {
    /// Compiled code reads it, and the length. It never changes if the type
    /// [is bounded](MemoryType::is_bounded_by_reservation) by reserved address space.
    base: NonNull<u8>,
    len_bytes: u64,
    /// Index among the memories of the store.
    index: u32,
    ty: MemoryType,
    place: MemoryPlace,
}

const _: () = assert!(
    offset_of!(MemoryDef, base) == layout::MEMORY_DEF_BASE as usize
        && offset_of!(MemoryDef, len_bytes) == layout::MEMORY_DEF_LEN_BYTES as usize
);

// SAFETY: the base is an address in the place, which the value owns.
unsafe impl Send for MemoryDef {}
// SAFETY: a shared reference only reads the memory.
unsafe impl Sync for MemoryDef {}

/// The allocation of a memory. It owns the bytes.
#[derive(Debug)]
pub(crate) enum MemoryPlace {
    /// At least as long as the memory, in pages of 64 KiB.
    Slot(SlotMemory),
    Own(OwnMemory),
}

impl MemoryPlace {
    /// Allocates a memory of this type with the image of `module`, as the engine is configured.
    ///
    /// # Errors
    /// If the pool has no slot, the length is too much for it, or the kernel refuses.
    pub(crate) fn new(
        engine: &Engine,
        module: Option<&PoolModule>,
        ty: MemoryType,
    ) -> Result<Self, Error> {
        Ok(match engine.config().memories {
            Memories::Pooled => MemoryPlace::Slot(engine.pool().allocate(module, ty.slot_bytes())?),
            Memories::OnDemand if ty.is_bounded_by_reservation() => {
                MemoryPlace::Own(OwnMemory::new(module, ty.slot_bytes(), Bounds::Reserved)?)
            }
            Memories::OnDemand => {
                MemoryPlace::Own(OwnMemory::new(module, ty.min_bytes(), Bounds::Explicit)?)
            }
        })
    }

    fn base(&self) -> NonNull<u8> {
        match self {
            MemoryPlace::Slot(slot) => slot.base(),
            MemoryPlace::Own(own) => own.base(),
        }
    }

    fn len_bytes(&self) -> usize {
        match self {
            MemoryPlace::Slot(slot) => slot.len_bytes(),
            MemoryPlace::Own(own) => own.len_bytes(),
        }
    }

    /// Makes at least `len_bytes` accessible; `None` if it cannot.
    fn grow(&mut self, ty: MemoryType, len_bytes: u64) -> Option<()> {
        let len_bytes = usize::try_from(len_bytes).ok()?;
        match self {
            MemoryPlace::Own(own) if !ty.is_bounded_by_reservation() => own.grow(len_bytes).ok(),
            _ if len_bytes > MEMORY_MAX_BYTES => None,
            _ => {
                let whole = len_bytes.next_multiple_of(WASM_PAGE_BYTES);
                if whole <= self.len_bytes() {
                    return Some(());
                }
                match self {
                    MemoryPlace::Slot(slot) => slot.grow(whole).ok(),
                    MemoryPlace::Own(own) => own.grow(whole).ok(),
                }
            }
        }
    }
}

impl MemoryDef {
    /// A memory in `place`, with this index in the store.
    ///
    /// # Panics
    /// If the place is shorter than the type says.
    pub(super) fn new(index: u32, ty: MemoryType, place: MemoryPlace) -> Self {
        assert!(place.len_bytes() >= ty.min_bytes(), "a place of another length");
        MemoryDef { base: place.base(), len_bytes: ty.min_bytes() as u64, index, ty, place }
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// The slot; `None` if the memory is in none.
    pub(crate) fn slot(&self) -> Option<&SlotMemory> {
        match &self.place {
            MemoryPlace::Slot(slot) => Some(slot),
            MemoryPlace::Own(_) => None,
        }
    }

    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// The type for matching imports: its minimum is the present size.
    pub(crate) fn ty(&self) -> MemoryType {
        self.ty.with_minimum(self.pages())
    }

    pub(crate) fn pages(&self) -> u64 {
        self.len_bytes >> self.ty.page_size_log2()
    }

    pub(crate) fn data(&self) -> &[u8] {
        // SAFETY: the place is readable and writable up to its length, which is not less, and the
        // kernel initialises it. Only guests, which do not run while the store is borrowed, and users of `data_mut`
        // write it.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.len_bytes as usize) }
    }

    pub(super) fn data_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `self` is exclusively borrowed.
        unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr(), self.len_bytes as usize) }
    }

    /// The address of `len` bytes from `start`; `None` if the memory has fewer. Unlike a slice, an
    /// address may overlap another one.
    pub(super) fn address_of(&self, start: u64, len: u64) -> Option<NonNull<u8>> {
        let end = start.checked_add(len)?;
        // SAFETY: in bounds of the place, by the comparison.
        (end <= self.len_bytes).then(|| unsafe { self.base().add(start as usize) })
    }

    /// Adds `delta` pages, and returns the previous number; `None` if the memory's maximum, its
    /// place or the kernel does not allow it.
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
        self.place.grow(self.ty, len_bytes)?;
        self.base = self.place.base();
        self.len_bytes = len_bytes;
        Some(before)
    }
}
