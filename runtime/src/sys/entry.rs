//! Entering compiled code, and leaving it by a trap or an error.
//!
//! [`invoke`] records an [`Activation`] for the thread and calls the entry trampoline through
//! [`enter`], which saves the callee-saved registers and records a [`ResumePoint`]: the stack
//! pointer and the address at which `enter` continues after a stop. A trap's signal handler sets
//! the interrupted registers to them. The error of a host function needs no signal: [`super::unwind`]
//! jumps there. The frames in between are dropped without unwinding: they are
//! wasm frames, which own nothing, because builtins and host functions report failure by returning.

use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use cranelift_codegen::ir::TrapCode;

use crate::sys::call::Callable;
use crate::sys::context::{Activated, Limits};
use crate::sys::stack::{Refusal, WasmStack};
use crate::sys::store::StoreInner;
use crate::sys::values::RawVal;
use crate::sys::{signals, stack};
use crate::trap::{HOST_ERROR, Trap, UNKNOWN_STACK};
use crate::vm::code::{CodeList, FrameAt};

/// The return value of [`enter`] after a stop.
pub(super) const STOPPED: usize = 1;

/// The registers with which [`enter`] continues after a stop.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct ResumePoint {
    pub(super) stack_pointer: usize,
    pub(super) pc: usize,
}

/// A call of guest code on this thread, until it returns or traps.
#[derive(Debug)]
struct Activation {
    resume_point: UnsafeCell<ResumePoint>,
    /// The signal handler reads it. Host functions change it, and it then has no functions and no traps.
    code: *const CodeList,
    /// Those of the store that runs.
    limits: *const Limits,
    stop: Cell<Option<Stop>>,
    frames: Frames,
    stack_limit: usize,
}

/// Maximum number of frames of an activation in a backtrace.
const FRAMES_MAX: usize = 64;

/// The addresses at which the frames of an activation stopped, the innermost first. The first is that
/// of the instruction that trapped, and each other one follows a call.
#[derive(Debug)]
struct Frames {
    len: Cell<usize>,
    /// The first `len` are written. An array of parts would be cleared at each call.
    pcs: UnsafeCell<MaybeUninit<[usize; FRAMES_MAX]>>,
}

impl Frames {
    fn new() -> Self {
        Frames { len: Cell::new(0), pcs: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    fn push(&self, pc: usize) {
        let len = self.len.get();
        if len < FRAMES_MAX {
            // SAFETY: in bounds, by the comparison. Nothing borrows the array while compiled code runs,
            // and it is used by one thread.
            unsafe { self.pcs.get().cast::<usize>().add(len).write(pc) };
            self.len.set(len + 1);
        }
    }

    /// Follows the frame pointers from `frame_pointer` up to the address `end`.
    ///
    /// # Safety
    /// Between `stack_pointer` and `end` are frames of compiled code of this thread, which begin with
    /// the frame pointer of their caller and their return address.
    unsafe fn walk(&self, stack_pointer: usize, frame_pointer: usize, end: usize) {
        let mut frame = frame_pointer;
        let mut lowest = stack_pointer;
        while frame >= lowest && frame < end && frame.is_multiple_of(align_of::<usize>()) {
            // SAFETY: the frame begins in a readable part of the stack, by the comparison and the
            // contract. `end` is below other frames of this thread.
            let [caller, return_to] =
                unsafe { ptr::with_exposed_provenance::<[usize; 2]>(frame).read() };
            self.push(return_to);
            (lowest, frame) = (frame + 1, caller);
        }
    }

    fn to_vec(&self) -> Vec<usize> {
        // SAFETY: `push` has written so many, and nothing writes them while this reads.
        unsafe { std::slice::from_raw_parts(self.pcs.get().cast(), self.len.get()) }.to_vec()
    }
}

impl Activation {
    /// Records a stop with its frames.
    ///
    /// # Safety
    /// The registers are those of compiled code that this activation runs.
    unsafe fn stop(&self, stop: Stop, stack_pointer: usize, frame_pointer: usize) {
        self.stop.set(Some(stop));
        self.frames.push(stop.pc);
        // SAFETY: by the contract.
        unsafe { self.walk_frames(stack_pointer, frame_pointer) };
    }

    /// Records the frames from the one at `frame_pointer` on.
    ///
    /// # Safety
    /// As [`Self::stop`].
    unsafe fn walk_frames(&self, stack_pointer: usize, frame_pointer: usize) {
        let end = self.stack().entered_at;
        // SAFETY: by the contract. Host functions that call guests begin activations of their own. So
        // all frames up to the entry are compiled code's.
        unsafe { self.frames.walk(stack_pointer, frame_pointer, end) };
    }

    /// The stack of this activation, for calls that its host functions make.
    fn stack(&self) -> WasmStack {
        // SAFETY: `enter` wrote the resume point before a host function could run, and nothing
        // has written it since.
        let resume_point = unsafe { &*self.resume_point.get() };
        WasmStack { entered_at: resume_point.stack_pointer, limit: self.stack_limit }
    }
}

/// The instruction at which compiled code stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    /// 0 if there was not enough stack to enter the code.
    pub(super) pc: usize,
    pub(super) code: TrapCode,
}

thread_local! {
    /// The innermost activation. It has no destructor, so that a signal handler may read it.
    static CURRENT: Cell<*const Activation> = const { Cell::new(ptr::null()) };
}

/// Calls `callable` with the arguments in `values`, and leaves the results there.
///
/// # Errors
/// If it trapped: where it stopped.
///
/// # Panics
/// If the function belongs to another store, or `values` is shorter than arguments or results.
///
/// # Safety
/// `values` starts with arguments of the function's parameter types, of this store.
pub(super) unsafe fn invoke(
    store: &mut StoreInner,
    callable: &Callable,
    values: &mut [RawVal],
) -> Result<(), Stop> {
    assert!(values.len() >= callable.slots(), "too few values for the call");
    let func = callable.func().read(store);
    let outer = CURRENT.get();
    // SAFETY: the recorded activations are live frames of this thread, which called this one.
    let outer_stack = unsafe { outer.as_ref() }.map(Activation::stack);
    if outer_stack.is_none() {
        signals::install();
        stack::ensure_signal_stack();
    }
    let config = store.engine().config();
    let has_epochs = config.epoch_interruption;
    let thread = if has_epochs { signals::interruptible_thread() } else { 0 };
    let stack_limit = match stack::wasm_stack_limit(config.max_wasm_stack_bytes, outer_stack) {
        Ok(limit) => limit,
        Err(refusal) => {
            store.frames.clear();
            let code = match refusal {
                Refusal::TooSmall => Trap::StackOverflow.code(),
                Refusal::Unknown => UNKNOWN_STACK,
            };
            return Err(Stop { pc: 0, code });
        }
    };
    let root = NonNull::from(&**store.root());
    let store: *mut StoreInner = store;
    // SAFETY: `store` comes from a unique reference that is not used until the call is over. This
    // takes an address only, because host functions change the list meanwhile.
    let code = unsafe { &raw const (*store).code };
    // SAFETY: the store keeps its root context.
    let limits = unsafe { &root.as_ref().limits };
    let activation = Activation {
        resume_point: UnsafeCell::new(ResumePoint { stack_pointer: 0, pc: 0 }),
        code,
        limits,
        stop: Cell::new(None),
        frames: Frames::new(),
        stack_limit,
    };
    let outer_limits = limits.replace(Activated { stack_limit, store, thread });
    // SAFETY: the store is borrowed and no guest runs, so that this is the only reference to it.
    let epochs = || has_epochs.then(|| unsafe { &*store }.engine().epochs());
    if epochs().is_some_and(|epochs| epochs.apply(limits)) {
        limits.replace(outer_limits);
        epochs().map(|epochs| epochs.apply(limits));
        // SAFETY: as above.
        unsafe { (*store).frames.clear() };
        return Err(Stop { pc: 0, code: Trap::Interrupt.code() });
    }
    CURRENT.set(&activation);
    // SAFETY: the trampoline is for the function's type, by `Callable::new`. The values are of its
    // parameter types, by the contract, and as many as it reads and writes, by the assertion. The
    // code, the contexts and everything that they point to live as long as the store.
    let status = unsafe {
        enter(
            callable.entry().as_ptr(),
            func.context,
            root.cast(),
            func.code.as_ptr(),
            values.as_mut_ptr(),
            activation.resume_point.get(),
        )
    };
    CURRENT.set(outer);
    limits.replace(outer_limits);
    epochs().map(|epochs| epochs.apply(limits));
    match (status, activation.stop.get()) {
        (0, _) => Ok(()),
        (_, Some(stop)) => {
            // SAFETY: the call is over, so this function has the only reference to the store again.
            unsafe { (*store).frames = activation.frames.to_vec() };
            Err(stop)
        }
        (_, None) => unreachable!("resumed without a trap"),
    }
}

/// Calls the entry trampoline. Returns 0 if the trampoline returned, [`STOPPED`] if a stop resumed here.
///
/// # Safety
/// `trampoline` is an entry trampoline for the type of the function at `code`, whose context is
/// `callee`. `caller` is a context of the store that runs. `values` has the arguments and room
/// for the results. `resume_point` can be written.
#[unsafe(naked)]
unsafe extern "C" fn enter(
    trampoline: *const u8,
    callee: NonNull<u8>,
    caller: NonNull<u8>,
    code: *const u8,
    values: *mut RawVal,
    resume_point: *mut ResumePoint,
) -> u32 {
    // After a stop the code at label 2 restores the registers that a function must preserve.
    // Guests change neither MXCSR nor the x87 control word.
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

/// The registers of an interrupted instruction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interrupted {
    pub(super) pc: usize,
    pub(super) stack_pointer: usize,
    pub(super) frame_pointer: usize,
}

/// If the interrupted instruction is one of the running guest that may trap, records the trap with its
/// frames and returns where to resume.
///
/// # Safety
/// The caller is the signal handler of this thread, for the interrupted instruction.
pub(super) unsafe fn record_trap(interrupted: Interrupted) -> Option<NonNull<ResumePoint>> {
    let Interrupted { pc, stack_pointer, frame_pointer } = interrupted;
    // SAFETY: the innermost activation is a live frame of this thread.
    let activation = unsafe { CURRENT.get().as_ref() }?;
    // SAFETY: `invoke` borrows the store, which has the list, until the activation ends. If this thread
    // was interrupted while it changed the list, the list has no traps.
    let code = unsafe { &*activation.code }.trap_at(pc)?;
    // SAFETY: compiled code was interrupted, and all code keeps frame pointers.
    unsafe { activation.stop(Stop { pc, code }, stack_pointer, frame_pointer) };
    NonNull::new(activation.resume_point.get())
}

/// If the deadline of the running guest has passed, and the interrupted instruction is one of its functions, records
/// the trap with its frames and returns where to resume.
///
/// # Safety
/// The caller is the signal handler of this thread, for the interrupted instruction.
pub(super) unsafe fn record_interrupt(interrupted: Interrupted) -> Option<NonNull<ResumePoint>> {
    let Interrupted { pc, stack_pointer, frame_pointer } = interrupted;
    // SAFETY: the innermost activation is a live frame of this thread.
    let activation = unsafe { CURRENT.get().as_ref() }?;
    // SAFETY: `invoke` borrows the store, which keeps the limits, until the activation ends.
    let limits = unsafe { &*activation.limits };
    // SAFETY: as in `record_trap`. A function of the list runs only within the activation.
    let code = unsafe { &*activation.code };
    let frame = code.frame_at(pc).filter(|_| limits.is_interrupted())?;
    let stop = Stop { pc, code: Trap::Interrupt.code() };
    activation.stop.set(Some(stop));
    activation.frames.push(pc);
    if let FrameAt::Caller { return_at } = frame {
        let place = ptr::with_exposed_provenance::<usize>(stack_pointer + return_at);
        // SAFETY: the function that was interrupted has its return address there.
        activation.frames.push(unsafe { place.read() });
    }
    // SAFETY: compiled code was interrupted, and all code keeps frame pointers.
    unsafe { activation.walk_frames(stack_pointer, frame_pointer) };
    NonNull::new(activation.resume_point.get())
}

/// Records that the running guest stops at `pc` because of the store's pending error. Returns where to
/// resume.
///
/// # Safety
/// Compiled code of the innermost activation called the caller. `frame_pointer` is that code's.
pub(super) unsafe fn record_error(pc: usize, frame_pointer: usize) -> ResumePoint {
    // SAFETY: the innermost activation, which exists by the contract, is a live frame of this thread.
    let activation = unsafe { &*CURRENT.get() };
    // SAFETY: by the contract, and all code keeps frame pointers.
    unsafe { activation.stop(Stop { pc, code: HOST_ERROR }, frame_pointer, frame_pointer) };
    // SAFETY: `enter` wrote the resume point before compiled code ran.
    unsafe { *activation.resume_point.get() }
}
