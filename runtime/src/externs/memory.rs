//! Linear memories as the host sees them.

use super::out_of_bounds;
use crate::error::{Error, TypeError};
use crate::store::{AsContext, AsContextMut};
use crate::sys::memory::MemoryDef;
use crate::sys::owned::Owned;
use crate::sys::store::StoreInner;
use crate::sys::store_id::StoreId;
use crate::types::MemoryType;

/// A linear memory of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Memory {
    store: StoreId,
    index: u32,
}

impl Memory {
    /// Creates a memory of zeroes, in a slot without affinity to a module.
    ///
    /// # Errors
    /// If the pool has no slot, the kernel refuses, or the store's limits do not allow it.
    pub fn new(mut store: impl AsContextMut, ty: MemoryType) -> Result<Self, Error> {
        let store = store.as_context_mut().into_inner();
        let index = store.add_memory(ty)?;
        Ok(Memory::new_in(store, index))
    }

    pub(crate) fn new_in(store: &StoreInner, index: u32) -> Self {
        Memory { store: store.id(), index }
    }

    pub(crate) fn def<'a>(&self, store: &'a StoreInner) -> &'a Owned<MemoryDef> {
        store.check(self.store, "Memory");
        store.memory(self.index)
    }

    /// The present type: its minimum is the present size.
    pub fn ty(&self, store: impl AsContext) -> MemoryType {
        self.def(store.as_context().into_inner()).ty()
    }

    /// The present size in pages, which usually have 64 KiB.
    pub fn size(&self, store: impl AsContext) -> u64 {
        self.def(store.as_context().into_inner()).pages()
    }

    /// The present size in bytes.
    pub fn data_size(&self, store: impl AsContext) -> usize {
        self.def(store.as_context().into_inner()).data().len()
    }

    /// The size of a page in bytes.
    pub fn page_size(&self, store: impl AsContext) -> u64 {
        self.ty(store).page_size()
    }

    /// The base 2 logarithm of the size of a page in bytes.
    pub fn page_size_log2(&self, store: impl AsContext) -> u8 {
        self.ty(store).page_size_log2()
    }

    /// The address of the first byte, which growth may change.
    pub fn data_ptr(&self, store: impl AsContext) -> *mut u8 {
        self.def(store.as_context().into_inner()).base().as_ptr()
    }

    /// The slot of the pool; `None` if the memory is in none.
    pub fn slot(&self, store: impl AsContext) -> Option<leakbench_allocator::SlotId> {
        self.def(store.as_context().into_inner()).slot().map(leakbench_allocator::SlotMemory::slot)
    }

    /// Adds `delta` pages, and returns the previous number.
    ///
    /// # Errors
    /// If the maximum, the store's limits or the kernel do not allow it.
    pub fn grow(&self, mut store: impl AsContextMut, delta: u64) -> Result<u64, Error> {
        let store = store.as_context_mut().into_inner();
        let present = self.def(store).pages();
        let grown = store.grow_memory(self.index, delta);
        grown.ok_or_else(|| TypeError::Grow { delta, present }.into())
    }

    /// The bytes.
    pub fn data<'a, T: 'static>(&self, store: &'a impl AsContext<Data = T>) -> &'a [u8] {
        self.def(store.as_context().into_inner()).data()
    }

    /// The bytes, exclusively borrowed.
    pub fn data_mut<'a, T: 'static>(
        &self,
        store: &'a mut impl AsContextMut<Data = T>,
    ) -> &'a mut [u8] {
        let store = store.as_context_mut().into_inner();
        store.check(self.store, "Memory");
        store.memory_bytes_mut(self.index)
    }

    /// The bytes and the host's data.
    pub fn data_and_store_mut<'a, T: 'static>(
        &self,
        store: &'a mut impl AsContextMut<Data = T>,
    ) -> (&'a mut [u8], &'a mut T) {
        let store = store.as_context_mut().into_inner();
        store.check(self.store, "Memory");
        store.memory_and_data(self.index)
    }

    /// Fills `buffer` with the bytes from `offset`.
    ///
    /// # Errors
    /// If the memory ends before.
    pub fn read(
        &self,
        store: impl AsContext,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<(), Error> {
        let memory = self.def(store.as_context().into_inner());
        let bytes = memory.data();
        let end = offset.saturating_add(buffer.len());
        let Some(from) = bytes.get(offset..end) else {
            return Err(out_of_bounds(end as u64, bytes.len() as u64));
        };
        buffer.copy_from_slice(from);
        Ok(())
    }

    /// Writes `buffer` to the bytes from `offset`.
    ///
    /// # Errors
    /// If the memory ends before. Nothing is written then.
    pub fn write(
        &self,
        mut store: impl AsContextMut,
        offset: usize,
        buffer: &[u8],
    ) -> Result<(), Error> {
        let store = store.as_context_mut().into_inner();
        store.check(self.store, "Memory");
        let bytes = store.memory_bytes_mut(self.index);
        let (end, len) = (offset.saturating_add(buffer.len()), bytes.len());
        let Some(to) = bytes.get_mut(offset..end) else {
            return Err(out_of_bounds(end as u64, len as u64));
        };
        to.copy_from_slice(buffer);
        Ok(())
    }
}
