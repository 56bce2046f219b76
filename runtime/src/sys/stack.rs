//! Stacks of the running thread: how far wasm frames may go, and where signal handlers run.

use std::cell::{Cell, OnceCell};
use std::mem::MaybeUninit;
use std::ptr;

/// Stack kept free below wasm frames: for host functions and builtins, which do not check.
const HOST_RESERVE_BYTES: usize = 64 << 10;

/// Size of the alternate signal stacks that we make.
const SIGNAL_STACK_BYTES: usize = 64 << 10;

/// What the handler itself needs beside the frame that the kernel pushes.
const HANDLER_BYTES: usize = 4 << 10;

thread_local! {
    /// Lowest address of this thread's stack, once asked for; 0 when the system does not say.
    static STACK_LOW: Cell<Option<usize>> = const { Cell::new(None) };
    static SIGNAL_STACK: OnceCell<SignalStack> = const { OnceCell::new() };
}

/// The lowest address that wasm frames entered from here may use: `max_wasm_stack` bytes below
/// the present one, but not into the reserve that the host needs.
pub(crate) fn wasm_stack_limit(max_wasm_stack: usize) -> usize {
    let here = (&raw const max_wasm_stack).addr();
    let low = STACK_LOW.with(|cell| match cell.get() {
        Some(low) => low,
        None => {
            let low = thread_stack_low();
            cell.set(Some(low));
            low
        }
    });
    let asked = here.saturating_sub(max_wasm_stack);
    match here.checked_sub(low) {
        // A thread with little stack gives half of it to the guest.
        Some(left) if low != 0 => asked.max(low + HOST_RESERVE_BYTES.min(left / 2)),
        // Not the thread's own stack (a fiber's, say): only the guest's allowance is known.
        _ => asked,
    }
}

fn thread_stack_low() -> usize {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: asks about the running thread; initialises the attributes when it returns 0.
    if unsafe { libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) } != 0 {
        return 0;
    }
    let (mut low, mut size) = (ptr::null_mut(), 0);
    // SAFETY: initialised above; the out parameters are ours; destroyed once.
    let status = unsafe {
        let status = libc::pthread_attr_getstack(attributes.as_ptr(), &mut low, &mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        status
    };
    if status == 0 { low.addr() } else { 0 }
}

/// An alternate signal stack that this runtime gave a thread. It goes when the thread ends.
#[derive(Debug)]
struct SignalStack {
    /// `None` when the thread has a large enough one already.
    ours: Option<*mut libc::c_void>,
}

/// Sees to it that handlers on this thread have a stack of their own. When memory for one cannot
/// be had, they run on the thread's stack, above the reserve that wasm frames leave.
pub(crate) fn ensure_signal_stack() {
    SIGNAL_STACK.with(|stack| {
        stack.get_or_init(SignalStack::install);
    });
}

impl SignalStack {
    fn install() -> Self {
        // SAFETY: `getauxval` reads the process's auxiliary vector.
        let frame_bytes = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) } as usize;
        let needed = frame_bytes.max(libc::MINSIGSTKSZ) + HANDLER_BYTES;
        // SAFETY: all-zero is a value of the C struct.
        let mut present: libc::stack_t = unsafe { std::mem::zeroed() };
        // SAFETY: only asks; the out parameter is ours.
        unsafe { libc::sigaltstack(ptr::null(), &mut present) };
        if present.ss_flags & libc::SS_DISABLE == 0 && present.ss_size >= needed {
            return SignalStack { ours: None };
        }
        // SAFETY: a fresh private mapping.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                SIGNAL_STACK_BYTES,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return SignalStack { ours: None };
        }
        let stack = libc::stack_t { ss_sp: base, ss_flags: 0, ss_size: SIGNAL_STACK_BYTES };
        // SAFETY: the mapping stays until `drop` takes it out of use.
        unsafe { libc::sigaltstack(&stack, ptr::null_mut()) };
        SignalStack { ours: Some(base) }
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        let Some(base) = self.ours else { return };
        // SAFETY: all-zero is a value of the C struct.
        let mut present: libc::stack_t = unsafe { std::mem::zeroed() };
        // SAFETY: asks, then disables the stack if it is still ours, on the thread that it was
        // made for; handlers cannot be running on it, since this runs as ordinary code.
        unsafe {
            libc::sigaltstack(ptr::null(), &mut present);
            if present.ss_sp == base {
                present.ss_flags = libc::SS_DISABLE;
                libc::sigaltstack(&present, ptr::null_mut());
            }
            libc::munmap(base, SIGNAL_STACK_BYTES);
        }
    }
}
