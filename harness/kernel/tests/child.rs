//! Child processes: how they end, and that nothing of their group outlives them.

#![allow(clippy::unwrap_used, reason = "what a test cannot set up fails it")]

use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use leakbench_kernel::{Child, ProcessGroup, Stat, poll_until};
use rustix::event::{PollFd, PollFlags};

/// A test that waits for longer hangs.
const LONG: Duration = Duration::from_secs(120);
const KILL: Option<i32> = Some(9);
const TERM: Option<i32> = Some(15);

/// A shell that runs a script, once it has printed a line.
fn shell(script: &str, group: ProcessGroup) -> (Child, BufReader<ChildStdout>) {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = Child::spawn(&mut command, group).unwrap();
    let mut output = BufReader::new(child.take_stdout().unwrap());
    assert_ne!(output.read_line(&mut String::new()).unwrap(), 0, "it printed no line");
    (child, output)
}

/// Waits for the end of a pipe, which comes when the last process that has it open has ended.
fn until_closed(output: &BufReader<ChildStdout>) {
    let mut fds = [PollFd::new(output.get_ref(), PollFlags::empty())];
    assert!(poll_until(&mut fds, Instant::now() + LONG).unwrap(), "a process has the pipe open");
}

fn runs(pid: u32) -> bool {
    Stat::of("/proc".as_ref(), pid).is_ok_and(|stat| !stat.has_ended)
}

#[test]
fn a_wait_ends_with_the_process_or_with_its_limit() {
    let (mut child, _output) = shell("echo; sleep 60", ProcessGroup::Own);
    assert_eq!(child.try_wait().unwrap(), None);
    let began = Instant::now();
    assert_eq!(child.wait_for(Duration::from_millis(50)).unwrap(), None);
    assert!(began.elapsed() >= Duration::from_millis(50));
    assert_eq!(child.kill().unwrap().signal(), KILL);

    for code in [0, 7] {
        let (mut child, _output) = shell(&format!("echo; exit {code}"), ProcessGroup::Own);
        let status = child.wait_for(LONG).unwrap().expect("it exits by itself");
        assert_eq!(status.code(), Some(code));
        // The status stays, and later steps change nothing.
        assert_eq!(child.try_wait().unwrap(), Some(status));
        assert_eq!(child.end(Duration::ZERO).unwrap(), status);
        assert_eq!(child.kill().unwrap(), status);
    }
}

#[test]
fn the_pidfd_is_readable_once_the_process_has_ended() {
    let (mut child, _output) = shell("echo; sleep 60", ProcessGroup::Inherited);
    let ended = |child: &Child, limit: Duration| {
        let mut fds = [PollFd::from_borrowed_fd(child.as_fd(), PollFlags::IN)];
        poll_until(&mut fds, Instant::now() + limit).unwrap()
    };
    assert!(!ended(&child, Duration::from_millis(20)));
    child.terminate();
    assert!(ended(&child, LONG));
    // It is not reaped by that.
    assert_eq!(child.try_wait().unwrap().unwrap().signal(), TERM);
}

#[test]
fn a_process_that_ignores_sigterm_is_killed_after_its_grace() {
    for group in [ProcessGroup::Own, ProcessGroup::Inherited] {
        let (mut child, _output) = shell("trap '' TERM; echo; sleep 60 & wait", group);
        let began = Instant::now();
        let status = child.end(Duration::from_millis(100)).unwrap();
        assert_eq!(status.signal(), KILL, "{group:?}");
        assert!(began.elapsed() >= Duration::from_millis(100), "{group:?}");

        // The control: one that obeys needs no grace.
        let (mut child, _output) = shell("trap 'exit 3' TERM; echo; while :; do :; done", group);
        assert_eq!(child.end(LONG).unwrap().code(), Some(3), "{group:?}");
    }
}

#[test]
fn what_a_process_leaves_in_its_own_group_ends_with_it() {
    // By itself, by a signal, and by the drop of its handle. The sleep is longer than the wait.
    let (mut child, output) = shell("sleep 600 & echo", ProcessGroup::Own);
    assert!(child.wait_for(LONG).unwrap().is_some());
    until_closed(&output);
    let (mut child, output) = shell("sleep 600 & echo; wait", ProcessGroup::Own);
    child.kill().unwrap();
    until_closed(&output);
    let (child, output) = shell("sleep 600 & echo; wait", ProcessGroup::Own);
    let pid = child.pid();
    drop(child);
    assert!(!runs(pid));
    until_closed(&output);
}

#[test]
fn a_process_ends_with_the_thread_that_started_it() {
    for group in [ProcessGroup::Own, ProcessGroup::Inherited] {
        let child = std::thread::spawn(move || shell("echo; exec sleep 60", group).0);
        let mut child = child.join().unwrap();
        let status = child.wait_for(LONG).unwrap().expect("the kernel kills it");
        assert_eq!(status.signal(), KILL, "{group:?}");
    }
}

#[test]
fn a_program_that_is_not_there_is_an_error() {
    let error = Child::spawn(&mut Command::new("/no/such/program"), ProcessGroup::Own).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}
