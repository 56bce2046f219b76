//! Signals that are not traps of guests reach the earlier handler. Each case is a process of its
//! own, which runs one test of this program.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

use leakbench_runtime::{Linker, Module, OptLevel, Store};

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

/// A handler that is installed later, for which the kernel blocks the signal.
#[test]
fn traps_return_through_a_later_handler() {
    assert_eq!(end("default", "forwarded").code(), SURVIVED);
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
        _ => Earlier::Default,
    });
    let engine = guest::engine(OptLevel::Speed);
    let module = guest::module(&engine);
    for &(name, expected) in guest::TRAPS {
        assert_eq!(guest::trap(&module, name).trap, expected);
    }
    match how {
        "fault" => sys::fault(),
        "sent" => sys::send_sigsegv(),
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
