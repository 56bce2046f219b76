//! Signals that are not traps of guests reach the earlier handler. Each case is a process of its
//! own, which runs one test of this program.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

use leakbench_runtime::{Config, Engine, Instance, Linker, Module, OptLevel, Store, Trap};

use crate::guest;
use crate::sys::{self, Earlier};

const CASE: &str = "LEAKBENCH_TEST_CASE";

/// Runs a process that installs the handler `earlier`, runs a guest that traps, and then meets the
/// signal `how`. Returns its exit status.
fn end(earlier: &str, how: &str) -> ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "other_signals::one_case", "--include-ignored"])
        .env(CASE, format!("{earlier} {how}"))
        .output()
        .unwrap()
        .status
}

/// The exit code if the test passed.
const SURVIVED: Option<i32> = Some(0);

#[test]
fn faults_of_the_host_go_to_the_earlier_handler() {
    for how in ["fault", "fault-in-host-function"] {
        assert_eq!(end("with-info", how).code(), Some(sys::BY_SIGINFO_HANDLER), "{how}");
        assert_eq!(end("plain", how).code(), Some(sys::BY_PLAIN_HANDLER), "{how}");
        assert_eq!(end("default", how).signal(), Some(libc::SIGSEGV), "{how}");
        // A fault cannot be ignored.
        assert_eq!(end("ignore", how).signal(), Some(libc::SIGSEGV), "{how}");
    }
}

#[test]
fn signals_that_were_sent_go_to_the_earlier_handler() {
    assert_eq!(end("plain", "sent").code(), Some(sys::BY_PLAIN_HANDLER));
    assert_eq!(end("default", "sent").signal(), Some(libc::SIGSEGV));
    assert_eq!(end("ignore", "sent").code(), SURVIVED);
}

/// Sends a fault that no instruction repeats.
#[test]
fn the_default_action_does_not_wait_for_a_second_fault() {
    assert_eq!(end("default", "sent-as-fault").signal(), Some(libc::SIGSEGV));
}

/// The handler of Rust's standard library installs the default action and returns.
#[test]
fn guests_trap_after_the_earlier_handler_took_itself_away() {
    assert_eq!(end("std", "sent-then-traps").code(), SURVIVED);
    // The default action is in force for all but guests.
    assert_eq!(end("std", "sent-twice").signal(), Some(libc::SIGSEGV));
    assert_eq!(end("std", "fault").signal(), Some(libc::SIGSEGV));
}

#[test]
fn an_earlier_handler_for_one_signal_is_called_once() {
    assert_eq!(end("once", "sent-then-traps").code(), SURVIVED);
    assert_eq!(end("once", "sent-twice").signal(), Some(libc::SIGSEGV));
}

/// A handler that is installed later, for which the kernel blocks the signal.
#[test]
fn traps_return_through_a_later_handler() {
    assert_eq!(end("default", "forwarded").code(), SURVIVED);
}

/// The signal that interrupts guests at their deadline.
#[test]
fn interruptions_by_others_go_to_the_earlier_handler() {
    assert_eq!(end("plain", "urgent").code(), Some(sys::BY_PLAIN_HANDLER));
    assert_eq!(end("default", "urgent").code(), SURVIVED);
    assert_eq!(end("ignore", "urgent").code(), SURVIVED);
}

#[test]
fn no_signal_reaches_the_earlier_handler_without_cause() {
    assert_eq!(end("plain", "none").code(), SURVIVED);
}

#[test]
#[ignore = "run by the tests above, in a process of its own"]
fn one_case() {
    let case = std::env::var(CASE).unwrap();
    let (earlier, how) = case.split_once(' ').unwrap();
    sys::forbid_core_dumps();
    sys::handle_faults_by(match earlier {
        "with-info" => Earlier::WithInfo,
        "plain" => Earlier::Plain,
        "ignore" => Earlier::Ignore,
        "once" => Earlier::Once,
        "std" => Earlier::Unchanged,
        _ => Earlier::Default,
    });
    let engine = guest::engine(OptLevel::Speed);
    let module = guest::module(&engine);
    for &(name, expected) in guest::TRAPS {
        assert_eq!(guest::trap(&module, name).trap, expected);
    }
    match how {
        "fault" => sys::fault(),
        "urgent" => {
            let config = Config { epoch_interruption: true, ..Config::default() };
            let engine = Engine::new(&config).unwrap();
            sys::send_urgent();
            let module =
                Module::new(&engine, "(module (func (export \"\") (loop (br 0))))").unwrap();
            let mut store = Store::new(&engine, ());
            store.set_epoch_deadline(1);
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let run = instance.get_typed_func::<(), ()>(&store, "").unwrap();
            sys::block_urgent();
            std::thread::spawn(move || engine.increment_epoch());
            assert_eq!(run.call(&mut store, ()).unwrap_err().trap(), Some(Trap::Interrupt));
        }
        "sent" => sys::send_sigsegv(),
        "sent-as-fault" => sys::send_sigsegv_as_fault(),
        "sent-twice" => {
            sys::send_sigsegv();
            sys::send_sigsegv();
        }
        "sent-then-traps" => {
            sys::send_sigsegv();
            for &(name, expected) in guest::TRAPS {
                assert_eq!(guest::trap(&module, name).trap, expected);
            }
        }
        "forwarded" => {
            sys::forward_faults();
            for &(name, expected) in guest::TRAPS.iter().chain(guest::TRAPS) {
                assert_eq!(guest::trap(&module, name).trap, expected);
            }
            assert!(sys::forwarded() > 0);
        }
        "fault-in-host-function" => {
            let text = r#"(module (import "" "" (func $f)) (func (export "f") (call $f)))"#;
            let module = Module::new(&engine, wat::parse_str(text).unwrap()).unwrap();
            let mut linker = Linker::<()>::new(&engine);
            linker.func_wrap("", "", sys::fault).unwrap();
            let mut store = Store::new(&engine, ());
            let instance = linker.instantiate(&mut store, &module).unwrap();
            let f = instance.get_typed_func::<(), ()>(&store, "f").unwrap();
            let _ = f.call(&mut store, ());
        }
        _ => {}
    }
}
