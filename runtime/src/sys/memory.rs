//! The layout of linear memories in the store, which compiled code reads.

use std::mem::offset_of;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use leakbench_allocator::{OwnMemory, PoolModule, SlotMemory, WASM_PAGE_BYTES};

use crate::config::Memories;
use crate::engine::Engine;
use crate::error::Error;
use crate::sys::shared_memory::SharedMemory;
use crate::types::MemoryType;
use crate::vm::layout;

/// What compiled code reads of a memory. The base never changes if the type
/// [is bounded](MemoryType::is_bounded_by_reservation) by reserved address space, or shared.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct MemoryHead {
    base: NonNull<u8>,
    len_bytes: AtomicU64,
}

const _: () = assert!(
    offset_of!(MemoryHead, base) == layout::MEMORY_HEAD_BASE as usize
        && offset_of!(MemoryHead, len_bytes) == layout::MEMORY_HEAD_LEN_BYTES as usize
);

// SAFETY: the base is an address in a memory that the owner of this owns.
unsafe impl Send for MemoryHead {}
// SAFETY: a shared reference only reads the base.
unsafe impl Sync for MemoryHead {}

impl MemoryHead {
    pub(super) fn new(base: NonNull<u8>, len_bytes: u64) -> Self {
        MemoryHead { base, len_bytes: AtomicU64::new(len_bytes) }
    }

    pub(super) fn base(&self) -> NonNull<u8> {
        self.base
    }

    pub(super) fn len_bytes(&self) -> u64 {
        self.len_bytes.load(Ordering::Acquire)
    }

    /// Makes more bytes known, which are accessible already.
    pub(super) fn set_len_bytes(&self, len_bytes: u64) {
        self.len_bytes.store(len_bytes, Ordering::Release);
    }
}

/// A linear memory in a store.
#[derive(Debug)]
pub(crate) struct MemoryDef {
    /// Of a memory that is not shared.
    head: MemoryHead,
    /// Index among the memories of the store.
    index: u32,
    ty: MemoryType,
    place: MemoryPlace,
}

/// The allocation of a memory. It owns the bytes.
#[derive(Debug)]
pub(crate) enum MemoryPlace {
    /// At least as long as the memory, in pages of 64 KiB.
    Slot(SlotMemory),
    Own(OwnMemory),
    /// Other stores have it too.
    Shared(SharedMemory),
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
        let place = Self::allocate(engine, module, ty)?;
        if ty.is_shared() {
            return Ok(MemoryPlace::Shared(SharedMemory::in_place(ty, place)));
        }
        Ok(place)
    }

    /// As [`Self::new`]; the place of a shared memory is that of all stores together.
    pub(super) fn allocate(
        engine: &Engine,
        module: Option<&PoolModule>,
        ty: MemoryType,
    ) -> Result<Self, Error> {
        Ok(match engine.config().memories {
            Memories::Pooled => MemoryPlace::Slot(engine.pool().allocate(module, ty.slot_bytes())?),
            Memories::OnDemand => {
                let (len_bytes, bounds) = ty.own_place();
                MemoryPlace::Own(OwnMemory::new(module, len_bytes, bounds)?)
            }
        })
    }

    pub(super) fn base(&self) -> NonNull<u8> {
        match self {
            MemoryPlace::Slot(slot) => slot.base(),
            MemoryPlace::Own(own) => own.base(),
            MemoryPlace::Shared(shared) => shared.head().base(),
        }
    }

    fn len_bytes(&self) -> usize {
        match self {
            MemoryPlace::Slot(slot) => slot.len_bytes(),
            MemoryPlace::Own(own) => own.len_bytes(),
            MemoryPlace::Shared(shared) => shared.data_size(),
        }
    }

    /// Makes at least `len_bytes` accessible; `None` if it cannot.
    pub(super) fn grow(&mut self, ty: MemoryType, len_bytes: u64) -> Option<()> {
        let len_bytes = usize::try_from(len_bytes).ok()?;
        if len_bytes <= self.len_bytes() {
            return Some(());
        }
        let whole = len_bytes.checked_next_multiple_of(WASM_PAGE_BYTES)?;
        match self {
            MemoryPlace::Slot(slot) => slot.grow(whole).ok(),
            MemoryPlace::Own(own) if ty.is_bounded_by_reservation() => own.grow(whole).ok(),
            MemoryPlace::Own(own) => own.grow(len_bytes).ok(),
            MemoryPlace::Shared(_) => None,
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
        MemoryDef { head: MemoryHead::new(place.base(), ty.min_bytes() as u64), index, ty, place }
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// The slot; `None` if the memory is in none, or shared.
    pub(crate) fn slot(&self) -> Option<&SlotMemory> {
        match &self.place {
            MemoryPlace::Slot(slot) => Some(slot),
            MemoryPlace::Own(_) | MemoryPlace::Shared(_) => None,
        }
    }

    /// The memory, if other stores may have it too.
    pub(crate) fn shared(&self) -> Option<&SharedMemory> {
        match &self.place {
            MemoryPlace::Shared(shared) => Some(shared),
            MemoryPlace::Slot(_) | MemoryPlace::Own(_) => None,
        }
    }

    /// What compiled code reads.
    pub(super) fn head(&self) -> &MemoryHead {
        self.shared().map_or(&self.head, SharedMemory::head)
    }

    pub(crate) fn base(&self) -> NonNull<u8> {
        self.head().base
    }

    /// The type for matching imports: its minimum is the present size.
    pub(crate) fn ty(&self) -> MemoryType {
        self.ty.with_minimum(self.pages())
    }

    pub(crate) fn pages(&self) -> u64 {
        self.head().len_bytes() >> self.ty.page_size_log2()
    }

    /// The bytes of a memory that is not shared.
    ///
    /// # Panics
    /// If it is shared.
    pub(crate) fn data(&self) -> &[u8] {
        assert!(self.shared().is_none(), "a slice of a shared memory");
        // SAFETY: the place is readable and writable up to its length, which is not less, and the
        // kernel initialises it. Only guests, which do not run while the store is borrowed, and users of `data_mut`
        // write it.
        unsafe {
            std::slice::from_raw_parts(self.head.base.as_ptr(), self.head.len_bytes() as usize)
        }
    }

    /// The bytes of a memory that is not shared.
    ///
    /// # Panics
    /// If it is shared.
    pub(super) fn data_mut(&mut self) -> &mut [u8] {
        assert!(self.shared().is_none(), "a slice of a shared memory");
        // SAFETY: as above, and `self` is exclusively borrowed.
        unsafe {
            std::slice::from_raw_parts_mut(self.head.base.as_ptr(), self.head.len_bytes() as usize)
        }
    }

    /// Writes bytes of a data segment; `None` if a part is out of bounds. Nothing is written then.
    pub(super) fn write(&mut self, start: usize, bytes: &[u8]) -> Option<()> {
        if let Some(shared) = self.shared() {
            return shared.write(start, bytes);
        }
        let end = start.checked_add(bytes.len())?;
        self.data_mut().get_mut(start..end)?.copy_from_slice(bytes);
        Some(())
    }

    /// The bytes of `delta` more pages; `None` if the maximum does not allow them.
    pub(super) fn growth_bytes(&self, delta: u64) -> Option<u64> {
        let (pages, len_bytes) = (self.pages(), self.head().len_bytes());
        self.ty.grown_bytes(pages, delta)?.checked_sub(len_bytes)
    }

    /// Adds `delta` pages, and returns the previous number; `None` if the memory's maximum, its
    /// place or the kernel does not allow it.
    pub(super) fn grow(&mut self, delta: u64) -> Option<u64> {
        if let Some(shared) = self.shared() {
            return shared.try_grow(delta);
        }
        let before = self.pages();
        if delta > 0 {
            let len_bytes = self.ty.grown_bytes(before, delta)?;
            self.place.grow(self.ty, len_bytes)?;
            self.head = MemoryHead::new(self.place.base(), len_bytes);
        }
        Some(before)
    }
}
