//! Runs that do not end by themselves: subjects that die, hang or are interrupted.

mod common;

use std::io::Write;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::{Run, is_running, leakbench, subjects_of};
use rustix::process::{Pid, Signal, kill_process};

fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).expect("a process id"), signal).expect("it is there");
}

fn start(args: &[&str]) -> Child {
    let mut command = leakbench(args);
    command.arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the binary starts")
}

fn finish(run: Child) -> Run {
    Run::from(run.wait_with_output().expect("it can be waited for"))
}

const ENDLESS: &[&str] = &["--cycles", "1000000000", "--processes", "2"];

#[test]
fn a_killed_subject_is_a_result() {
    for (number, name) in [(Signal::KILL, "SIGKILL"), (Signal::ABORT, "SIGABRT")] {
        let run = start(ENDLESS);
        let subjects = subjects_of(&run, 2);
        std::thread::sleep(Duration::from_millis(300));
        signal(subjects[1], number);
        let run = finish(run);
        assert_eq!((run.code, run.verdict()), (3, "subject-died"));
        let findings = run.result["findings"].to_string();
        assert!(findings.contains(name), "{findings}");
        // What it did until then is kept, and none of it is called clean.
        assert!(run.images("made") > 0);
        assert!(subjects.iter().all(|pid| !is_running(*pid)));
    }
}

#[test]
fn a_hung_subject_is_a_result_with_the_last_thing_it_did() {
    let mut wat = tempfile::Builder::new().suffix(".wat").tempfile().expect("a file");
    let guest = r#"(module (memory 1) (data (i32.const 0) "x") (func (export "run")))"#;
    wat.write_all(guest.as_bytes()).expect("written");
    let path = wat.path().to_str().expect("text");
    let args = ["--wasm", path, "--invoke", "run", "--timeout", "1", "--settle-ms", "0"];
    let run = start(&[&args[..], ENDLESS].concat());
    let subjects = subjects_of(&run, 2);
    std::thread::sleep(Duration::from_millis(300));
    signal(subjects[0], Signal::STOP);
    let run = finish(run);
    assert_eq!((run.code, run.verdict()), (3, "subject-died"));
    let findings = run.result["findings"].to_string();
    assert!(findings.contains("no progress"), "{findings}");
    assert!(subjects.iter().all(|pid| !is_running(*pid)));
}

#[test]
fn a_guest_that_never_returns_is_found_before_the_run() {
    let mut wat = tempfile::Builder::new().suffix(".wat").tempfile().expect("a file");
    wat.write_all(br#"(module (func (export "spin") (loop (br 0))))"#).expect("written");
    let path = wat.path().to_str().expect("text");
    let run = Run::of(&["--wasm", path, "--invoke", "spin", "--timeout", "1"]);
    assert_eq!((run.code, run.verdict()), (3, "subject-died"));
}

#[test]
fn an_interrupted_run_ends_in_good_order() {
    let run = start(ENDLESS);
    let subjects = subjects_of(&run, 2);
    std::thread::sleep(Duration::from_millis(300));
    signal(run.id() as i32, Signal::INT);
    let asked = Instant::now();
    let run = finish(run);
    assert_eq!((run.code, run.verdict()), (130, "interrupted"));
    assert!(run.images("made") > 0);
    assert_eq!(run.images("made"), run.images("synchronous") + run.images("late"));
    assert!(asked.elapsed() < Duration::from_secs(9), "it was asked, not killed");
    assert!(subjects.iter().all(|pid| !is_running(*pid)));
}

#[test]
fn nothing_survives_a_killed_supervisor_but_its_recording() {
    let out = tempfile::tempdir().expect("a folder");
    let folder = out.path().to_str().expect("text");
    let mut run = start(&[&["--out", folder][..], ENDLESS].concat());
    let subjects = subjects_of(&run, 2);
    std::thread::sleep(Duration::from_millis(400));
    run.kill().expect("it is there");
    run.wait().expect("it can be waited for");
    let deadline = Instant::now() + Duration::from_secs(5);
    while subjects.iter().any(|pid| is_running(*pid)) {
        assert!(Instant::now() < deadline, "a subject outlives its supervisor");
        std::thread::sleep(Duration::from_millis(5));
    }
    let recording = leakbench_reports::recording::Recording::read(out.path()).expect("it reads");
    assert!(recording.records.len() >= 4, "{recording:?}");
}
