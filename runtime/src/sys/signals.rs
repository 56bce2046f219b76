//! The signals by which guests trap and are interrupted. Handlers are installed once for the process. They pass a
//! signal that stops no guest to the handler that was installed before, and stay installed if
//! that one installs another.

use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;
use std::num::NonZeroI32;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use libc::{c_int, c_void, sigaction, siginfo_t, sigset_t};

use crate::sys::entry::{self, Interrupted};
use crate::sys::leave;

/// SIGSEGV: accesses out of bounds. SIGILL: `ud2`, to which explicit traps compile. SIGFPE: failed
/// divisions. SIGBUS is not among them: memory out of bounds is mapped without access, so a page
/// that the kernel cannot supply is never the guest's mistake.
const FAULTS: [c_int; 3] = [libc::SIGSEGV, libc::SIGILL, libc::SIGFPE];

/// The signal to a thread whose guest shall stop. Without a handler it is ignored, so that one which is late ends
/// nothing, and handlers of others expect it without a reason.
const INTERRUPT: c_int = libc::SIGURG;

const SIGNALS: [c_int; 4] = [FAULTS[0], FAULTS[1], FAULTS[2], INTERRUPT];

/// The action for a signal beside this runtime's. Handlers on any thread read and change it.
struct Previous {
    /// The address of a handler, or SIG_DFL or SIG_IGN.
    handler: AtomicUsize,
    flags: AtomicI32,
    /// That of the action before the handlers were installed.
    mask: UnsafeCell<MaybeUninit<sigset_t>>,
}

// SAFETY: `install_for` writes the mask once, before the handler that reads it is installed.
unsafe impl Sync for Previous {}

impl Previous {
    const fn new() -> Self {
        Previous {
            handler: AtomicUsize::new(libc::SIG_DFL),
            flags: AtomicI32::new(0),
            mask: UnsafeCell::new(MaybeUninit::zeroed()),
        }
    }

    fn set(&self, action: &sigaction) {
        // First, so that no handler is called with less than its flags require. One with more
        // arguments than it takes is harmless.
        self.flags.store(action.sa_flags, Ordering::SeqCst);
        self.handler.store(action.sa_sigaction, Ordering::SeqCst);
    }

    /// The signals that the kernel would block for the handler of `signal`.
    fn blocked(&self, signal: c_int) -> sigset_t {
        // SAFETY: `install_for` wrote it before the handlers were installed, and nothing has since.
        let mut mask = unsafe { (*self.mask.get()).assume_init() };
        if self.flags.load(Ordering::SeqCst) & libc::SA_NODEFER == 0 {
            // SAFETY: a valid set and a valid signal.
            unsafe { libc::sigaddset(&mut mask, signal) };
        }
        mask
    }

    /// The handler for a signal that arrives now. The next one may have another.
    fn take(&self) -> usize {
        let handler = self.handler.load(Ordering::SeqCst);
        let is_once = self.flags.load(Ordering::SeqCst) & libc::SA_RESETHAND != 0;
        if !is_once || handler == libc::SIG_IGN {
            return handler;
        }
        self.handler.swap(libc::SIG_DFL, Ordering::SeqCst)
    }
}

/// For each of [`SIGNALS`].
static PREVIOUS: [Previous; SIGNALS.len()] = [const { Previous::new() }; SIGNALS.len()];

/// Installs the handlers of traps at the first call.
pub(crate) fn install() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        leave::prepare();
        install_for(&FAULTS);
    });
}

/// Installs the handler of interruptions at the first call.
pub(crate) fn install_interrupt() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| install_for(&[INTERRUPT]));
}

/// Installs the handlers of signals that have none of this runtime.
fn install_for(signals: &[c_int]) {
    for (&signal, previous) in SIGNALS.iter().zip(&PREVIOUS) {
        if signals.contains(&signal) {
            let action = present(signal);
            // SAFETY: the handler that reads it is not installed yet.
            unsafe { (*previous.mask.get()).write(action.sa_mask) };
            previous.set(&action);
            install_own(signal);
        }
    }
}

/// Sends [`INTERRUPT`] to a thread of this process. If it has ended, nothing happens.
pub(super) fn interrupt(thread: NonZeroI32) {
    // SAFETY: sends a signal, by numbers.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread.get(), INTERRUPT) };
}

/// The kernel's id of this thread, which receives [`INTERRUPT`] from the first call on.
pub(super) fn interruptible_thread() -> i32 {
    thread_local! {
        static ID: Cell<i32> = const { Cell::new(0) };
    }
    ID.with(|id| {
        if id.get() == 0 {
            // SAFETY: the set is valid, since both calls initialise it and change it by a valid signal.
            unsafe {
                let mut signals = std::mem::zeroed();
                libc::sigemptyset(&mut signals);
                libc::sigaddset(&mut signals, INTERRUPT);
                libc::pthread_sigmask(libc::SIG_UNBLOCK, &signals, ptr::null_mut());
            }
            id.set(rustix::thread::gettid().as_raw_nonzero().get());
        }
        id.get()
    })
}

/// Blocks all signals for this thread, so that others receive those of the process.
pub(super) fn block_all() {
    // SAFETY: the set is valid, since the first call initialises it.
    unsafe {
        let mut signals = std::mem::zeroed();
        libc::sigfillset(&mut signals);
        libc::pthread_sigmask(libc::SIG_BLOCK, &signals, ptr::null_mut());
    }
}

/// The present action for a signal.
fn present(signal: c_int) -> sigaction {
    // SAFETY: all-zero is a value of the C struct, which the call fills in. It fails only for invalid
    // signals.
    unsafe {
        let mut action: sigaction = std::mem::zeroed();
        sigaction(signal, ptr::null(), &mut action);
        action
    }
}

fn own_handler() -> usize {
    handle as unsafe extern "C" fn(c_int, *mut siginfo_t, *mut c_void) as usize
}

fn install_own(signal: c_int) {
    // SAFETY: all-zero is a value of the C struct. The handler has the signature that SA_SIGINFO
    // requires. The call fails only for invalid signals.
    unsafe {
        let mut action: sigaction = std::mem::zeroed();
        action.sa_sigaction = own_handler();
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
        // Only a return through the kernel would unblock a signal that is blocked for its handler. That of an
        // interruption returns so, and has no other one within it, for which the stack may have no room.
        if signal != INTERRUPT {
            action.sa_flags |= libc::SA_NODEFER;
        }
        libc::sigemptyset(&mut action.sa_mask);
        sigaction(signal, &action, ptr::null_mut());
    }
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
    // SAFETY: this is the signal handler, and these are the registers that it interrupted.
    let stopped = unsafe {
        match signal {
            INTERRUPT => entry::record_interrupt(interrupted),
            _ if is_fault => entry::record_trap(interrupted),
            _ => None,
        }
    };
    if let Some(resume_point) = stopped {
        // SAFETY: the resume point of the innermost activation, whose frame is live.
        let resume_point = unsafe { resume_point.as_ref() };
        // Another handler's frames, and signals that are blocked for it, end only by its return.
        if signal != INTERRUPT && context.addr() == below_handler {
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
    let previous = &PREVIOUS[i];
    match previous.take() {
        // Like the kernel, this does not ignore faults.
        libc::SIG_IGN if !is_fault => {}
        libc::SIG_DFL if signal == INTERRUPT => {}
        // SAFETY: as the caller says.
        libc::SIG_DFL | libc::SIG_IGN => unsafe { end_process(signal, info) },
        handler => {
            with_mask(&previous.blocked(signal), || {
                // SAFETY: the address of a handler. Those of one argument ignore the others.
                let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
                    unsafe { std::mem::transmute(handler) };
                handler(signal, info, context);
            });
            // One that cannot handle a signal, such as that of Rust's standard library, installs the
            // default action, so that the fault ends the process when it happens again. If it does
            // not, guests must still be able to trap.
            let now = present(signal);
            if now.sa_sigaction != own_handler() {
                previous.set(&now);
                install_own(signal);
            }
        }
    }
}

/// Takes the default action, with what the kernel reported of the signal. A fault need not happen
/// again then.
///
/// # Safety
/// `info` is that of `signal`.
unsafe fn end_process(signal: c_int, info: *mut siginfo_t) {
    // SAFETY: all-zero is a value of the C struct, and SIG_DFL. The signal is sent to this thread, for
    // which the kernel allows any report.
    unsafe {
        let default: sigaction = std::mem::zeroed();
        sigaction(signal, &default, ptr::null_mut());
        let (process, thread) = (libc::getpid(), libc::gettid());
        if libc::syscall(libc::SYS_rt_tgsigqueueinfo, process, thread, signal, info) != 0 {
            libc::raise(signal);
        }
    }
}

/// Calls `handler` with the signals of `mask` blocked, as the kernel would.
fn with_mask(mask: &sigset_t, handler: impl FnOnce()) {
    let mut saved = MaybeUninit::uninit();
    // SAFETY: both sets are valid; `saved` is written by the first call.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, mask, saved.as_mut_ptr()) };
    handler();
    // SAFETY: as above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, saved.as_ptr(), ptr::null_mut()) };
}
