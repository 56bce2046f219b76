//! Entering compiled code, and leaving it by a trap.
//!
//! [`invoke`] records an [`Activation`] for the thread and calls the entry trampoline through
//! [`enter`], which saves the callee-saved registers and leaves a *landing*: stack pointer and
//! address at which it can be resumed. A trap's signal handler points the interrupted context
//! there. Frames between landing and trap are dropped without unwinding: they are wasm frames,
//! which own nothing, for builtins and host functions report failure by returning.

use std::cell::{Cell, UnsafeCell};
use std::ptr::{self, NonNull};

use cranelift_codegen::ir::TrapCode;

use crate::signature::Signature;
use crate::store::StoreInner;
use crate::sys::code_memory::CodePtr;
use crate::sys::context::{FuncPtr, root_context};
use crate::sys::stack::WasmStack;
use crate::sys::{signals, stack};
use crate::trap::Trap;
use crate::val::RawVal;
use crate::vm::code::CodeList;

/// Where a trap resumes.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Landing {
    pub(crate) stack_pointer: usize,
    pub(crate) pc: usize,
}

/// Guest code running on this thread, until it returns or traps.
#[derive(Debug)]
pub(crate) struct Activation {
    landing: UnsafeCell<Landing>,
    /// Compiled code runs, not a host function that it called. Only then may the signal handler
    /// look at `code`, which host functions change.
    in_wasm: Cell<bool>,
    code: *const CodeList,
    stop: Cell<Option<Stop>>,
    stack_limit: usize,
}

impl Activation {
    /// For a call that a host function of this activation makes.
    fn stack(&self) -> WasmStack {
        // SAFETY: `enter` wrote the landing before the host function could run, and nothing has
        // written it since.
        let landing = unsafe { &*self.landing.get() };
        WasmStack { entered_at: landing.stack_pointer, limit: self.stack_limit }
    }
}

/// The instruction at which compiled code stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    /// 0 when there was not enough stack to enter it.
    pub(crate) pc: usize,
    pub(crate) code: TrapCode,
}

thread_local! {
    /// The innermost activation. Without destructor, so that a signal handler may read it.
    static CURRENT: Cell<*const Activation> = const { Cell::new(ptr::null()) };
}

/// A function with the trampoline for its type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Callable {
    func: FuncPtr,
    entry: CodePtr,
    /// Values that the trampoline reads and writes.
    slots: usize,
}

impl Callable {
    /// # Panics
    /// If `signature` is not `func`'s.
    pub(crate) fn new(
        store: &StoreInner,
        func: FuncPtr,
        signature: &Signature,
        entry: CodePtr,
    ) -> Self {
        assert_eq!(func.read(store).type_id, signature.id());
        Callable { func, entry, slots: signature.slots() }
    }
}

/// Calls `callable` with the arguments in `values`, where it leaves the results. The caller has
/// checked that the function belongs to the store.
///
/// # Errors
/// Where it stopped, if it trapped.
///
/// # Panics
/// If `values` is shorter than arguments or results.
pub(crate) fn invoke(
    store: &mut StoreInner,
    callable: &Callable,
    values: &mut [RawVal],
) -> Result<(), Stop> {
    assert!(values.len() >= callable.slots, "too few values for the call");
    let func = callable.func.read(store);
    let outer = CURRENT.get();
    // SAFETY: activations on the list are frames of this thread that called this one.
    let outer_stack = unsafe { outer.as_ref() }.map(Activation::stack);
    if outer_stack.is_none() {
        signals::install();
        stack::ensure_signal_stack();
    }
    let max_wasm_stack = store.engine().config().max_wasm_stack_bytes;
    let Some(stack_limit) = stack::wasm_stack_limit(max_wasm_stack, outer_stack) else {
        return Err(Stop { pc: 0, code: Trap::StackExhausted.code() });
    };
    let root = store.root().as_ptr().as_ptr();
    let caller = root_context(store.root());
    let store: *mut StoreInner = store;
    // SAFETY: `store` comes from a unique reference that is not used until the call is over. Only
    // an address: host functions change the list meanwhile.
    let code = unsafe { &raw const (*store).code };
    let activation = Activation {
        landing: UnsafeCell::new(Landing { stack_pointer: 0, pc: 0 }),
        in_wasm: Cell::new(true),
        code,
        stop: Cell::new(None),
        stack_limit,
    };
    // SAFETY: the root context is the store's, and read by nobody but this thread.
    let saved_limits = unsafe {
        ptr::replace(&raw mut (*root).limits, crate::sys::context::Limits { stack_limit, store })
    };
    CURRENT.set(&activation);
    // SAFETY: the trampoline is for the function's type (checked by `Callable::new`), the values
    // suffice for it, and code, contexts and what they point to live as long as the store.
    let status = unsafe {
        enter(
            callable.entry.as_ptr(),
            func.context,
            caller,
            func.code.as_ptr(),
            values.as_mut_ptr(),
            activation.landing.get(),
        )
    };
    CURRENT.set(outer);
    // SAFETY: as above.
    unsafe { (*root).limits = saved_limits };
    match (status, activation.stop.get()) {
        (0, _) => Ok(()),
        (_, Some(stop)) => Err(stop),
        (_, None) => unreachable!("landed without a trap"),
    }
}

/// Calls the entry trampoline; 0 when it returned, 1 when a trap landed.
#[unsafe(naked)]
unsafe extern "C" fn enter(
    trampoline: *const u8,
    callee: NonNull<u8>,
    caller: NonNull<u8>,
    code: *const u8,
    values: *mut RawVal,
    landing: *mut Landing,
) -> u32 {
    // The landing restores what a function must preserve. Guests change neither MXCSR nor the
    // x87 control word.
    std::arch::naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 8",
        "lea rax, [rip + 2f]",
        "mov [r9], rsp",
        "mov [r9 + 8], rax",
        "mov rax, rdi",
        "mov rdi, rsi",
        "mov rsi, rdx",
        "mov rdx, rcx",
        "mov rcx, r8",
        "call rax",
        "xor eax, eax",
        "2:",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}

/// Runs `host` as a host function of the innermost activation: faults in it are not the guest's.
pub(crate) fn outside_wasm<R>(host: impl FnOnce() -> R) -> R {
    let set = |in_wasm| {
        // SAFETY: host functions are called by compiled code, hence within an activation, a live
        // frame of this thread.
        unsafe { &*CURRENT.get() }.in_wasm.set(in_wasm);
    };
    set(false);
    let result = host();
    set(true);
    result
}

/// For the signal handler: if `pc` is an instruction of the running guest's that may trap, notes
/// the trap and returns where to resume.
pub(crate) fn land(pc: usize) -> Option<NonNull<Landing>> {
    // SAFETY: the innermost activation is a live frame of this thread.
    let activation = unsafe { CURRENT.get().as_ref() }?;
    if !activation.in_wasm.get() {
        return None;
    }
    // SAFETY: compiled code runs, so the store is borrowed by `invoke`, and nobody changes its
    // code list.
    let code = unsafe { &*activation.code }.trap_at(pc)?;
    activation.stop.set(Some(Stop { pc, code }));
    NonNull::new(activation.landing.get())
}
