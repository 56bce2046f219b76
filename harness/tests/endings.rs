//! Runs whose subjects die or hang, and runs that are interrupted.

mod common;

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{
    Run, is_running, leakbench, signal, subjects_of, wait_for_cycles, wait_for_lines, wait_until,
};
use leakbench_recording::recording::{ExitKind, Record, Recording};
use rustix::process::Signal;

/// Starts a run that keeps its recording in `out`.
fn start(out: &Path, args: &[&str]) -> Child {
    let mut command = leakbench(args);
    command.arg("--json").arg("--out").arg(out).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the binary starts")
}

/// Waits for its end.
fn finish(run: Child) -> Run {
    Run::from(common::finish(run))
}

/// The messages of the findings.
fn findings(run: &Run) -> Vec<String> {
    let findings = run.result["findings"].as_array().expect("a list");
    let message = |finding: &serde_json::Value| finding["message"].as_str().map(str::to_owned);
    findings.iter().map(|finding| message(finding).expect("a message")).collect()
}

/// The steps of a cycle, as reports name them.
const STEPS: [&str; 5] =
    ["creating a module", "instantiating", "calling", "dropping an instance", "dropping a module"];

const ENDLESS: &[&str] = &["--cycles", "1000000000", "--processes", "2"];

#[test]
fn a_killed_subject_is_a_result() {
    for (number, name) in [(Signal::KILL, "SIGKILL"), (Signal::ABORT, "SIGABRT")] {
        let out = tempfile::tempdir().expect("a folder");
        let run = start(out.path(), ENDLESS);
        let subjects = subjects_of(&run, 2);
        wait_for_cycles(out.path(), 2);
        signal(subjects[1], number);
        let run = finish(run);
        assert_eq!((run.code, run.verdict()), (3, "subject-died"));
        let findings = run.result["findings"].to_string();
        assert!(findings.contains(name), "{findings}");
        // Its images until then are part of the result.
        assert!(run.images("made") > 0);
        assert!(subjects.iter().all(|pid| !is_running(*pid)));
    }
}

#[test]
fn a_hung_subject_is_a_result_with_its_last_step() {
    let mut wat = tempfile::Builder::new().suffix(".wat").tempfile().expect("a file");
    let guest = r#"(module (memory 1) (data (i32.const 0) "x") (func (export "run")))"#;
    wat.write_all(guest.as_bytes()).expect("written");
    let path = wat.path().to_str().expect("text");
    let args = ["--wasm", path, "--invoke", "run", "--timeout", "10", "--settle-ms", "0"];
    let out = tempfile::tempdir().expect("a folder");
    let run = start(out.path(), &[&args[..], ENDLESS].concat());
    let subjects = subjects_of(&run, 2);
    wait_for_cycles(out.path(), 2);
    signal(subjects[0], Signal::STOP);
    let run = finish(run);
    assert_eq!((run.code, run.verdict()), (3, "subject-died"));
    let findings = findings(&run);
    let hung = findings.iter().find(|finding| finding.contains("no progress")).expect("a finding");
    let named = |step: &&str| hung.contains(&format!("({step})"));
    assert!(hung.contains(&format!("pid {}", subjects[0])), "{hung}");
    assert!(hung.contains(" in cycle ") && STEPS.iter().any(named), "{hung}");
    // It had completed a cycle.
    assert!(!hung.contains(" in cycle 0 "), "{hung}");
    assert!(subjects.iter().all(|pid| !is_running(*pid)));
}

#[test]
fn a_guest_that_never_returns_is_found_before_the_first_cycle() {
    let mut wat = tempfile::Builder::new().suffix(".wat").tempfile().expect("a file");
    wat.write_all(br#"(module (func (export "spin") (loop (br 0))))"#).expect("written");
    let path = wat.path().to_str().expect("text");
    let run = Run::of(&["--wasm", path, "--invoke", "spin", "--timeout", "1"]);
    assert_eq!((run.code, run.verdict()), (3, "subject-died"));
}

#[test]
fn a_step_that_fails_ends_the_run_with_the_runtimes_message() {
    for threads in ["1", "2"] {
        // Each live module has a descriptor, and the limit is lower.
        let args = ["--live-modules", "200", "--threads", threads, "--json"];
        let run = Command::new("sh")
            .args(["-c", "ulimit -n 60 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_leakbench")])
            .args([&args[..], ENDLESS].concat())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell");
        let run = finish(run);
        assert_eq!((run.code, run.verdict()), (3, "subject-died"));
        let findings = findings(&run);
        let failed =
            findings.iter().find(|finding| finding.contains(" failed")).expect("a finding");
        for words in ["creating a module, module ", "Too many open files", "ulimit -n"] {
            assert!(failed.contains(words), "{words:?} is not in: {failed}");
        }
        assert!(run.images("made") > 0);
    }
}

#[test]
fn an_interrupted_run_completes_its_cycles_and_a_barrier() {
    for number in [Signal::INT, Signal::TERM] {
        let out = tempfile::tempdir().expect("a folder");
        let run = start(out.path(), ENDLESS);
        let subjects = subjects_of(&run, 2);
        wait_for_cycles(out.path(), 2);
        signal(run.id() as i32, number);
        let run = finish(run);
        assert_eq!((run.code, run.verdict()), (130, "interrupted"), "{number:?}");
        assert!(run.images("made") > 0);
        assert_eq!(run.images("made"), run.images("synchronous") + run.images("late"));
        // Killed subjects would have another exit.
        let recording = Recording::<Record>::read(out.path()).expect("a recording");
        let exits = recording.records.iter().filter_map(|line| match line {
            Record::Exit(exit) => Some(&exit.how),
            _ => None,
        });
        assert_eq!(exits.collect::<Vec<_>>(), [&ExitKind::Done, &ExitKind::Done]);
        assert!(subjects.iter().all(|pid| !is_running(*pid)));
    }
}

#[test]
fn a_second_interrupt_kills_a_subject_that_does_not_stop() {
    let out = tempfile::tempdir().expect("a folder");
    let mut run = start(out.path(), &[&["--timeout", "60"][..], ENDLESS].concat());
    let supervisor = run.id() as i32;
    let subjects = subjects_of(&run, 2);
    wait_for_cycles(out.path(), 2);
    signal(subjects[1], Signal::STOP);
    signal(supervisor, Signal::INT);
    // The control: a second signal within a second belongs to the first.
    signal(supervisor, Signal::INT);
    wait_for_lines(out.path(), "interrupt", |lines| {
        lines.iter().any(|line| matches!(line, Record::Interrupted(_)))
    });
    std::thread::sleep(Duration::from_millis(1100));
    assert!(run.try_wait().expect("it can be waited for").is_none());
    assert!(is_running(subjects[1]));

    signal(supervisor, Signal::INT);
    let run = finish(run);
    // Without it the supervisor kills the subject ten seconds after the first signal.
    let lines = Recording::<Record>::read(out.path()).expect("a recording").records;
    let at_ms = |find: fn(&Record) -> Option<u64>| lines.iter().find_map(find).expect("a line");
    let interrupted = at_ms(|line| match line {
        Record::Interrupted(interrupted) => Some(interrupted.at_ms),
        _ => None,
    });
    let killed = at_ms(|line| match line {
        Record::Exit(exit) if exit.how == ExitKind::Stopped => Some(exit.at_ms),
        _ => None,
    });
    assert!((1_000..10_000).contains(&(killed - interrupted)), "{interrupted} to {killed} ms");
    assert_eq!((run.code, run.verdict()), (130, "interrupted"));
    assert!(run.images("made") > 0);
    assert!(subjects.iter().all(|pid| !is_running(*pid)));
}

#[test]
fn a_run_that_could_not_start_removes_an_earlier_result() {
    let out = tempfile::tempdir().expect("a folder");
    let folder = out.path().to_str().expect("text");
    let result = out.path().join("result.json");
    // The control: a finished run keeps its result.
    let good = Run::of(&["--cycles", "10", "--out", folder]);
    assert_eq!(good.code, 0);
    let kept = std::fs::read(&result).expect("a result");
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&kept).expect("JSON"), good.result);

    // More slots than fit into the address space: the subject refuses, after the recording began.
    let bad = leakbench(&["--slots", "1000000", "--out", folder]).output().expect("it starts");
    assert_eq!(bad.status.code(), Some(2));
    assert!(!result.exists());
}

#[test]
fn a_result_that_cannot_be_printed_is_an_error_but_a_leak_stays_a_leak() {
    let full = || Stdio::from(File::options().write(true).open("/dev/full").expect("/dev/full"));
    for json in [&[][..], &["--json"]] {
        for (on_drop, code) in [("purge", 2), ("keep", 1)] {
            let args = [&["--cycles", "50", "--on-drop", on_drop][..], json].concat();
            let run = leakbench(&args).stdout(full()).output().expect("the binary starts");
            let stderr = String::from_utf8_lossy(&run.stderr);
            assert_eq!(run.status.code(), Some(code), "{args:?}: {stderr}");
            assert!(stderr.contains("standard output") && stderr.contains("No space"), "{stderr}");
        }
    }
}

#[test]
fn a_reader_that_does_not_read_does_not_block_sigterm() {
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let capacity = rustix::pipe::fcntl_setpipe_size(&writer, 4096).expect("a small pipe");
    let args = ["--on-drop", "keep", "--slots", "100", "--cycles", "500", "--json"];
    let mut run = leakbench(&args).stdout(writer).spawn().expect("the binary starts");
    wait_until("the pipe is full", || {
        rustix::io::ioctl_fionread(&reader).expect("a pipe") == capacity as u64
    });
    std::thread::sleep(Duration::from_millis(100));
    assert!(run.try_wait().expect("it can be waited for").is_none(), "it waits for the reader");
    signal(run.id() as i32, Signal::TERM);
    let mut status = None;
    wait_until("it ends", || {
        status = run.try_wait().expect("it can be waited for");
        status.is_some()
    });
    assert_eq!(status.and_then(|status| status.signal()), Some(Signal::TERM.as_raw()));
    let mut read = Vec::new();
    reader.read_to_end(&mut read).expect("read");
    assert_eq!(read.len(), capacity);
}

#[test]
fn only_the_recording_survives_a_killed_supervisor() {
    let out = tempfile::tempdir().expect("a folder");
    let mut run = start(out.path(), ENDLESS);
    let subjects = subjects_of(&run, 2);
    wait_for_cycles(out.path(), 2);
    run.kill().expect("it is there");
    run.wait().expect("it can be waited for");
    wait_until("no subject outlives its supervisor", || {
        !subjects.iter().any(|pid| is_running(*pid))
    });
    let recording = Recording::<Record>::read(out.path()).expect("it reads");
    assert!(recording.records.len() >= 4, "{recording:?}");
}
