//! Tables as the host sees them.

use super::{check_type, out_of_bounds};
use crate::error::{Error, TypeError};
use crate::store::{AsContext, AsContextMut};
use crate::sys::owned::Owned;
use crate::sys::store::StoreInner;
use crate::sys::store_id::StoreId;
use crate::sys::table::TableDef;
use crate::types::{TableType, ValType};
use crate::val::{Ref, Val};

/// A table of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Table {
    store: StoreId,
    index: u32,
}

impl Table {
    /// Creates a table, filled with `init`.
    ///
    /// # Errors
    /// If `init` has another type, there is no memory for the table, or the store's limits do not allow
    /// it.
    pub fn new(mut store: impl AsContextMut, ty: TableType, init: Ref) -> Result<Self, Error> {
        let init = Val::from(init);
        let store = store.as_context_mut().into_inner();
        check_type(store, "a table's element", ValType::Ref(ty.element()), init)?;
        let index = store.add_table(ty, init)?;
        Ok(Table::new_in(store, index))
    }

    pub(crate) fn new_in(store: &StoreInner, index: u32) -> Self {
        Table { store: store.id(), index }
    }

    pub(crate) fn def<'a>(&self, store: &'a StoreInner) -> &'a Owned<TableDef> {
        store.check(self.store, "Table");
        store.table(self.index)
    }

    /// The present type: its minimum is the present size.
    pub fn ty(&self, store: impl AsContext) -> TableType {
        self.def(store.as_context().into_inner()).ty()
    }

    /// The present number of elements.
    pub fn size(&self, store: impl AsContext) -> u64 {
        self.ty(store).minimum()
    }

    /// The element at `index`; `None` beyond the end.
    pub fn get(&self, store: impl AsContext, index: u64) -> Option<Ref> {
        let store = store.as_context().into_inner();
        store.check(self.store, "Table");
        store.table_element(self.index, index)?.ref_()
    }

    /// Sets the element at `index`.
    ///
    /// # Errors
    /// If the index is beyond the end, or `value` has another type.
    pub fn set(&self, mut store: impl AsContextMut, index: u64, value: Ref) -> Result<(), Error> {
        let value = Val::from(value);
        let store = store.as_context_mut().into_inner();
        let ty = self.def(store).ty();
        check_type(store, "a table's element", ValType::Ref(ty.element()), value)?;
        let set = store.set_table_element(self.index, index, value);
        set.ok_or_else(|| out_of_bounds(index, ty.minimum()))
    }

    /// Adds `delta` elements that hold `init`, and returns the previous number.
    ///
    /// # Errors
    /// If the maximum, the store's limits or the memory do not allow it, or `init` has another type.
    pub fn grow(&self, mut store: impl AsContextMut, delta: u64, init: Ref) -> Result<u64, Error> {
        let init = Val::from(init);
        let store = store.as_context_mut().into_inner();
        let ty = self.def(store).ty();
        check_type(store, "a table's element", ValType::Ref(ty.element()), init)?;
        let grown = store.grow_table(self.index, delta, init);
        grown.ok_or_else(|| TypeError::Grow { delta, present: ty.minimum() }.into())
    }

    /// Sets `len` elements from `start` on to `value`.
    ///
    /// # Errors
    /// If the table ends before, or `value` has another type. Nothing is set then.
    pub fn fill(
        &self,
        mut store: impl AsContextMut,
        start: u64,
        value: Ref,
        len: u64,
    ) -> Result<(), Error> {
        let value = Val::from(value);
        let store = store.as_context_mut().into_inner();
        let ty = self.def(store).ty();
        check_type(store, "a table's element", ValType::Ref(ty.element()), value)?;
        let filled = store.fill_table(self.index, start, value, len);
        filled.ok_or_else(|| out_of_bounds(start.saturating_add(len), ty.minimum()))
    }

    /// Copies `len` elements from `src` of one table to `dst` of another or the same. The ranges may
    /// overlap.
    ///
    /// # Errors
    /// If a table ends before, or not each element of `src_table` can be one of `dst_table`. Nothing
    /// is copied then.
    pub fn copy(
        mut store: impl AsContextMut,
        dst_table: &Table,
        dst: u64,
        src_table: &Table,
        src: u64,
        len: u64,
    ) -> Result<(), Error> {
        let store = store.as_context_mut().into_inner();
        let (to, from) = (dst_table.def(store).ty(), src_table.def(store).ty());
        if !from.element().matches(&to.element()) {
            let [expected, found] = [to, from].map(|table| ValType::Ref(table.element()));
            return Err(TypeError::Value { what: "a table's element", expected, found }.into());
        }
        let copied = store.copy_table((dst_table.index, dst), (src_table.index, src), len);
        copied.ok_or_else(|| {
            let (start, table) =
                if src.saturating_add(len) > from.minimum() { (src, from) } else { (dst, to) };
            out_of_bounds(start.saturating_add(len), table.minimum())
        })
    }
}
