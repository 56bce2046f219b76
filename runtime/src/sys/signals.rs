//! Signals by which guests trap. Handlers are installed once for the process; a signal that is
//! not a guest's trap goes on to whoever handled it before.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Once;

use libc::{c_int, c_void, sigaction, siginfo_t};

use crate::sys::entry;

/// Memory faults; `ud2`, which explicit traps compile to; failing divisions. Not SIGBUS: what a
/// guest may not touch is mapped without access, so that a page that cannot be had is never its
/// mistake.
const SIGNALS: [c_int; 3] = [libc::SIGSEGV, libc::SIGILL, libc::SIGFPE];

/// What handled each of [`SIGNALS`] before us.
struct Previous(UnsafeCell<MaybeUninit<[sigaction; SIGNALS.len()]>>);

// SAFETY: written once before the handlers that read it are installed.
unsafe impl Sync for Previous {}

static PREVIOUS: Previous = Previous(UnsafeCell::new(MaybeUninit::zeroed()));

static INSTALL: Once = Once::new();

/// Installs the handlers, the first time that it is called.
pub(crate) fn install() {
    INSTALL.call_once(|| {
        let previous = PREVIOUS.0.get().cast::<sigaction>();
        for (i, &signal) in SIGNALS.iter().enumerate() {
            // SAFETY: all-zero is a value of the C struct; the handler has the signature that
            // SA_SIGINFO asks for; the previous action is in its place before ours can run.
            // These calls fail for invalid signals only.
            unsafe {
                sigaction(signal, ptr::null(), previous.add(i));
                let mut ours: sigaction = std::mem::zeroed();
                ours.sa_sigaction =
                    handle as extern "C" fn(c_int, *mut siginfo_t, *mut c_void) as usize;
                ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
                libc::sigemptyset(&mut ours.sa_mask);
                sigaction(signal, &ours, ptr::null_mut());
            }
        }
    });
}

/// Only async-signal-safe things happen here: no allocation, no lock.
extern "C" fn handle(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: with SA_SIGINFO the kernel passes a ucontext_t, which is ours to change.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let pc = registers[libc::REG_RIP as usize] as usize;
    if is_fault(info)
        && let Some(landing) = entry::land(pc)
    {
        // SAFETY: the landing of the innermost activation, whose frame is live.
        let landing = unsafe { landing.as_ref() };
        registers[libc::REG_RIP as usize] = landing.pc as i64;
        registers[libc::REG_RSP as usize] = landing.stack_pointer as i64;
        // What `enter` returns.
        registers[libc::REG_RAX as usize] = 1;
        return;
    }
    // SAFETY: `__errno_location` is this thread's.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let saved_errno = unsafe { *errno };
    chain(signal, info, context);
    // SAFETY: as above.
    unsafe { *errno = saved_errno };
}

/// Whether the running instruction caused the signal, rather than `kill` or the like.
fn is_fault(info: *const siginfo_t) -> bool {
    // SAFETY: the kernel passes a siginfo_t.
    unsafe { (*info).si_code > 0 }
}

/// Does what would have happened without us.
fn chain(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let Some(i) = SIGNALS.iter().position(|&s| s == signal) else {
        return;
    };
    // SAFETY: initialised before the handlers were installed, and not written since.
    let previous = unsafe { &*PREVIOUS.0.get().cast::<sigaction>().add(i) };
    match previous.sa_sigaction {
        // The kernel does not let a fault be ignored either.
        libc::SIG_IGN if !is_fault(info) => {}
        libc::SIG_DFL | libc::SIG_IGN => {
            // SAFETY: all-zero is a value of the C struct, and SIG_DFL.
            unsafe {
                let default: sigaction = std::mem::zeroed();
                sigaction(signal, &default, ptr::null_mut());
            }
            // A fault happens again when this returns, now with the default action; a signal that
            // was sent has to be sent again, and is delivered when this returns.
            if !is_fault(info) {
                // SAFETY: raises a signal on this thread.
                unsafe { libc::raise(signal) };
            }
        }
        handler => with_mask(&previous.sa_mask, || {
            if previous.sa_flags & libc::SA_SIGINFO != 0 {
                // SAFETY: with SA_SIGINFO it is a handler of three arguments.
                let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
                    unsafe { std::mem::transmute(handler) };
                handler(signal, info, context);
            } else {
                // SAFETY: without, it is one of one argument.
                let handler: extern "C" fn(c_int) = unsafe { std::mem::transmute(handler) };
                handler(signal);
            }
        }),
    }
}

/// Calls `handler` with the signals of `mask` blocked, as the kernel would.
fn with_mask(mask: &libc::sigset_t, handler: impl FnOnce()) {
    let mut saved = MaybeUninit::uninit();
    // SAFETY: both sets are valid; `saved` is written by the first call.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, mask, saved.as_mut_ptr()) };
    handler();
    // SAFETY: as above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, saved.as_ptr(), ptr::null_mut()) };
}
