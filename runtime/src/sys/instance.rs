//! Instances: their state and their context in one allocation.
//!
//! ```text
//! InstanceState │ header · memories · tables · imports · globals · FuncRefs
//!               └ vmctx, the address that compiled code receives
//! ```
//!
//! [`NewInstance`] fills a context in. [`NewInstance::finish`] gives the instance to its store once
//! every entry is set; before, no code of the instance can run and nothing can refer to it.

mod allocator;
mod new;

pub(crate) use allocator::InstanceAllocator;
pub(crate) use new::NewInstance;

use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use allocator::Allocation;

use crate::module::Module;
use crate::module::compiled::FuncRefTemplate;
use crate::module::info::ModuleInfo;
use crate::sys::context::{
    ContextHeader, FuncHandle, FuncRef, GlobalCell, GlobalHandle, RootContext,
};
use crate::sys::exception::{TagDef, TagHandle};
use crate::sys::memory::MemoryDef;
use crate::sys::owned::Owned;
use crate::sys::store_id::StoreId;
use crate::sys::table::TableDef;
use crate::sys::values::func_bits;
use crate::val::Val;
use crate::vm::dropped::DroppedSegments;
use crate::vm::layout::{self, FuncRefPlace, GlobalPlace, VmLayout};

/// The part of an instance that compiled code does not use.
#[derive(Debug)]
pub(super) struct InstanceState {
    module: Module,
    store: StoreId,
    /// Index among the instances of the store.
    index: u32,
    dropped_data: DroppedSegments,
    dropped_elements: DroppedSegments,
}

impl InstanceState {
    pub(super) fn index(&self) -> u32 {
        self.index
    }
}

/// Distance from state to context.
const STATE_BYTES: usize = size_of::<InstanceState>().next_multiple_of(16);

/// Owns an instance: its state and its context.
///
/// A reference to one comes from its store, borrowed in the same way, or from
/// [`InstanceBox::of_context`]. So the items that the context points to, which the store keeps, can
/// be used for as long as the reference lives.
#[derive(Debug)]
pub(crate) struct InstanceBox(NonNull<InstanceState>);

// SAFETY: it owns its allocation; the store that owns it also owns the items that its context
// points to.
unsafe impl Send for InstanceBox {}
// SAFETY: shared access only reads.
unsafe impl Sync for InstanceBox {}

impl InstanceBox {
    /// An instance whose context is zero except for its header, the type ids and the function
    /// references of the module's own functions.
    fn new(module: Module, index: u32, store: StoreId, root: &RootContext) -> Self {
        let Allocation { state, has_func_refs } = module.compiled().allocator.allocate();
        let func_refs = module.compiled().layout.func_refs();
        // SAFETY: only this value has it, and it is aligned and large enough. The function references
        // follow what is zero, up to the end.
        unsafe {
            let context = state.cast::<u8>().add(STATE_BYTES);
            context.write_bytes(0, func_refs as usize);
            state.write(InstanceState {
                module,
                store,
                index,
                dropped_data: DroppedSegments::default(),
                dropped_elements: DroppedSegments::default(),
            });
        }
        let mut instance = InstanceBox(state);
        instance.write(0, ContextHeader::new(root, state.as_ptr()));
        // SAFETY: `state` was just written, and nothing writes `module` during this borrow.
        let compiled = unsafe { (*state.as_ptr()).module.compiled() };
        instance.write_all(compiled.layout.type_id(0), &compiled.type_ids);
        if !has_func_refs {
            instance.write_func_refs(&compiled.func_refs);
        }
        instance
    }

    /// Writes the function references of the module's own functions.
    fn write_func_refs(&mut self, templates: &[FuncRefTemplate]) {
        let context = self.context();
        let func_refs = self.layout().func_refs() as usize;
        let end = func_refs + size_of::<FuncRef>() * templates.len();
        assert!(end <= self.layout().size_bytes() as usize, "offset outside the context");
        // SAFETY: in bounds of the context, by the assertion, and aligned, as all offsets.
        let mut place = unsafe { context.add(func_refs).cast::<FuncRef>() };
        for &FuncRefTemplate { code, type_id } in templates {
            // SAFETY: as above, for each of them.
            unsafe {
                place.write(FuncRef { code, context, type_id });
                place = place.add(1);
            }
        }
    }

    /// The instance of a context that compiled code passed.
    ///
    /// # Safety
    /// `context` is the context of an instance of the store that runs. The result lives no longer
    /// than the builtin that compiled code called, and no other reference to the instance or to
    /// the store's items is used meanwhile.
    pub(super) unsafe fn of_context(context: NonNull<u8>) -> ManuallyDrop<Self> {
        // SAFETY: every context starts with a header.
        let header = unsafe { context.cast::<ContextHeader>().as_ref() };
        ManuallyDrop::new(InstanceBox(
            NonNull::new(header.state)
                .unwrap_or_else(|| unreachable!("a builtin without instance")),
        ))
    }

    fn context(&self) -> NonNull<u8> {
        // SAFETY: the allocation is longer than the state.
        unsafe { self.0.cast::<u8>().add(STATE_BYTES) }
    }

    fn state(&self) -> &InstanceState {
        // SAFETY: `new` wrote it; compiled code does not touch it.
        unsafe { self.0.as_ref() }
    }

    fn state_mut(&mut self) -> &mut InstanceState {
        // SAFETY: as above, and `self` is exclusively borrowed.
        unsafe { self.0.as_mut() }
    }

    pub(crate) fn module(&self) -> &Module {
        &self.state().module
    }

    /// Index among the instances of the store.
    pub(crate) fn index(&self) -> u32 {
        self.state().index
    }

    fn info(&self) -> &ModuleInfo {
        &self.module().compiled().info
    }

    fn layout(&self) -> &VmLayout {
        &self.module().compiled().layout
    }

    /// The address in the context at `offset`.
    ///
    /// # Panics
    /// If a `V` there is not within the context, or not aligned.
    fn at<V>(&self, offset: u32) -> NonNull<V> {
        let end = offset as usize + size_of::<V>();
        assert!(end <= self.layout().size_bytes() as usize, "offset outside the context");
        assert!((offset as usize).is_multiple_of(align_of::<V>()), "offset is not aligned");
        // SAFETY: in bounds of the context, by the assertion.
        unsafe { self.context().add(offset as usize).cast() }
    }

    fn write<V>(&mut self, offset: u32, value: V) {
        // SAFETY: in bounds and aligned, by `at`; the context is this value's own.
        unsafe { self.at::<V>(offset).write(value) };
    }

    /// Writes `values` from `offset` on.
    fn write_all<V: Copy>(&mut self, offset: u32, values: &[V]) {
        let Some(last) = values.len().checked_sub(1) else {
            return;
        };
        // Checks the bounds of all.
        self.at::<V>(offset + (last * size_of::<V>()) as u32);
        let to = self.at::<V>(offset).as_ptr();
        // SAFETY: in bounds and aligned, by `at`; the context is this value's own, so the values
        // are elsewhere.
        unsafe { to.copy_from_nonoverlapping(values.as_ptr(), values.len()) };
    }

    /// The address that the context holds at `offset`.
    fn read_address<V>(&self, offset: u32) -> NonNull<V> {
        // SAFETY: in bounds and aligned, by `at`; zero until it is set, which is `None`.
        let address = unsafe { self.at::<Option<NonNull<V>>>(offset).read() };
        address.unwrap_or_else(|| unreachable!("an entry that instantiation did not set"))
    }

    fn set_memory(&mut self, memory: u32, def: &Owned<MemoryDef>) {
        let entry = self.layout().memory_entry(memory);
        self.write(entry, def.base());
        self.write(entry + layout::MEMORY_ENTRY_HEAD, NonNull::from(def.head()));
        self.write(entry + layout::MEMORY_ENTRY_DEF, def.as_ptr());
    }

    fn memory_ptr(&self, memory: u32) -> NonNull<MemoryDef> {
        self.read_address(self.layout().memory_entry(memory) + layout::MEMORY_ENTRY_DEF)
    }

    pub(crate) fn memory(&self, memory: u32) -> &MemoryDef {
        // SAFETY: instantiation set the address of a memory of the same store, which is borrowed.
        unsafe { self.memory_ptr(memory).as_ref() }
    }

    pub(super) fn memory_mut(&mut self, memory: u32) -> &mut MemoryDef {
        // SAFETY: as above, and the store is exclusively borrowed, or a builtin runs for it.
        unsafe { self.memory_ptr(memory).as_mut() }
    }

    /// Writes bytes to a memory; `None` if a part is out of bounds. Nothing is written then.
    pub(crate) fn write_memory(&mut self, memory: u32, start: u64, bytes: &[u8]) -> Option<()> {
        self.memory_mut(memory).write(usize::try_from(start).ok()?, bytes)
    }

    pub(super) fn table_ptr(&self, table: u32) -> NonNull<TableDef> {
        self.read_address(self.layout().table_def(table))
    }

    pub(crate) fn table(&self, table: u32) -> &TableDef {
        // SAFETY: instantiation set the address of a table of the same store, which is borrowed.
        unsafe { self.table_ptr(table).as_ref() }
    }

    pub(super) fn table_mut(&mut self, table: u32) -> &mut TableDef {
        // SAFETY: as above, and the store is exclusively borrowed, or a builtin runs for it.
        unsafe { self.table_ptr(table).as_mut() }
    }

    /// Writes functions to the elements of a table from `start` on; `None` if the table has fewer.
    ///
    /// # Panics
    /// If the table does not hold functions.
    pub(crate) fn set_table_funcs(&mut self, table: u32, start: u64, funcs: &[u32]) -> Option<()> {
        let (layout, context) = (self.layout(), self.context());
        let refs = funcs.iter().map(|&func| match layout.func_ref(func) {
            FuncRefPlace::Imported(offset) => self.read_address(offset),
            // SAFETY: the layout is that of the context, so its offsets are in bounds.
            FuncRefPlace::Defined(offset) => unsafe { context.add(offset as usize).cast() },
        });
        // SAFETY: `self` is exclusively borrowed.
        unsafe { self.set_table_refs(table, start, refs) }
    }

    /// Writes an element segment that has only the module's own functions; `None` if the table has
    /// fewer elements.
    ///
    /// # Panics
    /// If the table does not hold functions.
    pub(crate) fn set_table_own_funcs(
        &mut self,
        table: u32,
        start: u64,
        segment: usize,
    ) -> Option<()> {
        let context = self.context();
        let offsets = &self.module().compiled().element_refs[segment];
        // SAFETY: the offsets are of the layout of the context, so they are in bounds.
        let refs = offsets.iter().map(|&offset| unsafe { context.add(offset as usize).cast() });
        // SAFETY: `self` is exclusively borrowed.
        unsafe { self.set_table_refs(table, start, refs) }
    }

    /// Writes references to the elements of a table from `start` on; `None` if the table has fewer.
    ///
    /// # Safety
    /// The store is exclusively borrowed, or a builtin runs for it. The references are of this
    /// instance's functions.
    unsafe fn set_table_refs(
        &self,
        table: u32,
        start: u64,
        refs: impl ExactSizeIterator<Item = NonNull<FuncRef>>,
    ) -> Option<()> {
        // Validation compares the types of a segment and of its table.
        let element = self.table(table).ty().element();
        assert!(element.heap_type().is_func(), "a table of another type");
        // SAFETY: as in `table_mut`. The table is not a part of the instance, which this only reads.
        let table = unsafe { self.table_ptr(table).as_mut() };
        let elements = table.range_mut(start, refs.len() as u64)?;
        for (element, func) in elements.iter_mut().zip(refs) {
            *element = func_bits(func);
        }
        Some(())
    }

    /// Sets all elements of a table.
    ///
    /// # Panics
    /// If `value` is of another type or store.
    pub(crate) fn fill_table(&mut self, table: u32, value: Val) {
        let store = self.state().store;
        let table = self.table_mut(table);
        // SAFETY: the store has this instance, which is borrowed.
        let bits = unsafe { value.to_ref_bits(table.ty().element(), store) };
        table.elements_mut().fill(bits);
    }

    /// Sets an element of a table; `None` beyond the table's end.
    ///
    /// # Panics
    /// If `value` is of another type or store.
    pub(crate) fn set_table_element(&mut self, table: u32, element: u64, value: Val) -> Option<()> {
        let store = self.state().store;
        let table = self.table_mut(table);
        // SAFETY: the store has this instance, which is borrowed.
        let bits = unsafe { value.to_ref_bits(table.ty().element(), store) };
        *table.elements_mut().get_mut(element as usize)? = bits;
        Some(())
    }

    fn global_ptr(&self, global: u32) -> NonNull<GlobalCell> {
        match self.layout().global(global) {
            GlobalPlace::Imported(offset) => self.read_address(offset),
            GlobalPlace::Defined(offset) => self.at(offset),
        }
    }

    pub(crate) fn global(&self, global: u32) -> GlobalHandle {
        let (state, ty) = (self.state(), self.info().globals[global as usize]);
        // SAFETY: the store keeps the cell, in this instance or elsewhere. It has the declared
        // type: of an imported one `import` checked it, of an own one `init_global`, before
        // anything could refer to this instance.
        unsafe { GlobalHandle::new(state.store, self.global_ptr(global), ty) }
    }

    /// The value of a global.
    pub(crate) fn global_value(&self, global: u32) -> Val {
        // SAFETY: a live cell, this instance's or imported from the same store.
        let raw = unsafe { (*self.global_ptr(global).as_ptr()).0 };
        let ty = self.info().globals[global as usize].content();
        // SAFETY: the cell holds a value of its type and of this store.
        unsafe { Val::from_raw(ty, raw, self.state().store) }
    }

    /// Sets a global that the module defines to its first value.
    ///
    /// # Panics
    /// If `value` is of another type or store.
    pub(crate) fn init_global(&mut self, global: u32, value: Val) {
        let ty = self.info().globals[global as usize].content();
        // SAFETY: the store has this instance, which is borrowed.
        let raw = unsafe { value.to_typed_raw(ty, self.state().store) };
        // SAFETY: a cell in the context of this instance, or one imported from the same store;
        // the store is exclusively borrowed.
        unsafe { self.global_ptr(global).write(GlobalCell(raw)) };
    }

    pub(super) fn tag_ptr(&self, tag: u32) -> NonNull<TagDef> {
        self.read_address(self.layout().tag_def(tag))
    }

    pub(crate) fn tag(&self, tag: u32) -> TagHandle {
        // SAFETY: instantiation set the address of a tag of the same store, which keeps it.
        unsafe { TagHandle::new(self.state().store, self.tag_ptr(tag)) }
    }

    fn func_ptr(&self, func: u32) -> NonNull<FuncRef> {
        match self.layout().func_ref(func) {
            FuncRefPlace::Imported(offset) => self.read_address(offset),
            FuncRefPlace::Defined(offset) => self.at(offset),
        }
    }

    /// Function `func`, which must be imported or escape.
    pub(crate) fn func(&self, func: u32) -> FuncHandle {
        // SAFETY: the store keeps the function reference, in this instance or elsewhere, and does
        // not change it.
        unsafe { FuncHandle::new(self.state().store, self.func_ptr(func)) }
    }

    pub(crate) fn drop_data(&mut self, segment: u32) {
        self.state_mut().dropped_data.insert(segment);
    }

    pub(crate) fn is_data_dropped(&self, segment: u32) -> bool {
        self.state().dropped_data.contains(segment)
    }

    pub(crate) fn drop_elements(&mut self, segment: u32) {
        self.state_mut().dropped_elements.insert(segment);
    }

    pub(crate) fn are_elements_dropped(&self, segment: u32) -> bool {
        self.state().dropped_elements.contains(segment)
    }
}

impl Drop for InstanceBox {
    fn drop(&mut self) {
        // SAFETY: `new` wrote it, and it is read once, here. The context holds nothing that needs
        // dropping.
        let InstanceState { module, .. } = unsafe { self.0.read() };
        // SAFETY: `new` allocated it there and wrote the function references, and this value owned it.
        unsafe { module.compiled().allocator.give_back(self.0) };
    }
}
