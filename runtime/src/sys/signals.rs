//! The signals by which guests trap. Handlers are installed once for the process. They pass a
//! signal that is not a guest's trap to the handler that was installed before.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Once;

use libc::{c_int, c_void, sigaction, siginfo_t};

use crate::sys::entry::{self, Interrupted};
use crate::sys::leave;

/// SIGSEGV: accesses out of bounds. SIGILL: `ud2`, to which explicit traps compile. SIGFPE: failed
/// divisions. SIGBUS is not among them: memory out of bounds is mapped without access, so a page
/// that the kernel cannot supply is never the guest's mistake.
const SIGNALS: [c_int; 3] = [libc::SIGSEGV, libc::SIGILL, libc::SIGFPE];

/// The earlier actions for each of [`SIGNALS`].
struct Previous(UnsafeCell<MaybeUninit<[sigaction; SIGNALS.len()]>>);

// SAFETY: `install` writes each entry once, before the handler that reads it is installed.
unsafe impl Sync for Previous {}

static PREVIOUS: Previous = Previous(UnsafeCell::new(MaybeUninit::zeroed()));

static INSTALL: Once = Once::new();

/// Installs the handlers at the first call.
pub(crate) fn install() {
    INSTALL.call_once(|| {
        leave::prepare();
        let previous = PREVIOUS.0.get().cast::<sigaction>();
        for (i, &signal) in SIGNALS.iter().enumerate() {
            // SAFETY: all-zero is a value of the C struct. The handler has the signature that
            // SA_SIGINFO requires. The previous action is stored before the handler can run.
            // These calls fail only for invalid signals.
            unsafe {
                sigaction(signal, ptr::null(), previous.add(i));
                let mut action: sigaction = std::mem::zeroed();
                action.sa_sigaction =
                    handle as unsafe extern "C" fn(c_int, *mut siginfo_t, *mut c_void) as usize;
                // Without SA_NODEFER, only a return through the kernel would unblock the signal.
                action.sa_flags =
                    libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART | libc::SA_NODEFER;
                libc::sigemptyset(&mut action.sa_mask);
                sigaction(signal, &action, ptr::null_mut());
            }
        }
    });
}

/// The handler.
///
/// # Safety
/// The kernel calls it, as a handler installed with SA_SIGINFO; or another handler, with what the kernel
/// passed.
#[unsafe(naked)]
unsafe extern "C" fn handle(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // The kernel has the context above the address to which the handler returns.
    std::arch::naked_asm!("lea rcx, [rsp + 8]", "jmp {act}", act = sym act)
}

/// Handles a signal. Async-signal-safe: does not allocate or lock. If the kernel called the handler,
/// `below_handler` is the address of the context.
///
/// # Safety
/// As [`handle`].
unsafe extern "C" fn act(
    signal: c_int,
    info: *mut siginfo_t,
    context: *mut c_void,
    below_handler: usize,
) {
    // SAFETY: with SA_SIGINFO the kernel passes a ucontext_t.
    let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    // SAFETY: with SA_SIGINFO the kernel passes a siginfo_t.
    let is_fault = is_fault(unsafe { &*info });
    let interrupted = Interrupted {
        pc: registers[libc::REG_RIP as usize] as usize,
        stack_pointer: registers[libc::REG_RSP as usize] as usize,
        frame_pointer: registers[libc::REG_RBP as usize] as usize,
    };
    if is_fault
        // SAFETY: this is the signal handler, and these are the registers that it interrupted.
        && let Some(resume_point) = unsafe { entry::record_trap(interrupted) }
    {
        // SAFETY: the resume point of the innermost activation, whose frame is live.
        let resume_point = unsafe { resume_point.as_ref() };
        // Another handler's frames, and signals that are blocked for it, end only by its return.
        if context.addr() == below_handler {
            // SAFETY: the kernel called the handler. It owns nothing, and SA_NODEFER keeps the signal
            // unblocked.
            unsafe { leave::resume(&*context.cast::<libc::ucontext_t>(), resume_point) };
        }
        // SAFETY: as above; the handler may change it.
        let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
        registers[libc::REG_RIP as usize] = resume_point.pc as i64;
        registers[libc::REG_RSP as usize] = resume_point.stack_pointer as i64;
        registers[libc::REG_RAX as usize] = entry::STOPPED as i64;
        return;
    }
    // SAFETY: `__errno_location` returns the address of this thread's errno.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let saved_errno = unsafe { *errno };
    // SAFETY: these are the arguments that the kernel passed.
    unsafe { pass_on(signal, is_fault, info, context) };
    // SAFETY: as above.
    unsafe { *errno = saved_errno };
}

/// Returns whether the running instruction caused the signal, rather than `kill` or the like.
fn is_fault(info: &siginfo_t) -> bool {
    info.si_code > 0
}

/// Passes a signal to the earlier handler, or takes the earlier action.
///
/// # Safety
/// `info` and `context` are those that the kernel passed to the handler of `signal`.
unsafe fn pass_on(signal: c_int, is_fault: bool, info: *mut siginfo_t, context: *mut c_void) {
    let Some(i) = SIGNALS.iter().position(|&s| s == signal) else {
        return;
    };
    // SAFETY: `install` wrote it before the handlers were installed, and nothing has since.
    let previous = unsafe { &*PREVIOUS.0.get().cast::<sigaction>().add(i) };
    match previous.sa_sigaction {
        // Like the kernel, this does not ignore faults.
        libc::SIG_IGN if !is_fault => {}
        libc::SIG_DFL | libc::SIG_IGN => {
            // SAFETY: all-zero is a value of the C struct, and SIG_DFL.
            unsafe {
                let default: sigaction = std::mem::zeroed();
                sigaction(signal, &default, ptr::null_mut());
            }
            // A fault happens again when the handler returns, now with the default action. A signal
            // that was sent must be sent again.
            if !is_fault {
                // SAFETY: raises a signal on this thread.
                unsafe { libc::raise(signal) };
            }
        }
        handler => with_mask(previous, signal, || {
            if previous.sa_flags & libc::SA_SIGINFO != 0 {
                // SAFETY: with SA_SIGINFO the address is that of a handler of three arguments.
                let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
                    unsafe { std::mem::transmute(handler) };
                handler(signal, info, context);
            } else {
                // SAFETY: without SA_SIGINFO it is that of a handler of one argument.
                let handler: extern "C" fn(c_int) = unsafe { std::mem::transmute(handler) };
                handler(signal);
            }
        }),
    }
}

/// Calls `handler` with the signals blocked that the kernel would block for `action`.
fn with_mask(action: &sigaction, signal: c_int, handler: impl FnOnce()) {
    let mut mask = action.sa_mask;
    if action.sa_flags & libc::SA_NODEFER == 0 {
        // SAFETY: a valid set and a valid signal.
        unsafe { libc::sigaddset(&mut mask, signal) };
    }
    let mut saved = MaybeUninit::uninit();
    // SAFETY: both sets are valid; `saved` is written by the first call.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &mask, saved.as_mut_ptr()) };
    handler();
    // SAFETY: as above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, saved.as_ptr(), ptr::null_mut()) };
}
