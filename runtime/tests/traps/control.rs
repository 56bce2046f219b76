//! Traps leave the state of the thread as it was, although its handler does not return to the kernel.

use leakbench_runtime::OptLevel;

use crate::guest;
use crate::sys;

/// The kernel resets the control words for a handler.
#[test]
fn a_trap_keeps_the_control_words_of_floats() {
    let module = guest::module(&guest::engine(OptLevel::Speed));
    std::thread::spawn(move || {
        let unusual = sys::FloatControl { vectors: 0x9fc0, x87: 0x0e7f };
        sys::set_float_control(unusual);
        for &(name, expected) in guest::TRAPS {
            let trap = guest::trap(&module, name).trap;
            assert_eq!((trap, sys::float_control()), (expected, unusual), "{name}");
        }
    })
    .join()
    .unwrap();
}

/// The kernel turns off such a stack for a handler.
#[test]
fn a_trap_keeps_a_signal_stack_that_disarms_itself() {
    let module = guest::module(&guest::engine(OptLevel::Speed));
    std::thread::spawn(move || {
        sys::with_disarming_signal_stack(64 << 10, || {
            for _ in 0..3 {
                guest::trap(&module, "recurse");
                assert_eq!(sys::signal_stack_bytes(), Some(64 << 10));
            }
        });
    })
    .join()
    .unwrap();
}

/// The kernel blocks a signal for its handler, unless the handler says otherwise.
#[test]
fn a_trap_leaves_no_signal_blocked() {
    let module = guest::module(&guest::engine(OptLevel::Speed));
    std::thread::spawn(move || {
        let before = sys::blocked_signals();
        for &(name, _) in guest::TRAPS {
            guest::trap(&module, name);
            assert_eq!(sys::blocked_signals(), before, "{name}");
        }
    })
    .join()
    .unwrap();
}
