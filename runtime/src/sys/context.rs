//! Contexts: what compiled code is given a pointer to, laid out by [`crate::vm::layout`].
//!
//! An instance is one allocation, its state first and its context after:
//!
//! ```text
//! InstanceState │ header · memories · tables · imports · globals · FuncRefs
//!               └ vmctx
//! ```

use std::alloc::{self, Layout};
use std::mem::{ManuallyDrop, offset_of};
use std::ptr::{self, NonNull};

use crate::module::Module;
use crate::store::StoreInner;
use crate::sys::builtins::{BUILTINS, BuiltinTable};
use crate::sys::code_memory::CodePtr;
use crate::sys::memory::MemoryDef;
use crate::sys::owned::Owned;
use crate::sys::table::TableDef;
use crate::vm::dropped::DroppedSegments;
use crate::vm::layout::{self, FuncRefPlace, GlobalPlace, VmLayout};

/// What every context starts with.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct ContextHeader {
    builtins: *const BuiltinTable,
    pub(crate) limits: *const Limits,
    /// Null in a store's root context, which is the caller of what the host calls.
    state: *mut InstanceState,
}

const _: () = assert!(
    offset_of!(ContextHeader, builtins) == layout::VMCTX_BUILTINS as usize
        && offset_of!(ContextHeader, limits) == layout::VMCTX_LIMITS as usize
        && offset_of!(ContextHeader, state) == layout::VMCTX_STATE as usize
);

/// What the running activation may use, and for whom it runs.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Limits {
    /// Read by compiled code: the lowest stack address that wasm frames may use.
    pub(crate) stack_limit: usize,
    /// The store of the running activation, as it was borrowed by whoever entered it.
    pub(crate) store: *mut StoreInner,
}

const _: () = assert!(offset_of!(Limits, stack_limit) == layout::LIMITS_STACK_LIMIT as usize);

/// A store's own context: the caller of what the host calls, and the limits that all contexts of
/// the store point to.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct RootContext {
    header: ContextHeader,
    pub(crate) limits: Limits,
}

// SAFETY: the pointers in it lead to statics, to itself, or (while an activation runs, which no
// other thread can reach) to the borrowed store.
unsafe impl Send for RootContext {}
// SAFETY: shared access reads nothing through them.
unsafe impl Sync for RootContext {}

impl RootContext {
    pub(crate) fn new() -> Owned<Self> {
        let mut root = Owned::new(RootContext {
            header: ContextHeader {
                builtins: &BUILTINS,
                limits: ptr::null(),
                state: ptr::null_mut(),
            },
            limits: Limits { stack_limit: usize::MAX, store: ptr::null_mut() },
        });
        let limits = limits_of(&root);
        root.header.limits = limits;
        root
    }
}

fn limits_of(root: &Owned<RootContext>) -> *const Limits {
    // SAFETY: a field of a live allocation.
    unsafe { &raw const (*root.as_ptr().as_ptr()).limits }
}

/// A function as a value: its code, the context to run it with, and its type.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct FuncRef {
    pub(crate) code: CodePtr,
    pub(crate) context: NonNull<u8>,
    /// Engine-wide.
    pub(crate) type_id: u32,
}

const _: () = assert!(
    offset_of!(FuncRef, code) == layout::FUNC_REF_CODE as usize
        && offset_of!(FuncRef, context) == layout::FUNC_REF_VMCTX as usize
        && offset_of!(FuncRef, type_id) == layout::FUNC_REF_TYPE as usize
        && size_of::<FuncRef>() == layout::FUNC_REF_BYTES as usize
);

/// Address of a [`FuncRef`], valid as long as the store that owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FuncPtr(NonNull<FuncRef>);

// SAFETY: an address; it is read only with its store at hand, which one thread has at a time.
unsafe impl Send for FuncPtr {}
// SAFETY: as above.
unsafe impl Sync for FuncPtr {}

impl FuncPtr {
    pub(crate) fn new(func_ref: NonNull<FuncRef>) -> Self {
        FuncPtr(func_ref)
    }

    /// The function reference at the raw reference `raw`, which compiled code, a table or a
    /// global of a function type gave; `None` for null.
    pub(crate) fn from_raw(raw: u64) -> Option<Self> {
        let func_ref = ptr::with_exposed_provenance_mut(raw as usize);
        NonNull::new(func_ref).map(FuncPtr)
    }

    /// The reference as compiled code passes it.
    pub(crate) fn to_raw(self) -> u64 {
        self.0.as_ptr().expose_provenance() as u64
    }

    /// What it refers to. The caller has checked that the pointer belongs to the store.
    pub(crate) fn read(self, _owner: &StoreInner) -> FuncRef {
        // SAFETY: function references lie in instances and host functions, which a store keeps
        // until it is dropped, and are not written after their instance was made.
        unsafe { self.0.read() }
    }
}

/// A global's value, in its low bytes.
#[repr(C, align(16))]
#[derive(Debug, Default)]
pub(crate) struct GlobalCell {
    bits: u64,
    _vector: u64,
}

const _: () = assert!(size_of::<GlobalCell>() == layout::GLOBAL_CELL_BYTES as usize);

impl GlobalCell {
    pub(crate) fn new(bits: u64) -> Self {
        GlobalCell { bits, _vector: 0 }
    }
}

/// Address of a [`GlobalCell`], valid as long as the store that owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GlobalPtr(NonNull<GlobalCell>);

// SAFETY: an address; it is used only with its store at hand, which one thread has at a time.
unsafe impl Send for GlobalPtr {}
// SAFETY: as above.
unsafe impl Sync for GlobalPtr {}

impl GlobalPtr {
    pub(crate) fn of(cell: &Owned<GlobalCell>) -> Self {
        GlobalPtr(cell.as_ptr())
    }

    /// The global's bits. The caller has checked that the pointer belongs to the store.
    pub(crate) fn get(self, _owner: &StoreInner) -> u64 {
        // SAFETY: cells lie in instances and in the store itself, and live as long as it.
        unsafe { (*self.0.as_ptr()).bits }
    }

    /// Sets the global's bits. The caller has checked that the pointer belongs to the store.
    pub(crate) fn set(self, _owner: &mut StoreInner, bits: u64) {
        // SAFETY: as above; guests do not run while the store is borrowed.
        unsafe { (*self.0.as_ptr()).bits = bits };
    }
}

/// The runtime's own view of an instance.
#[derive(Debug)]
pub(crate) struct InstanceState {
    pub(crate) module: Module,
    /// Place among the instances of the store.
    pub(crate) index: u32,
    pub(crate) dropped_data: DroppedSegments,
    pub(crate) dropped_elements: DroppedSegments,
}

/// Distance from state to context.
const STATE_BYTES: usize = size_of::<InstanceState>().next_multiple_of(16);

/// One instance: owns its state and its context, in one allocation.
#[derive(Debug)]
pub(crate) struct InstanceBox(NonNull<InstanceState>);

// SAFETY: it owns what it points to; what its context points to is owned by the same store.
unsafe impl Send for InstanceBox {}
// SAFETY: shared access only reads.
unsafe impl Sync for InstanceBox {}

impl InstanceBox {
    /// A context for `module`, all zero but for its header and the function references of the
    /// module's own functions. Memories, tables and imports are to be set before any code runs.
    pub(crate) fn new(module: Module, index: u32, root: &Owned<RootContext>) -> Self {
        let compiled = module.compiled();
        let layout = allocation(&compiled.layout);
        // SAFETY: the layout is not empty.
        let allocation_start = unsafe { alloc::alloc_zeroed(layout) };
        let Some(state) = NonNull::new(allocation_start.cast::<InstanceState>()) else {
            alloc::handle_alloc_error(layout)
        };
        // SAFETY: fresh, aligned and large enough.
        unsafe {
            state.write(InstanceState {
                module,
                index,
                dropped_data: DroppedSegments::default(),
                dropped_elements: DroppedSegments::default(),
            });
        }
        let mut instance = InstanceBox(state);
        instance.write(
            0,
            ContextHeader { builtins: &BUILTINS, limits: limits_of(root), state: state.as_ptr() },
        );
        let context = instance.context();
        // SAFETY: `state` was just written, and nothing writes `module` while this borrows it.
        let compiled = unsafe { (*state.as_ptr()).module.compiled() };
        for template in &compiled.func_refs {
            instance.write(
                template.offset,
                FuncRef { code: template.code, context, type_id: template.type_id },
            );
        }
        instance
    }

    /// The instance whose context compiled code passed, for as long as a builtin runs.
    ///
    /// # Safety
    /// `context` is the context of a live instance, and the result does not outlive it.
    pub(crate) unsafe fn of_context(context: NonNull<u8>) -> ManuallyDrop<Self> {
        // SAFETY: every context starts with a header.
        let header = unsafe { context.cast::<ContextHeader>().as_ref() };
        ManuallyDrop::new(InstanceBox(
            // An instance's context points to its state; only builtins, called by an instance's
            // code, come here.
            NonNull::new(header.state)
                .unwrap_or_else(|| unreachable!("a builtin without instance")),
        ))
    }

    pub(crate) fn context(&self) -> NonNull<u8> {
        // SAFETY: the allocation is longer than the state.
        unsafe { self.0.cast::<u8>().add(STATE_BYTES) }
    }

    pub(crate) fn state(&self) -> &InstanceState {
        // SAFETY: written by `new`; compiled code does not touch it.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn state_mut(&mut self) -> &mut InstanceState {
        // SAFETY: as above, and borrowed mutably.
        unsafe { self.0.as_mut() }
    }

    fn layout(&self) -> &VmLayout {
        &self.state().module.compiled().layout
    }

    fn write<V>(&mut self, offset: u32, value: V) {
        let end = offset as usize + size_of::<V>();
        assert!(end <= self.layout().size_bytes() as usize, "offset outside the context");
        // SAFETY: in bounds of the context, by the assertion; offsets of the layout are aligned
        // for what lies there.
        unsafe { self.context().add(offset as usize).cast::<V>().write(value) };
    }

    fn read<V: Copy>(&self, offset: u32) -> V {
        let end = offset as usize + size_of::<V>();
        assert!(end <= self.layout().size_bytes() as usize, "offset outside the context");
        // SAFETY: in bounds and aligned as above; written before, or zero, which the pointers
        // that are read here are not once the instance is set up.
        unsafe { self.context().add(offset as usize).cast::<V>().read() }
    }

    pub(crate) fn set_memory(&mut self, memory: u32, def: NonNull<MemoryDef>) {
        let entry = self.layout().memory_entry(memory);
        // SAFETY: memories are owned by the store, which is borrowed while an instance is made.
        let base = unsafe { def.as_ref() }.base();
        self.write(entry, base);
        self.write(entry + layout::MEMORY_ENTRY_DEF, def);
    }

    fn memory_ptr(&self, memory: u32) -> NonNull<MemoryDef> {
        self.read(self.layout().memory_entry(memory) + layout::MEMORY_ENTRY_DEF)
    }

    pub(crate) fn memory(&self, memory: u32) -> &MemoryDef {
        // SAFETY: set when the instance was made, and owned by the same store.
        unsafe { self.memory_ptr(memory).as_ref() }
    }

    pub(crate) fn memory_mut(&mut self, memory: u32) -> &mut MemoryDef {
        // SAFETY: as above, and the store is borrowed mutably, or a builtin runs for it.
        unsafe { self.memory_ptr(memory).as_mut() }
    }

    pub(crate) fn set_table(&mut self, table: u32, def: NonNull<TableDef>) {
        self.write(self.layout().table_def(table), def);
    }

    pub(crate) fn table_ptr(&self, table: u32) -> NonNull<TableDef> {
        self.read(self.layout().table_def(table))
    }

    pub(crate) fn table(&self, table: u32) -> &TableDef {
        // SAFETY: set when the instance was made, and owned by the same store.
        unsafe { self.table_ptr(table).as_ref() }
    }

    pub(crate) fn table_mut(&mut self, table: u32) -> &mut TableDef {
        // SAFETY: as above, and the store is borrowed mutably, or a builtin runs for it.
        unsafe { self.table_ptr(table).as_mut() }
    }

    pub(crate) fn set_imported_global(&mut self, global: u32, cell: GlobalPtr) {
        match self.layout().global(global) {
            GlobalPlace::Imported(offset) => self.write(offset, cell.0),
            GlobalPlace::Defined(_) => unreachable!("global {global} is not imported"),
        }
    }

    pub(crate) fn global(&self, global: u32) -> GlobalPtr {
        match self.layout().global(global) {
            GlobalPlace::Imported(offset) => GlobalPtr(self.read(offset)),
            GlobalPlace::Defined(offset) => {
                // SAFETY: the layout's offsets are in bounds of the context.
                GlobalPtr(unsafe { self.context().add(offset as usize).cast() })
            }
        }
    }

    /// Sets a global while the instance is made, and reads one.
    pub(crate) fn init_global(&mut self, global: u32, bits: u64) {
        let cell = self.global(global).0;
        // SAFETY: a cell of this instance's, in bounds.
        unsafe { cell.write(GlobalCell::new(bits)) };
    }

    /// The bits of a global.
    pub(crate) fn global_bits(&self, global: u32) -> u64 {
        // SAFETY: a live cell, this instance's or imported from the same store.
        unsafe { (*self.global(global).0.as_ptr()).bits }
    }

    pub(crate) fn set_imported_func(&mut self, func: u32, func_ref: FuncPtr) {
        match self.layout().func_ref(func) {
            FuncRefPlace::Imported(offset) => self.write(offset, func_ref.0),
            FuncRefPlace::Defined(_) => unreachable!("function {func} is not imported"),
        }
    }

    /// The reference to function `func`, which is imported or escapes.
    pub(crate) fn func(&self, func: u32) -> FuncPtr {
        match self.layout().func_ref(func) {
            FuncRefPlace::Imported(offset) => FuncPtr(self.read(offset)),
            FuncRefPlace::Defined(offset) => {
                // SAFETY: the layout's offsets are in bounds of the context.
                FuncPtr(unsafe { self.context().add(offset as usize).cast() })
            }
        }
    }
}

/// What a context passed by compiled code says of its caller.
///
/// # Safety
/// `context` starts with a header, and lives for `'a`.
pub(crate) unsafe fn caller_of<'a>(context: NonNull<u8>) -> (&'a ContextHeader, Option<u32>) {
    // SAFETY: by the contract.
    let header: &ContextHeader = unsafe { context.cast().as_ref() };
    // SAFETY: null, or the state of the live instance that the context belongs to.
    let index = unsafe { header.state.as_ref() }.map(|state| state.index);
    (header, index)
}

fn allocation(layout: &VmLayout) -> Layout {
    let bytes = STATE_BYTES + layout.size_bytes() as usize;
    Layout::from_size_align(bytes, 16)
        .unwrap_or_else(|_| unreachable!("a context of {bytes} bytes"))
}

impl Drop for InstanceBox {
    fn drop(&mut self) {
        let layout = allocation(self.layout());
        // SAFETY: allocated by `new` with this layout, which a module does not change; the state
        // is dropped once, and the context holds nothing that needs dropping.
        unsafe {
            self.0.drop_in_place();
            alloc::dealloc(self.0.as_ptr().cast(), layout);
        }
    }
}

/// The context from which the host calls.
pub(crate) fn root_context(root: &Owned<RootContext>) -> NonNull<u8> {
    root.as_ptr().cast()
}
