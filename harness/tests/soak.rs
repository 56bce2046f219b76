//! A soak: phases with checkpoints, which go on after a kill.

mod common;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use common::{HANG, leakbench};
use rustix::process::{Pid, Signal, kill_process};

/// Phases of a second, for three seconds.
fn soak(folder: &Path, flags: &[&str]) -> Command {
    let mut soak = leakbench(&["soak", "--hours", "0.00084", "--phase", "1s", "--out"]);
    soak.arg(folder)
        .args(["--", "--processes", "1", "--slots", "50", "--settle-ms", "20"])
        .args(flags);
    soak
}

fn lines(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("soak.jsonl")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Starts it, and signals it once it has a checkpoint.
fn stopped_after_a_checkpoint(folder: &Path, signal: Signal) -> Output {
    let mut soak = soak(folder, &[]);
    let child = soak.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let began = Instant::now();
    while lines(folder).len() < 2 {
        assert!(began.elapsed() < HANG, "no checkpoint");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    kill_process(Pid::from_child(&child), signal).expect("it runs");
    child.wait_with_output().expect("it ends")
}

#[test]
fn a_soak_that_was_killed_goes_on_with_its_checkpoints() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(stopped_after_a_checkpoint(folder.path(), Signal::KILL).status.code(), None);
    let before = lines(folder.path());
    let output = soak(folder.path(), &[]).output().expect("the binary starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(stdout.contains("resumed after "), "{stdout}");
    let last = stdout.lines().last().expect("a verdict");
    assert!(last.starts_with("soak: clean — ") && last.contains(" of 3 s"), "{last}");
    let after = lines(folder.path());
    let phases = after.len() - 1;
    assert!((2..=4).contains(&phases), "{phases} phases");
    assert_eq!(after[..2], before[..2], "what was done stays");
    for phase in 1..=phases {
        let folder = folder.path().join(format!("phase-000{phase}"));
        let report = leakbench(&["report"]).arg(&folder).output().expect("the binary starts");
        assert_eq!(report.status.code(), Some(0), "{report:?}");
    }
    // All is done: nothing runs again.
    let began = Instant::now();
    let again = soak(folder.path(), &[]).arg("--nonsense").output().expect("the binary starts");
    assert_eq!(again.status.code(), Some(2), "another plan is refused: {again:?}");
    let again = soak(folder.path(), &[]).output().expect("the binary starts");
    assert_eq!(
        (again.status.code(), lines(folder.path())),
        (Some(0), after),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn an_interrupted_soak_names_the_command_that_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = stopped_after_a_checkpoint(folder.path(), Signal::INT);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(130), "{stdout}");
    let done = lines(folder.path()).len();
    assert!((2..4).contains(&done), "{done} lines");
    assert!(stdout.contains(&format!("goes on with phase {done} ")), "{stdout}");
}

#[test]
fn the_worst_phase_decides() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = soak(folder.path(), &["--on-drop", "keep"]).output().expect("the binary starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    let last = stdout.lines().last().expect("a verdict");
    assert!(last.starts_with("soak: leak — ") && last.contains("; phase "), "{last}");
}
