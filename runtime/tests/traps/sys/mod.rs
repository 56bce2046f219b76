//! Threads, signals and faults by C functions.

#![allow(unsafe_code, reason = "tests of signal handling need raw threads and real faults")]

use std::arch::asm;
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes below a stack that no thread may touch.
const GUARD_BYTES: usize = 64 << 10;

/// Runs `body` on a thread that `pthread_create` makes, with `stack_bytes` of stack. The standard
/// library does not prepare such a thread. The stack is new: the C library might take one of a thread that has
/// ended, which may be four times as large.
pub(crate) fn on_raw_thread<R>(stack_bytes: usize, body: impl FnOnce() -> R) -> R {
    struct Job<F, R> {
        body: Option<F>,
        result: Option<R>,
    }

    extern "C" fn start<F: FnOnce() -> R, R>(job: *mut c_void) -> *mut c_void {
        // SAFETY: the argument is the job below, whose owner waits for this thread.
        let job = unsafe { &mut *job.cast::<Job<F, R>>() };
        job.result = job.body.take().map(|body| body());
        ptr::null_mut()
    }

    fn start_of<F: FnOnce() -> R, R>(_: &Job<F, R>) -> extern "C" fn(*mut c_void) -> *mut c_void {
        start::<F, R>
    }

    let mut job = Job { body: Some(body), result: None };
    let start = start_of(&job);
    // SAFETY: the calls initialise attributes and thread before use. The job and the stack outlive the thread,
    // which is joined; the kernel chooses the stack's address.
    unsafe {
        let (length, access) = (GUARD_BYTES + stack_bytes, libc::PROT_READ | libc::PROT_WRITE);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK;
        let mapping = libc::mmap(ptr::null_mut(), length, access, flags, -1, 0);
        assert_ne!(mapping, libc::MAP_FAILED);
        assert_eq!(libc::mprotect(mapping, GUARD_BYTES, libc::PROT_NONE), 0);
        let mut attributes = std::mem::zeroed();
        assert_eq!(libc::pthread_attr_init(&mut attributes), 0);
        let stack = mapping.byte_add(GUARD_BYTES);
        assert_eq!(libc::pthread_attr_setstack(&mut attributes, stack, stack_bytes), 0);
        let mut thread = std::mem::zeroed();
        let status = libc::pthread_create(&mut thread, &attributes, start, (&raw mut job).cast());
        assert_eq!(status, 0);
        assert_eq!(libc::pthread_join(thread, ptr::null_mut()), 0);
        libc::pthread_attr_destroy(&mut attributes);
        assert_eq!(libc::munmap(mapping, length), 0);
    }
    job.result.unwrap()
}

/// The size of this thread's alternate signal stack; `None` if it has none.
pub(crate) fn signal_stack_bytes() -> Option<usize> {
    // SAFETY: only reads; all-zero is a value of the C struct.
    let stack = unsafe {
        let mut stack: libc::stack_t = std::mem::zeroed();
        assert_eq!(libc::sigaltstack(ptr::null(), &mut stack), 0);
        stack
    };
    (stack.ss_flags & libc::SS_DISABLE == 0).then_some(stack.ss_size)
}

/// The control words of the floating-point units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FloatControl {
    pub(crate) vectors: u32,
    pub(crate) x87: u16,
}

pub(crate) fn float_control() -> FloatControl {
    let mut control = FloatControl { vectors: 0, x87: 0 };
    // SAFETY: the instructions write to the fields.
    unsafe {
        asm!(
            "stmxcsr [{}]", "fnstcw word ptr [{}]",
            in(reg) &raw mut control.vectors, in(reg) &raw mut control.x87,
        );
    }
    // Guests may raise flags of exceptions, as any code.
    control.vectors &= !0x3f;
    control
}

/// Sets control words with which Rust code must not compute.
pub(crate) fn set_float_control(control: FloatControl) {
    // SAFETY: the instructions read the fields. This thread computes with no floats.
    unsafe {
        asm!(
            "ldmxcsr [{}]", "fldcw word ptr [{}]",
            in(reg) &raw const control.vectors, in(reg) &raw const control.x87,
        );
    }
}

/// Runs `body` with a signal stack that the kernel turns off while a handler runs on it.
pub(crate) fn with_disarming_signal_stack(bytes: usize, body: impl FnOnce()) {
    const SS_AUTODISARM: c_int = 1 << 31;
    let mut memory = vec![0u8; bytes];
    let ss_sp = memory.as_mut_ptr().cast();
    let stack = libc::stack_t { ss_sp, ss_flags: SS_AUTODISARM, ss_size: bytes };
    let none = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
    // SAFETY: the memory outlives its use as a stack.
    assert_eq!(unsafe { libc::sigaltstack(&stack, ptr::null_mut()) }, 0);
    body();
    // SAFETY: no handler runs.
    assert_eq!(unsafe { libc::sigaltstack(&none, ptr::null_mut()) }, 0);
}

/// The numbers of the signals that this thread blocks.
pub(crate) fn blocked_signals() -> Vec<c_int> {
    // SAFETY: all-zero is a value of the C struct, which the call fills.
    let set = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        assert_eq!(libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), &mut set), 0);
        set
    };
    // SAFETY: a valid set and valid signals.
    (1..32).filter(|&signal| unsafe { libc::sigismember(&set, signal) } == 1).collect()
}

/// Exit codes of the handlers below.
pub(crate) const BY_PLAIN_HANDLER: i32 = 41;
/// As above, of the handler with siginfo.
pub(crate) const BY_SIGINFO_HANDLER: i32 = 42;

extern "C" fn plain(_: c_int) {
    // SAFETY: `_exit` is async-signal-safe.
    unsafe { libc::_exit(BY_PLAIN_HANDLER) }
}

extern "C" fn with_info(signal: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel passes a siginfo; `_exit` is async-signal-safe.
    unsafe {
        let right = (*info).si_signo == signal && (*info).si_addr().addr() == FAULT_ADDRESS;
        libc::_exit(if right { BY_SIGINFO_HANDLER } else { 1 })
    }
}

/// The address that [`fault`] reads.
const FAULT_ADDRESS: usize = 0x10;

/// The action for SIGSEGV and SIGURG before the runtime installs its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Earlier {
    Default,
    Ignore,
    Plain,
    WithInfo,
    /// A handler that returns, for one signal.
    Once,
    /// That of Rust's standard library.
    Unchanged,
}

extern "C" fn survive(_: c_int) {}

pub(crate) fn handle_faults_by(earlier: Earlier) {
    let (handler, flags) = match earlier {
        Earlier::Default => (libc::SIG_DFL, 0),
        Earlier::Ignore => (libc::SIG_IGN, 0),
        Earlier::Plain => (plain as extern "C" fn(c_int) as usize, 0),
        Earlier::WithInfo => (
            with_info as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) as usize,
            libc::SA_SIGINFO,
        ),
        Earlier::Once => (survive as extern "C" fn(c_int) as usize, libc::SA_RESETHAND),
        Earlier::Unchanged => return,
    };
    // SAFETY: the handlers have the signatures that their flags require.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        for signal in [libc::SIGSEGV, libc::SIGURG] {
            assert_eq!(libc::sigaction(signal, &action, ptr::null_mut()), 0);
        }
    }
}

static FORWARD_TO: AtomicUsize = AtomicUsize::new(0);
static FORWARDED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn forward(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the address of the handler that was installed before, with SA_SIGINFO.
    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
        unsafe { std::mem::transmute(FORWARD_TO.load(Ordering::Relaxed)) };
    handler(signal, info, context);
    FORWARDED.fetch_add(1, Ordering::Relaxed);
}

/// Installs a handler of SIGSEGV that calls the present one.
pub(crate) fn forward_faults() {
    // SAFETY: the handler has the signature that its flags require, as the present one.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        assert_eq!(libc::sigaction(libc::SIGSEGV, ptr::null(), &mut action), 0);
        assert_ne!(action.sa_flags & libc::SA_SIGINFO, 0);
        FORWARD_TO.store(action.sa_sigaction, Ordering::Relaxed);
        action.sa_sigaction =
            forward as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        assert_eq!(libc::sigaction(libc::SIGSEGV, &action, ptr::null_mut()), 0);
    }
}

/// The number of signals from which the handler of [`forward_faults`] has returned.
pub(crate) fn forwarded() -> usize {
    FORWARDED.load(Ordering::Relaxed)
}

/// Causes a fault in host code.
pub(crate) fn fault() {
    // SAFETY: none. The read faults, which is the purpose.
    unsafe { ptr::with_exposed_provenance::<u8>(FAULT_ADDRESS).read_volatile() };
}

/// Sends SIGSEGV, without a faulting instruction.
pub(crate) fn send_sigsegv() {
    // SAFETY: raises a signal on this thread.
    unsafe { libc::raise(libc::SIGSEGV) };
}

/// Sends SIGURG.
pub(crate) fn send_urgent() {
    // SAFETY: raises a signal on this thread.
    unsafe { libc::raise(libc::SIGURG) };
}

/// Blocks SIGURG for this thread.
pub(crate) fn block_urgent() {
    // SAFETY: the set is valid, since the first call initialises it.
    unsafe {
        let mut signals = std::mem::zeroed();
        libc::sigemptyset(&mut signals);
        libc::sigaddset(&mut signals, libc::SIGURG);
        assert_eq!(libc::pthread_sigmask(libc::SIG_BLOCK, &signals, ptr::null_mut()), 0);
    }
}

/// Sends SIGSEGV with the report of a fault.
pub(crate) fn send_sigsegv_as_fault() {
    // SAFETY: all-zero is a value of the C struct. Sends a signal to this thread.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        info.si_signo = libc::SIGSEGV;
        info.si_code = 1;
        let (process, thread) = (libc::getpid(), libc::gettid());
        let sent =
            libc::syscall(libc::SYS_rt_tgsigqueueinfo, process, thread, libc::SIGSEGV, &info);
        assert_eq!(sent, 0);
    }
}

/// Runs `body` on a stack of its own, as a fiber. Passes the range of the stack.
pub(crate) fn on_fiber<R>(stack_bytes: usize, body: impl FnOnce(Range<*const u8>) -> R) -> R {
    struct Fiber<F, R> {
        body: Option<F>,
        stack: Range<*const u8>,
        result: Option<R>,
        caller: libc::ucontext_t,
        own: libc::ucontext_t,
    }

    thread_local! {
        static FIBER: Cell<*mut c_void> = const { Cell::new(ptr::null_mut()) };
    }

    extern "C" fn start<F: FnOnce(Range<*const u8>) -> R, R>() {
        // SAFETY: the fiber below, whose owner waits for this context to end.
        let fiber = unsafe { &mut *FIBER.get().cast::<Fiber<F, R>>() };
        let stack = fiber.stack.clone();
        fiber.result = fiber.body.take().map(|body| body(stack));
    }

    fn start_of<F: FnOnce(Range<*const u8>) -> R, R>(_: &Fiber<F, R>) -> extern "C" fn() {
        start::<F, R>
    }

    // Below the stack are bytes that show whether it was overrun.
    const BELOW: usize = 64 << 10;
    let mut memory = vec![0x5a_u8; BELOW + stack_bytes];
    let result = {
        let stack = memory[BELOW..].as_mut_ptr_range();
        // SAFETY: all-zero is a value of the C structs.
        let (caller, own) = unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        let mut fiber = Fiber {
            body: Some(body),
            stack: stack.start.cast_const()..stack.end.cast_const(),
            result: None,
            caller,
            own,
        };
        let start = start_of(&fiber);
        let earlier = FIBER.replace((&raw mut fiber).cast());
        // SAFETY: the calls initialise the context before its use. Stack and fiber outlive it: it
        // continues in `caller` at its end. It has no arguments.
        unsafe {
            assert_eq!(libc::getcontext(&mut fiber.own), 0);
            fiber.own.uc_stack.ss_sp = stack.start.cast();
            fiber.own.uc_stack.ss_size = stack_bytes;
            fiber.own.uc_link = &raw mut fiber.caller;
            let (caller, own) = (&raw mut fiber.caller, &raw mut fiber.own);
            libc::makecontext(own, start, 0);
            assert_eq!(libc::swapcontext(caller, own), 0);
        }
        FIBER.set(earlier);
        fiber.result.unwrap()
    };
    assert!(memory[..BELOW].iter().all(|&byte| byte == 0x5a), "the stack was overrun");
    result
}

/// Declares the stack on which the caller runs.
pub(crate) fn with_stack<R>(stack: Range<*const u8>, call: impl FnOnce() -> R) -> R {
    assert!(stack.contains(&(&raw const stack).cast()));
    // SAFETY: the caller runs on it, so it is a stack. `on_fiber` gives all of it to code that runs.
    unsafe { leakbench_runtime::with_stack(stack, call) }
}

/// Prevents core files of processes that are meant to die.
pub(crate) fn forbid_core_dumps() {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: passes a valid limit.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &none) };
}
