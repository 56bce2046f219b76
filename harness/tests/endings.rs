//! Runs that do not end by themselves: subjects that die, hang or are interrupted.

mod common;

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use common::{Run, is_running, leakbench, subjects_of};
use leakbench_recording::recording::{Record, Recording};
use rustix::process::{Pid, Signal, kill_process};

fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).expect("a process id"), signal).expect("it is there");
}

fn start(args: &[&str]) -> Child {
    let mut command = leakbench(args);
    command.arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the binary starts")
}

/// Waits for its end, which must come.
fn finish(run: Child) -> Run {
    let pid = run.id() as i32;
    let (send, ended) = mpsc::channel();
    std::thread::spawn(move || send.send(run.wait_with_output()));
    let output = ended.recv_timeout(Duration::from_secs(30)).unwrap_or_else(|_| {
        signal(pid, Signal::KILL);
        panic!("the run does not end");
    });
    Run::from(output.expect("it can be waited for"))
}

/// Waits until `done`, which must come to be within `limit`.
fn wait_until(what: &str, limit: Duration, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !done() {
        assert!(Instant::now() < deadline, "within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What the findings say.
fn findings(run: &Run) -> Vec<String> {
    let findings = run.result["findings"].as_array().expect("a list");
    let message = |finding: &serde_json::Value| finding["message"].as_str().map(str::to_owned);
    findings.iter().map(|finding| message(finding).expect("a message")).collect()
}

/// What a thread that cycles can be found doing, as reports have it.
const STEPS: [&str; 5] =
    ["creating a module", "instantiating", "calling", "dropping an instance", "dropping a module"];

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
    let findings = findings(&run);
    let hung = findings.iter().find(|finding| finding.contains("no progress")).expect("a finding");
    let named = |step: &&str| hung.contains(&format!("({step})"));
    assert!(hung.contains(&format!("pid {}", subjects[0])), "{hung}");
    assert!(hung.contains(" in cycle ") && STEPS.iter().any(named), "{hung}");
    // Not the first one: it has cycled.
    assert!(!hung.contains(" in cycle 0 "), "{hung}");
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
fn a_step_that_fails_in_mid_run_is_told_at_once_with_the_runtimes_words() {
    for threads in ["1", "2"] {
        // Each live module holds a descriptor, and there are not so many.
        let args = ["--live-modules", "200", "--threads", threads, "--json"];
        let began = Instant::now();
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
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
}

#[test]
fn an_interrupted_run_ends_in_good_order() {
    for number in [Signal::INT, Signal::TERM] {
        let run = start(ENDLESS);
        let subjects = subjects_of(&run, 2);
        std::thread::sleep(Duration::from_millis(300));
        signal(run.id() as i32, number);
        let asked = Instant::now();
        let run = finish(run);
        assert_eq!((run.code, run.verdict()), (130, "interrupted"), "{number:?}");
        assert!(run.images("made") > 0);
        assert_eq!(run.images("made"), run.images("synchronous") + run.images("late"));
        assert!(asked.elapsed() < Duration::from_secs(9), "it was asked, not killed");
        assert!(subjects.iter().all(|pid| !is_running(*pid)));
    }
}

#[test]
fn a_user_who_insists_does_not_wait_for_a_subject_that_cannot_stop() {
    let mut run = start(&[&["--timeout", "60"][..], ENDLESS].concat());
    let supervisor = run.id() as i32;
    let subjects = subjects_of(&run, 2);
    std::thread::sleep(Duration::from_millis(200));
    signal(subjects[1], Signal::STOP);
    signal(supervisor, Signal::INT);
    // The control: one signal asks, and so does its echo.
    std::thread::sleep(Duration::from_millis(200));
    signal(supervisor, Signal::INT);
    std::thread::sleep(Duration::from_millis(1100));
    assert!(run.try_wait().expect("it can be waited for").is_none());
    assert!(is_running(subjects[1]));

    signal(supervisor, Signal::INT);
    let insisted = Instant::now();
    let run = finish(run);
    assert!(insisted.elapsed() < Duration::from_secs(3), "{:?}", insisted.elapsed());
    assert_eq!((run.code, run.verdict()), (130, "interrupted"));
    assert!(run.images("made") > 0);
    assert!(subjects.iter().all(|pid| !is_running(*pid)));
}

#[test]
fn an_earlier_result_does_not_pass_for_that_of_a_run_that_could_not_start() {
    let out = tempfile::tempdir().expect("a folder");
    let folder = out.path().to_str().expect("text");
    let result = out.path().join("result.json");
    // The control: a run that comes to a result leaves it.
    let good = Run::of(&["--cycles", "10", "--out", folder]);
    assert_eq!(good.code, 0);
    let kept = std::fs::read(&result).expect("a result");
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&kept).expect("JSON"), good.result);

    // More slots than an address space has room for: the subject says so, not the command line.
    let bad = leakbench(&["--slots", "1000000", "--out", folder]).output().expect("it starts");
    assert_eq!(bad.status.code(), Some(2));
    assert!(!result.exists());
}

#[test]
fn a_result_that_cannot_be_shown_is_no_success_and_a_leak_stays_a_leak() {
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
fn a_reader_that_does_not_read_keeps_nobody_from_ending_the_run() {
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let room = rustix::pipe::fcntl_setpipe_size(&writer, 4096).expect("a small pipe");
    let args = ["--on-drop", "keep", "--slots", "100", "--cycles", "500", "--json"];
    let mut run = leakbench(&args).stdout(writer).spawn().expect("the binary starts");
    wait_until("it has filled the pipe", Duration::from_secs(10), || {
        rustix::io::ioctl_fionread(&reader).expect("a pipe") == room as u64
    });
    std::thread::sleep(Duration::from_millis(100));
    assert!(run.try_wait().expect("it can be waited for").is_none(), "it waits for a reader");
    signal(run.id() as i32, Signal::TERM);
    let mut status = None;
    wait_until("it ends", Duration::from_secs(3), || {
        status = run.try_wait().expect("it can be waited for");
        status.is_some()
    });
    assert_eq!(status.and_then(|status| status.signal()), Some(Signal::TERM.as_raw()));
    let mut read = Vec::new();
    reader.read_to_end(&mut read).expect("read");
    assert_eq!(read.len(), room);
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
    wait_until("no subject outlives its supervisor", Duration::from_secs(5), || {
        !subjects.iter().any(|pid| is_running(*pid))
    });
    let recording = Recording::<Record>::read(out.path()).expect("it reads");
    assert!(recording.records.len() >= 4, "{recording:?}");
}
