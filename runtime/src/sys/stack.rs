//! The stacks of the running thread: the limit of wasm frames, and the stack of signal handlers.

use std::cell::{Cell, OnceCell, RefCell};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;

/// Stack below wasm frames for host functions and builtins, which do not check the limit, in bytes.
const HOST_RESERVE_BYTES: usize = 64 << 10;

/// Minimum reserve in bytes for entering wasm. Trampolines do not probe the stack, and have frames
/// of up to some 16 KiB for the longest function types.
const HOST_RESERVE_MIN_BYTES: usize = 32 << 10;

/// Size of the alternate signal stacks that this runtime allocates.
const SIGNAL_STACK_BYTES: usize = 64 << 10;

/// Stack for a handler itself, beside the frame that the kernel pushes.
const HANDLER_BYTES: usize = 4 << 10;

/// The handlers that run at once: that of a trap, and within it that of an interruption.
const HANDLERS: usize = 2;

thread_local! {
    /// This thread's own stack: `None` until it is read, `Some(None)` if the system does not report
    /// it.
    static THREAD_STACK: Cell<Option<Option<ThreadStack>>> = const { Cell::new(None) };
    /// The stacks that callers of [`with_stack`] have declared.
    static DECLARED: RefCell<Vec<ThreadStack>> = const { RefCell::new(Vec::new()) };
    static SIGNAL_STACK: OnceCell<SignalStack> = const { OnceCell::new() };
}

/// The range of wasm frames: from the address of entry down to the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WasmStack {
    pub(crate) entered_at: usize,
    pub(crate) limit: usize,
}

/// The reason why no guest can be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The remaining stack is too small.
    TooSmall,
    /// The bounds of the present stack are unknown.
    Unknown,
}

/// The addresses of a stack, which grows down to `low`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ThreadStack {
    low: usize,
    high: usize,
}

impl ThreadStack {
    fn contains(self, address: usize) -> bool {
        (self.low..self.high).contains(&address)
    }
}

/// The lowest address that wasm frames entered from here may use. If the `outer` frames run on this
/// stack, it is their limit. Else it is `max_wasm_stack` bytes below the present address, but not
/// in the reserve of the host.
#[inline]
pub(crate) fn wasm_stack_limit(
    max_wasm_stack: usize,
    outer: Option<WasmStack>,
) -> Result<usize, Refusal> {
    let here = (&raw const max_wasm_stack).addr();
    let thread = THREAD_STACK.with(|cell| match cell.get() {
        Some(stack) => stack,
        None => {
            let stack = thread_stack();
            cell.set(Some(stack));
            stack
        }
    });
    let stack = thread.filter(|thread| thread.contains(here)).or_else(|| declared_at(here));
    limit(here, stack, max_wasm_stack, outer)
}

/// The declared stack that contains an address. Few calls of guests need it, and the others would pay for
/// its place in the function.
#[cold]
fn declared_at(here: usize) -> Option<ThreadStack> {
    DECLARED.with_borrow(|declared| declared.iter().copied().find(|it| it.contains(here)))
}

/// As [`wasm_stack_limit`], at the address `here` on `stack`.
#[inline]
fn limit(
    here: usize,
    stack: Option<ThreadStack>,
    max_wasm_stack: usize,
    outer: Option<WasmStack>,
) -> Result<usize, Refusal> {
    if let Some(outer) = outer {
        if (outer.limit..=outer.entered_at).contains(&here) {
            return Ok(outer.limit);
        }
        // Host functions have used the stack below the guest's limit.
        if here < outer.limit && stack.is_some_and(|stack| stack.contains(outer.entered_at)) {
            return Err(Refusal::TooSmall);
        }
    }
    let stack = stack.ok_or(Refusal::Unknown)?;
    let allowed = here.saturating_sub(max_wasm_stack);
    // On a small stack the guest gets half of it.
    let reserve = HOST_RESERVE_BYTES.min((here - stack.low) / 2);
    if reserve < HOST_RESERVE_MIN_BYTES {
        return Err(Refusal::TooSmall);
    }
    Ok(allowed.max(stack.low + reserve))
}

/// Runs `call`, in which guests may be called on `stack`, such as that of a fiber. On the stack with
/// which a thread began they may be called without this; on other stacks it is an error, since guests
/// could overrun them.
///
/// The declaration holds for this thread until `call` returns, also while the fiber is suspended.
///
/// # Safety
/// As long as `call` runs, the range is a stack of which code on it may use every byte. While the fiber is suspended
/// with a guest on it, no guest that was called before goes on on this thread: its trap would resume the fiber.
pub unsafe fn with_stack<R>(stack: Range<*const u8>, call: impl FnOnce() -> R) -> R {
    /// Withdraws the declaration.
    struct Declaration(ThreadStack);

    impl Drop for Declaration {
        fn drop(&mut self) {
            DECLARED.with_borrow_mut(|declared| {
                if let Some(i) = declared.iter().rposition(|it| *it == self.0) {
                    declared.remove(i);
                }
            });
        }
    }

    let declared = ThreadStack { low: stack.start.addr(), high: stack.end.addr() };
    DECLARED.with_borrow_mut(|all| all.push(declared));
    let _declaration = Declaration(declared);
    call()
}

fn thread_stack() -> Option<ThreadStack> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: reads about the running thread; initialises the attributes if it returns 0.
    if unsafe { libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) } != 0 {
        return None;
    }
    let (mut low, mut size) = (ptr::null_mut(), 0);
    // SAFETY: the attributes are initialised, and destroyed once; the out parameters are locals.
    let status = unsafe {
        let status = libc::pthread_attr_getstack(attributes.as_ptr(), &mut low, &mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        status
    };
    (status == 0).then(|| ThreadStack { low: low.addr(), high: low.addr() + size })
}

/// An alternate signal stack that this runtime allocated for a thread. It is freed when the thread
/// ends.
#[derive(Debug)]
struct SignalStack {
    /// `None` if the thread already had one that is large enough.
    owned: Option<*mut libc::c_void>,
}

/// Gives this thread an alternate signal stack, if it has none that is large enough. If the kernel
/// refuses memory for one, handlers run on the thread's stack, in the reserve below wasm frames.
pub(crate) fn ensure_signal_stack() {
    SIGNAL_STACK.with(|stack| {
        stack.get_or_init(SignalStack::install);
    });
}

impl SignalStack {
    fn install() -> Self {
        // SAFETY: `getauxval` reads the process's auxiliary vector.
        let frame_bytes = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) } as usize;
        let needed = HANDLERS * (frame_bytes.max(libc::MINSIGSTKSZ) + HANDLER_BYTES);
        // SAFETY: all-zero is a value of the C struct.
        let mut present: libc::stack_t = unsafe { std::mem::zeroed() };
        // SAFETY: only reads the present stack; the out parameter is a local.
        unsafe { libc::sigaltstack(ptr::null(), &mut present) };
        if present.ss_flags & libc::SS_DISABLE == 0 && present.ss_size >= needed {
            return SignalStack { owned: None };
        }
        // SAFETY: a new private mapping at an address that the kernel chooses.
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
            return SignalStack { owned: None };
        }
        let stack = libc::stack_t { ss_sp: base, ss_flags: 0, ss_size: SIGNAL_STACK_BYTES };
        // SAFETY: the mapping stays until `drop` disables the stack.
        unsafe { libc::sigaltstack(&stack, ptr::null_mut()) };
        SignalStack { owned: Some(base) }
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        let Some(base) = self.owned else { return };
        // SAFETY: all-zero is a value of the C struct.
        let mut present: libc::stack_t = unsafe { std::mem::zeroed() };
        // SAFETY: disables the stack if it is still the one that `install` set, on the same thread.
        // No handler runs on it, because this is not signal handler code. Then nothing uses the
        // mapping.
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

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1 << 10;
    const THREAD: ThreadStack = ThreadStack { low: 1000 * KIB, high: 9000 * KIB };

    fn limit_at(here: usize, outer: Option<WasmStack>) -> Result<usize, Refusal> {
        limit(here, Some(THREAD).filter(|it| it.contains(here)), 512 * KIB, outer)
    }

    #[test]
    fn a_guest_gets_what_it_may_have_above_the_reserve() {
        assert_eq!(limit_at(8000 * KIB, None), Ok(7488 * KIB));
        assert_eq!(limit_at(1500 * KIB, None), Ok(1064 * KIB));
        assert_eq!(limit_at(1100 * KIB, None), Ok(1050 * KIB));
        assert_eq!(limit_at(1064 * KIB, None), Ok(1032 * KIB));
        let too_small = Err(Refusal::TooSmall);
        assert_eq!(limit_at(1063 * KIB, None), too_small, "trampolines would not fit below");
        // Addresses outside of the thread's own stack.
        assert_eq!(limit_at(9500 * KIB, None), Err(Refusal::Unknown));
        assert_eq!(limit_at(999 * KIB, None), Err(Refusal::Unknown));
    }

    #[test]
    fn a_limit_is_inherited_on_the_same_stack_only() {
        let outer = WasmStack { entered_at: 8000 * KIB, limit: 7488 * KIB };
        assert_eq!(limit_at(7900 * KIB, Some(outer)), Ok(7488 * KIB));
        assert_eq!(limit_at(7488 * KIB, Some(outer)), Ok(7488 * KIB));
        let too_small = Err(Refusal::TooSmall);
        assert_eq!(limit_at(7487 * KIB, Some(outer)), too_small, "the allowance is used up");
        // The thread called a fiber; a fiber called the thread.
        assert_eq!(limit_at(20_000 * KIB, Some(outer)), Err(Refusal::Unknown));
        let declared = ThreadStack { low: 19_000 * KIB, high: 20_001 * KIB };
        let on_fiber = limit(20_000 * KIB, Some(declared), 512 * KIB, Some(outer));
        assert_eq!(on_fiber, Ok(19_488 * KIB));
        let fiber = WasmStack { entered_at: 20_000 * KIB, limit: 19_488 * KIB };
        assert_eq!(limit_at(19_900 * KIB, Some(fiber)), Ok(19_488 * KIB));
        assert_eq!(limit_at(8000 * KIB, Some(fiber)), Ok(7488 * KIB));
    }
}
