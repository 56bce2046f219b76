//! The layout of tables in memory, which compiled code reads.

use std::mem::{ManuallyDrop, offset_of};
use std::ptr::NonNull;

use crate::types::TableType;
use crate::vm::layout;

/// Maximum number of elements of a table, so that one instruction of a guest cannot take all
/// memory.
pub(crate) const TABLE_MAX_ELEMENTS: u32 = 10_000_000;

/// A table: bits of references, 0 for null.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct TableDef {
    /// Compiled code reads it. Owns `capacity` elements.
    elements: NonNull<u64>,
    /// Compiled code reads it.
    len: u32,
    capacity: usize,
    /// Index among the tables of the store.
    index: u32,
    ty: TableType,
}

const _: () = assert!(
    offset_of!(TableDef, elements) == layout::TABLE_DEF_ELEMENTS as usize
        && offset_of!(TableDef, len) == layout::TABLE_DEF_LEN as usize
);

// SAFETY: it owns its elements; their references belong to the store that owns the table.
unsafe impl Send for TableDef {}
// SAFETY: shared access only reads.
unsafe impl Sync for TableDef {}

impl TableDef {
    /// A table of type `ty` filled with `init`; `None` if there is no memory for it.
    pub(super) fn new(index: u32, ty: TableType, init: u64) -> Option<Self> {
        let mut table = TableDef { elements: NonNull::dangling(), len: 0, capacity: 0, index, ty };
        table.resize(ty.minimum(), init)?;
        Some(table)
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// The type for matching imports: its minimum is the present size.
    pub(crate) fn ty(&self) -> TableType {
        self.ty.with_minimum(self.len.into())
    }

    pub(super) fn elements(&self) -> &[u64] {
        // SAFETY: `elements` points to `len` initialised elements that this table owns; guests do
        // not run while the store is borrowed.
        unsafe { std::slice::from_raw_parts(self.elements.as_ptr(), self.len as usize) }
    }

    pub(super) fn elements_mut(&mut self) -> &mut [u64] {
        // SAFETY: as above, and `self` is exclusively borrowed.
        unsafe { std::slice::from_raw_parts_mut(self.elements.as_ptr(), self.len as usize) }
    }

    /// `len` elements from `start`; `None` if the table has fewer.
    pub(super) fn range_mut(&mut self, start: u64, len: u64) -> Option<&mut [u64]> {
        let end = start.checked_add(len)?;
        self.elements_mut().get_mut(start as usize..end as usize)
    }

    /// The address of `len` elements from `start`; `None` if the table has fewer. Unlike a slice,
    /// an address may overlap another one.
    fn address_of(&self, start: u64, len: u64) -> Option<NonNull<u64>> {
        let end = start.checked_add(len)?;
        // SAFETY: in bounds of the elements, by the comparison.
        (end <= self.len.into()).then(|| unsafe { self.elements.add(start as usize) })
    }

    /// Adds `delta` elements that hold `init`, and returns the previous number; `None` if the
    /// table's maximum or the memory does not allow it.
    pub(super) fn grow(&mut self, delta: u64, init: u64) -> Option<u64> {
        let before = u64::from(self.len);
        let after = before.checked_add(delta)?;
        if self.ty.maximum().is_some_and(|max| after > max) {
            return None;
        }
        self.resize(after, init)?;
        Some(before)
    }

    fn resize(&mut self, len: u64, init: u64) -> Option<()> {
        if len > TABLE_MAX_ELEMENTS.into() {
            return None;
        }
        let mut elements = ManuallyDrop::new(self.take());
        let more = len as usize - elements.len();
        let reserved = elements.try_reserve(more);
        if reserved.is_ok() {
            elements.resize(len as usize, init);
        }
        self.capacity = elements.capacity();
        self.len = elements.len() as u32;
        self.elements = NonNull::new(elements.as_mut_ptr())?;
        reserved.ok()
    }

    /// Takes the elements out as a vector. The table is then empty.
    fn take(&mut self) -> Vec<u64> {
        let (len, capacity) = (self.len as usize, self.capacity);
        self.len = 0;
        self.capacity = 0;
        // SAFETY: pointer, length and capacity are those of the vector that `resize` decomposed,
        // or of an empty one. The fields no longer refer to it.
        unsafe { Vec::from_raw_parts(self.elements.as_ptr(), len, capacity) }
    }

    /// Copies `len` elements from `src` of a table to `dst` of another or the same; `None` if one
    /// of them has fewer.
    ///
    /// # Safety
    /// Both point to live tables to which no reference exists. Each element of the source is of the
    /// destination's type.
    pub(super) unsafe fn copy(
        dst_table: NonNull<TableDef>,
        src_table: NonNull<TableDef>,
        dst: u64,
        src: u64,
        len: u64,
    ) -> Option<()> {
        // SAFETY: by the contract; shared references, because both may be the same table.
        let (from, to) = unsafe { (src_table.as_ref(), dst_table.as_ref()) };
        let (from, to) = (from.address_of(src, len)?, to.address_of(dst, len)?);
        // SAFETY: both ranges are in bounds, and no slice of them exists. `copy` allows overlap.
        unsafe { std::ptr::copy(from.as_ptr(), to.as_ptr(), len as usize) };
        Some(())
    }
}

impl Drop for TableDef {
    fn drop(&mut self) {
        drop(self.take());
    }
}
