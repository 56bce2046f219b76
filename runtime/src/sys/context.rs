//! Contexts: compiled code receives a pointer to one. [`crate::vm::layout`] has their layout.

use std::mem::offset_of;
use std::num::NonZeroI32;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use crate::sys::builtins::{BUILTINS, BuiltinTable};
use crate::sys::code_memory::CodePtr;
use crate::sys::instance::InstanceState;
use crate::sys::store::StoreInner;
use crate::sys::store_id::StoreId;
use crate::sys::values::RawVal;
use crate::types::GlobalType;
use crate::val::Val;
use crate::vm::layout;

/// The start of every context.
#[repr(C)]
#[derive(Debug)]
pub(super) struct ContextHeader {
    builtins: *const BuiltinTable,
    limits: *const Limits,
    /// Null in a store's root context.
    pub(super) state: *mut InstanceState,
}

const _: () = assert!(
    offset_of!(ContextHeader, builtins) == layout::VMCTX_BUILTINS as usize
        && offset_of!(ContextHeader, limits) == layout::VMCTX_LIMITS as usize
        && offset_of!(ContextHeader, state) == layout::VMCTX_STATE as usize
);

impl ContextHeader {
    pub(super) fn new(root: &RootContext, state: *mut InstanceState) -> Self {
        ContextHeader { builtins: &BUILTINS, limits: &root.limits, state }
    }

    /// The store that the running activation borrows; null if none runs.
    pub(super) fn store(&self) -> *mut StoreInner {
        self.limits().store.load(Ordering::Relaxed)
    }

    /// What bounds the guests of the store.
    pub(super) fn limits(&self) -> &Limits {
        // SAFETY: all contexts of a store point to the limits of its root context, which lives as long
        // as the store.
        unsafe { &*self.limits }
    }
}

/// What bounds the guests of a store: the stack of the running activation, the deadline and the fuel.
///
/// Only the thread that uses the store changes it, but for `stack_limit`: another thread sets it when the
/// deadline has passed, see [`super::epoch`].
#[repr(C)]
#[derive(Debug)]
pub(super) struct Limits {
    /// Compiled code reads it: the lowest stack address that wasm frames may use.
    pub(super) stack_limit: AtomicUsize,
    /// Compiled code subtracts from it.
    pub(super) fuel: AtomicI64,
    /// The stack limit of the running activation, also after the deadline.
    pub(super) activation_limit: AtomicUsize,
    /// The store that the running activation borrows.
    store: AtomicPtr<StoreInner>,
    /// The kernel's id of the thread that runs guests; 0 if none does, or none can be interrupted.
    thread: AtomicI32,
    /// The epoch at which guests are interrupted.
    pub(super) deadline: AtomicU64,
}

const _: () = assert!(
    offset_of!(Limits, stack_limit) == layout::LIMITS_STACK_LIMIT as usize
        && offset_of!(Limits, fuel) == layout::LIMITS_FUEL as usize
);

/// The stack limit, the store and the thread of an activation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Activated {
    pub(super) stack_limit: usize,
    pub(super) store: *mut StoreInner,
    /// 0 if the store's engine has no epochs.
    pub(super) thread: i32,
}

impl Limits {
    /// Sets the activation that runs, and returns the one before.
    pub(super) fn replace(&self, activated: Activated) -> Activated {
        let Activated { stack_limit, store, thread } = activated;
        let before = Activated {
            stack_limit: self.activation_limit.load(Ordering::Relaxed),
            store: self.store.load(Ordering::Relaxed),
            thread: self.thread.load(Ordering::Relaxed),
        };
        self.activation_limit.store(stack_limit, Ordering::Relaxed);
        self.stack_limit.store(stack_limit, Ordering::Relaxed);
        self.store.store(store, Ordering::Relaxed);
        self.thread.store(thread, Ordering::Relaxed);
        before
    }

    /// Stops the guests that run, or would. Returns false if they were interrupted before.
    pub(super) fn interrupt(&self) -> bool {
        let interrupted = layout::INTERRUPTED as usize;
        self.stack_limit.swap(interrupted, Ordering::SeqCst) != interrupted
    }

    /// True after [`Self::interrupt`], until the deadline or the activation changes.
    pub(super) fn is_interrupted(&self) -> bool {
        self.stack_limit.load(Ordering::SeqCst) == layout::INTERRUPTED as usize
    }

    /// The thread whose guests shall stop.
    pub(super) fn interrupted_thread(&self) -> Option<NonZeroI32> {
        NonZeroI32::new(self.thread.load(Ordering::SeqCst)).filter(|_| self.is_interrupted())
    }
}

/// A store's own context. It is the caller's context in calls that the host makes, and holds the
/// limits to which all contexts of the store point.
#[repr(C)]
#[derive(Debug)]
pub(super) struct RootContext {
    header: ContextHeader,
    pub(super) limits: Limits,
}

// SAFETY: its pointers lead to statics, to itself, or, while an activation runs, to the store that
// the activation borrows on its own thread.
unsafe impl Send for RootContext {}
// SAFETY: shared access reads nothing through the pointers.
unsafe impl Sync for RootContext {}

impl RootContext {
    pub(super) fn new() -> Arc<Self> {
        Arc::new_cyclic(|root: &Weak<RootContext>| RootContext {
            header: ContextHeader {
                builtins: &BUILTINS,
                limits: root.as_ptr().wrapping_byte_add(offset_of!(RootContext, limits)).cast(),
                state: ptr::null_mut(),
            },
            limits: Limits {
                stack_limit: AtomicUsize::new(usize::MAX),
                fuel: AtomicI64::new(0),
                activation_limit: AtomicUsize::new(usize::MAX),
                store: AtomicPtr::new(ptr::null_mut()),
                thread: AtomicI32::new(0),
                deadline: AtomicU64::new(0),
            },
        })
    }
}

/// The header of a context and the index of its instance; no index for a root context.
///
/// # Safety
/// `context` starts with a header and lives for `'a`. Its state is null or a live instance's.
pub(super) unsafe fn caller_of<'a>(context: NonNull<u8>) -> (&'a ContextHeader, Option<u32>) {
    // SAFETY: by the contract.
    let header: &ContextHeader = unsafe { context.cast().as_ref() };
    // SAFETY: by the contract.
    let index = unsafe { header.state.as_ref() }.map(InstanceState::index);
    (header, index)
}

/// A function as a value: its code, the context to run it with, and its type.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct FuncRef {
    pub(super) code: CodePtr,
    pub(super) context: NonNull<u8>,
    /// The engine's id of the type.
    pub(super) type_id: u32,
}

const _: () = assert!(
    offset_of!(FuncRef, code) == layout::FUNC_REF_CODE as usize
        && offset_of!(FuncRef, context) == layout::FUNC_REF_VMCTX as usize
        && offset_of!(FuncRef, type_id) == layout::FUNC_REF_TYPE as usize
        && size_of::<FuncRef>() == layout::FUNC_REF_BYTES as usize
);

/// A function of a store: the address of its [`FuncRef`], which the store keeps until it is
/// dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FuncHandle {
    store: StoreId,
    func_ref: NonNull<FuncRef>,
}

// SAFETY: the address is read only with a borrow of its store, which at most one thread changes.
unsafe impl Send for FuncHandle {}
// SAFETY: as above.
unsafe impl Sync for FuncHandle {}

impl FuncHandle {
    /// # Safety
    /// Store `store` keeps the function reference until it is dropped, and does not change it.
    pub(super) unsafe fn new(store: StoreId, func_ref: NonNull<FuncRef>) -> Self {
        FuncHandle { store, func_ref }
    }

    /// The address of the function reference.
    ///
    /// # Panics
    /// If `store` is not its store.
    #[track_caller]
    pub(super) fn func_ref(self, store: StoreId) -> NonNull<FuncRef> {
        store.check(self.store, "Func");
        self.func_ref
    }

    /// The function reference.
    ///
    /// # Panics
    /// If the function belongs to another store.
    #[track_caller]
    pub(super) fn read(self, store: &StoreInner) -> FuncRef {
        store.check(self.store, "Func");
        // SAFETY: the store is the one that keeps the function reference, by `new`, and it is
        // borrowed, so it is not dropped.
        unsafe { self.func_ref.read() }
    }

    /// The engine's id of the function's type.
    ///
    /// # Panics
    /// If the function belongs to another store.
    #[track_caller]
    pub(crate) fn type_id(self, store: &StoreInner) -> u32 {
        self.read(store).type_id
    }
}

/// A global's value.
#[repr(transparent)]
#[derive(Debug, Default)]
pub(super) struct GlobalCell(pub(super) RawVal);

const _: () = assert!(size_of::<GlobalCell>() == layout::GLOBAL_CELL_BYTES as usize);

/// A global of a store: the address of its cell, which the store keeps until it is dropped, and
/// its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GlobalHandle {
    store: StoreId,
    cell: NonNull<GlobalCell>,
    ty: GlobalType,
}

// SAFETY: the address is used only with a borrow of its store, which at most one thread changes.
unsafe impl Send for GlobalHandle {}
// SAFETY: as above.
unsafe impl Sync for GlobalHandle {}

impl GlobalHandle {
    /// # Safety
    /// Store `store` keeps the cell until it is dropped. The cell holds a value of type `ty` of
    /// that store, and nothing but values of that type is written to it.
    pub(super) unsafe fn new(store: StoreId, cell: NonNull<GlobalCell>, ty: GlobalType) -> Self {
        GlobalHandle { store, cell, ty }
    }

    pub(crate) fn ty(self) -> GlobalType {
        self.ty
    }

    /// As [`Self::ty`].
    ///
    /// # Panics
    /// If the global belongs to another store.
    #[track_caller]
    pub(crate) fn checked_ty(self, store: &StoreInner) -> GlobalType {
        store.check(self.store, "Global");
        self.ty
    }

    /// The address of the cell.
    ///
    /// # Panics
    /// If the global belongs to another store.
    #[track_caller]
    pub(super) fn cell(self, store: &StoreInner) -> NonNull<GlobalCell> {
        store.check(self.store, "Global");
        self.cell
    }

    /// The global's value.
    ///
    /// # Panics
    /// If the global belongs to another store.
    #[track_caller]
    pub(crate) fn get(self, store: &StoreInner) -> Val {
        let cell = self.cell(store);
        // SAFETY: the borrowed store keeps the cell, by `new`. Guests do not run meanwhile.
        let raw = unsafe { (*cell.as_ptr()).0 };
        // SAFETY: the cell holds a value of the type and the store, by `new`.
        unsafe { Val::from_raw(self.ty.content(), raw, self.store) }
    }

    /// Sets the global's value, even if it is immutable to guests.
    ///
    /// # Panics
    /// If the global belongs to another store, or `value` is of another type or store.
    #[track_caller]
    pub(crate) fn set(self, store: &mut StoreInner, value: Val) {
        // SAFETY: the store is borrowed.
        let raw = unsafe { value.to_typed_raw(self.ty.content(), store.id()) };
        let cell = self.cell(store);
        // SAFETY: the store keeps the cell, by `new`, and is exclusively borrowed, so nothing
        // else uses the cell.
        unsafe { (*cell.as_ptr()).0 = raw };
    }
}
