//! Observations that are interrupted, and commands and processes that end.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use leakbench_recording::observation::{ObservationRecord, ObservationRecording, ProcessExitKind};
use rustix::process::{Pid, Signal};

use super::common::{
    children_of, finish, is_running, leakbench, signal, wait_for_samples, wait_until,
};
use super::victim::Victim;
use super::{Observed, SAMPLES, attach, exec, remarks};

/// The exit of the process, by the recording.
fn exit_kind(folder: &std::path::Path) -> Option<ProcessExitKind> {
    let recording = ObservationRecording::read(folder).unwrap();
    recording.records.iter().find_map(|record| match record {
        ObservationRecord::Exit(exit) => Some(exit.how.clone()),
        _ => None,
    })
}

/// The command that `leakbench exec` has started.
fn command_of(exec: &Child) -> i32 {
    let mut found = None;
    wait_until("the command runs", || {
        found = children_of(exec.id() as i32).first().copied();
        found.is_some()
    });
    found.unwrap()
}

#[test]
fn a_short_command_is_inconclusive_and_a_failed_one_has_died() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().to_str().unwrap();
    let run = |script: &str| {
        let command = ["exec", "--json", "--out", folder, "--", "sh", "-c", script];
        Observed::of(&mut leakbench(&command))
    };
    assert_eq!(run("exit 0").verdict(), (4, "inconclusive"));
    assert_eq!(exit_kind(out.path()), Some(ProcessExitKind::Exited { code: 0 }));
    assert_eq!(run("exit 7").verdict(), (3, "subject-died"));
    assert_eq!(exit_kind(out.path()), Some(ProcessExitKind::Exited { code: 7 }));
    assert_eq!(run("kill -ABRT $$").verdict(), (3, "subject-died"));
    assert_eq!(exit_kind(out.path()), Some(ProcessExitKind::Signaled { signal: 6 }));
    let kept = std::fs::read(out.path().join("result.json")).unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&kept).unwrap()["exit_code"], 3);
}

/// Between two programs a process has no mappings. Thousands of them, so that a sample meets that moment.
#[test]
fn a_command_that_runs_one_program_after_another_is_observed_to_its_end() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().to_str().unwrap();
    let script = r#"[ "$1" -gt 0 ] && exec sh -c "$0" "$0" $(($1 - 1)); exit 0"#;
    let flags = ["exec", "--json", "--interval", "5ms", "--out", folder, "--"];
    let mut command = leakbench(&flags);
    let observed = Observed::of(command.args(["sh", "-c", script, script, "6000"]));
    let remarks = remarks(out.path()).join("\n");
    assert!(remarks.contains("runs another program"), "{remarks}");
    assert!(!remarks.contains("its main thread has ended"), "{remarks}");
    assert_ne!(observed.verdict().1, "inconclusive", "{:#}", observed.result);
}

/// The verdict stays in the result.
#[test]
fn passthrough_exits_with_the_commands_own_code() {
    for (script, verdict, own) in
        [("exit 0", (4, "inconclusive"), 0), ("exit 7", (3, "subject-died"), 7)]
    {
        let run = |flags: &[&str]| {
            let command =
                leakbench(&["exec", "--json"]).args(flags).args(["sh", "-c", script]).output();
            Observed::from(command.unwrap())
        };
        assert_eq!(run(&[]).verdict(), verdict);
        assert_eq!(run(&["--passthrough"]).verdict(), (own, verdict.1));
    }
    let killed = Observed::of(&mut leakbench(&[
        "exec",
        "--json",
        "--passthrough",
        "sh",
        "-c",
        "kill -TERM $$",
    ]));
    assert_eq!(killed.verdict(), (128 + 15, "subject-died"));
    // A command that leakbench stops has no code of its own.
    let stopped = ["exec", "--json", "--passthrough", "--duration", "2s", "sleep", "600"];
    assert_eq!(Observed::of(&mut leakbench(&stopped)).verdict(), (0, "clean"));
}

#[test]
fn a_process_that_ends_is_judged_by_its_samples() {
    let out = tempfile::tempdir().unwrap();
    let mut victim = Victim::start(&["events"]);
    let flags = ["--out", out.path().to_str().unwrap()];
    let observer = attach(&flags, &victim.pid()).spawn().unwrap();
    victim.grow();
    wait_for_samples(out.path(), SAMPLES);
    drop(victim);
    let observed = Observed::from(finish(observer));
    assert_eq!(observed.verdict(), (1, "leak"), "{:#}", observed.result);
    assert_eq!(observed.class("event_fds"), "leak");
    assert_eq!(exit_kind(out.path()), Some(ProcessExitKind::Vanished));
}

#[test]
fn an_interrupted_observation_is_judged_and_the_process_runs_on() {
    let out = tempfile::tempdir().unwrap();
    let mut victim = Victim::start(&["events"]);
    let flags = ["--out", out.path().to_str().unwrap()];
    let observer = attach(&flags, &victim.pid()).spawn().unwrap();
    victim.grow();
    wait_for_samples(out.path(), SAMPLES);
    signal(observer.id() as i32, Signal::INT);
    let observed = Observed::from(finish(observer));
    // Ctrl-C is the regular end of an observation without --duration.
    assert_eq!(observed.verdict(), (1, "leak"));
    assert_eq!(observed.class("event_fds"), "leak", "{:#}", observed.result);
    assert!(victim.runs());
    assert_eq!(exit_kind(out.path()), None);
}

#[test]
fn an_interrupt_ends_the_command_too() {
    for number in [Signal::INT, Signal::TERM] {
        let out = tempfile::tempdir().unwrap();
        let observer = exec(&["--out", out.path().to_str().unwrap()], &["events"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let command = command_of(&observer);
        wait_for_samples(out.path(), 5);
        signal(observer.id() as i32, number);
        let observed = Observed::from(finish(observer));
        assert_eq!(observed.verdict(), (130, "interrupted"));
        assert!(!is_running(command));
        assert_eq!(exit_kind(out.path()), Some(ProcessExitKind::Stopped));
    }
}

/// A terminal sends Ctrl-C to the whole process group.
#[test]
fn a_ctrl_c_that_the_command_receives_first_is_an_interruption() {
    let out = tempfile::tempdir().unwrap();
    let observer = exec(&["--out", out.path().to_str().unwrap()], &["idle"])
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    command_of(&observer);
    wait_for_samples(out.path(), 5);
    let group = Pid::from_child(&observer);
    rustix::process::kill_process_group(group, Signal::INT).unwrap();
    let observed = Observed::from(finish(observer));
    assert_eq!(observed.verdict(), (130, "interrupted"), "{}", observed.stderr);
    assert_eq!(exit_kind(out.path()), Some(ProcessExitKind::Stopped));
}

#[test]
fn a_command_that_ignores_sigterm_is_killed() {
    let script = "trap '' TERM; while :; do sleep 0.1; done";
    let flags = ["exec", "--json", "--interval", "20ms", "--duration", "3s"];
    let began = Instant::now();
    let observed = Observed::of(leakbench(&flags).args(["--", "sh", "-c", script]));
    assert!(began.elapsed() >= Duration::from_secs(8), "SIGTERM and five seconds come first");
    assert_eq!(observed.verdict(), (0, "clean"), "{:#}", observed.result);
}

#[test]
fn a_command_does_not_outlive_a_killed_leakbench() {
    let mut observer = exec(&[], &["idle"]).stderr(Stdio::null()).spawn().unwrap();
    let command = command_of(&observer);
    assert!(is_running(command));
    observer.kill().unwrap();
    observer.wait().unwrap();
    wait_until("the command has ended", || !is_running(command));
}

#[test]
fn a_command_keeps_its_streams_except_standard_output_with_json() {
    let script = "read line; echo \"out $line\"; echo err >&2";
    let run = |flags: &[&str]| {
        let mut command = leakbench(&["exec"]);
        command.args(flags).args(["--", "sh", "-c", script]);
        let input = tempfile::tempdir().unwrap();
        let path = input.path().join("input");
        std::fs::write(&path, "hello\n").unwrap();
        let output = command.stdin(std::fs::File::open(path).unwrap()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    };
    let (stdout, stderr) = run(&[]);
    assert_eq!(stdout, "out hello\n");
    assert!(stderr.contains("err\n") && stderr.contains("verdict"), "{stderr}");
    let (stdout, stderr) = run(&["--json"]);
    assert!(serde_json::from_str::<serde_json::Value>(&stdout).is_ok(), "{stdout}");
    assert!(stderr.contains("err\n") && stderr.contains("out hello\n"), "{stderr}");
}

#[test]
fn processes_that_start_end_and_exec_are_remarks() {
    let out = tempfile::tempdir().unwrap();
    // Each line of its input is a step; it ends with its input.
    let script = "read x; sleep 600 & read x; kill $!; wait; read x; exec cat";
    let mut command = leakbench(&["exec", "--json", "--tree", "--interval", "20ms", "--out"]);
    command.arg(out.path()).args(["--", "sh", "-c", script]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut observer = command.spawn().unwrap();
    let mut input = observer.stdin.take().unwrap();
    let mut step_until = |words: &str| {
        input.write_all(b"\n").unwrap();
        wait_until(words, || remarks(out.path()).iter().any(|remark| remark.contains(words)));
    };
    wait_for_samples(out.path(), 1);
    // A sample may come between its fork and its exec.
    step_until(") joined the tree");
    step_until("of the tree ended");
    step_until("runs another program now: cat");
    wait_for_samples(out.path(), SAMPLES);
    drop(input);
    let observed = Observed::from(finish(observer));
    assert_eq!(observed.code, 0, "{:#}", observed.result);
    let events = observed.result["remarks"].as_array().unwrap().iter();
    let events: Vec<&str> = events.filter_map(|it| it["event"]["kind"].as_str()).collect();
    for kind in ["started", "ended", "exec"] {
        assert!(events.contains(&kind), "{kind}: {events:?}");
    }
}
