//! Imports and exports: functions, memories, globals, tables and tags.

use crate::error::{Error, TypeError};
use crate::exception::Tag;
use crate::func::Func;
use crate::store::{AsContext, AsContextMut};
use crate::sys::context::GlobalHandle;
use crate::sys::memory::MemoryDef;
use crate::sys::owned::Owned;
use crate::sys::shared_memory::SharedMemory;
use crate::sys::store::StoreInner;
use crate::sys::store_id::StoreId;
use crate::sys::table::TableDef;
use crate::types::{ExternType, GlobalType, MemoryType, Mutability, TableType, TagType, ValType};
use crate::val::{Ref, Val};

/// An item that can be imported or exported.
#[derive(Clone, Debug)]
pub enum Extern {
    /// A function.
    Func(Func),
    /// A linear memory.
    Memory(Memory),
    /// A linear memory that several threads use at a time.
    SharedMemory(SharedMemory),
    /// A global.
    Global(Global),
    /// A table.
    Table(Table),
    /// A tag.
    Tag(Tag),
}

impl Extern {
    /// The present type: the minimum of a memory or table is its present size.
    pub fn ty(&self, store: impl AsContext) -> ExternType {
        self.ty_in(store.as_context().into_inner())
    }

    pub(crate) fn ty_in(&self, store: &StoreInner) -> ExternType {
        match self {
            Extern::Func(func) => ExternType::Func(func.signature(store).ty().clone()),
            Extern::Memory(memory) => ExternType::Memory(memory.def(store).ty()),
            Extern::SharedMemory(memory) => ExternType::Memory(memory.ty()),
            Extern::Global(global) => ExternType::Global(global.0.ty()),
            Extern::Table(table) => ExternType::Table(table.def(store).ty()),
            Extern::Tag(tag) => ExternType::Tag(TagType::new(tag.handle().ty(store).clone())),
        }
    }

    /// The function, if it is one.
    pub fn into_func(self) -> Option<Func> {
        match self {
            Extern::Func(func) => Some(func),
            _ => None,
        }
    }

    /// The memory, if it is one and not shared.
    pub fn into_memory(self) -> Option<Memory> {
        match self {
            Extern::Memory(memory) => Some(memory),
            _ => None,
        }
    }

    /// The shared memory, if it is one.
    pub fn into_shared_memory(self) -> Option<SharedMemory> {
        match self {
            Extern::SharedMemory(memory) => Some(memory),
            _ => None,
        }
    }

    /// The global, if it is one.
    pub fn into_global(self) -> Option<Global> {
        match self {
            Extern::Global(global) => Some(global),
            _ => None,
        }
    }

    /// The tag, if it is one.
    pub fn into_tag(self) -> Option<Tag> {
        match self {
            Extern::Tag(tag) => Some(tag),
            _ => None,
        }
    }

    /// The table, if it is one.
    pub fn into_table(self) -> Option<Table> {
        match self {
            Extern::Table(table) => Some(table),
            _ => None,
        }
    }
}

/// An export of an instance: its name and its item.
#[derive(Clone, Debug)]
pub struct Export<'a> {
    name: &'a str,
    item: Extern,
}

impl<'a> Export<'a> {
    pub(crate) fn new(name: &'a str, item: Extern) -> Self {
        Export { name, item }
    }

    /// The name.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The item's present type.
    pub fn ty(&self, store: impl AsContext) -> ExternType {
        self.item.ty(store)
    }

    /// The item.
    pub fn into_extern(self) -> Extern {
        self.item
    }

    /// The function, if it is one.
    pub fn into_func(self) -> Option<Func> {
        self.item.into_func()
    }

    /// The memory, if it is one and not shared.
    pub fn into_memory(self) -> Option<Memory> {
        self.item.into_memory()
    }

    /// The shared memory, if it is one.
    pub fn into_shared_memory(self) -> Option<SharedMemory> {
        self.item.into_shared_memory()
    }

    /// The global, if it is one.
    pub fn into_global(self) -> Option<Global> {
        self.item.into_global()
    }

    /// The tag, if it is one.
    pub fn into_tag(self) -> Option<Tag> {
        self.item.into_tag()
    }

    /// The table, if it is one.
    pub fn into_table(self) -> Option<Table> {
        self.item.into_table()
    }
}

macro_rules! from {
    ($($kind:ident)+) => { $(
        impl From<$kind> for Extern {
            fn from(item: $kind) -> Extern {
                Extern::$kind(item)
            }
        }
    )+ };
}

from!(Func Memory SharedMemory Global Table Tag);

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
    /// If the pool has no slot, or the kernel refuses.
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
    /// If the maximum or the kernel does not allow it.
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

fn out_of_bounds(index: u64, len: u64) -> Error {
    TypeError::OutOfBounds { index, len }.into()
}

fn check_type(
    store: &StoreInner,
    what: &'static str,
    expected: ValType,
    val: Val,
) -> Result<(), Error> {
    if val.is_of_type(expected, store) {
        return Ok(());
    }
    Err(TypeError::Value { what, expected, found: val.top_ty() }.into())
}

/// A global of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Global(GlobalHandle);

impl Global {
    /// Creates a global.
    ///
    /// # Errors
    /// If `value` has another type.
    pub fn new(mut store: impl AsContextMut, ty: GlobalType, value: Val) -> Result<Self, Error> {
        let store = store.as_context_mut().into_inner();
        check_type(store, "a global's value", ty.content(), value)?;
        Ok(Global(store.add_global(ty, value)))
    }

    pub(crate) fn new_in(handle: GlobalHandle) -> Self {
        Global(handle)
    }

    pub(crate) fn handle(&self) -> GlobalHandle {
        self.0
    }

    /// The type.
    ///
    /// # Panics
    /// If the global belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> GlobalType {
        self.0.checked_ty(store.as_context().into_inner())
    }

    /// The value.
    pub fn get(&self, store: impl AsContext) -> Val {
        self.0.get(store.as_context().into_inner())
    }

    /// Sets the value.
    ///
    /// # Errors
    /// If the global is immutable, or `value` has another type.
    pub fn set(&self, mut store: impl AsContextMut, value: Val) -> Result<(), Error> {
        let store = store.as_context_mut().into_inner();
        let ty = self.0.ty();
        if ty.mutability() == Mutability::Const {
            return Err(TypeError::Immutable.into());
        }
        check_type(store, "a global's value", ty.content(), value)?;
        self.0.set(store, value);
        Ok(())
    }
}

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
    /// If `init` has another type, or there is no memory for the table.
    pub fn new(mut store: impl AsContextMut, ty: TableType, init: Ref) -> Result<Self, Error> {
        let init = Val::from(init);
        let store = store.as_context_mut().into_inner();
        check_type(store, "a table's element", ValType::Ref(ty.element()), init)?;
        let index = store.add_table(ty, init).ok_or(Error::Table { ty })?;
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
    /// If the maximum or the memory does not allow it, or `init` has another type.
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
