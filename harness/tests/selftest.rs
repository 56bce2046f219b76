//! `leakbench selftest`: each planted leak is found, and a test that is interrupted says so.

mod common;

use std::process::Stdio;

use common::{leakbench, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn selftest(flags: &[&str]) -> (i32, Value) {
    let mut command = leakbench(&["selftest", "--json"]);
    let output = command.args(flags).output().expect("the binary starts");
    let result = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().expect("it exits"), result)
}

#[test]
fn every_planted_leak_is_found_and_named() {
    let (code, result) = selftest(&["--seeds", "1", "--clean-runs", "6"]);
    assert_eq!((code, &result["verdict"]), (0, &"passed".into()), "{result:#}");
    let cases = result["cases"].as_array().expect("a list");
    let leaks = cases.iter().filter(|case| case["is_leak"] == true).count();
    let plants = leakbench_scenarios::Plant::ALL.into_iter().filter(|plant| plant.is_leak());
    assert!(leaks >= plants.count(), "{leaks} cases leak");
    for case in cases {
        assert_eq!(case["runs"], case["right"], "{case}");
        assert!(case["is_leak"] == false || case["named"] == case["runs"], "{case}");
        assert_eq!(case["countable"], case["exact"], "{case}");
    }
    let clean = cases.iter().find(|case| case["name"] == "no plant").expect("a row");
    assert_eq!(clean["runs"], 6);
    // What a kernel refuses to some users is skipped, and nothing else.
    for skipped in result["skipped"].as_array().expect("a list") {
        let name = skipped["name"].as_str().expect("a name");
        assert!(REFUSABLE.contains(&name), "{skipped}");
    }
}

/// The cases whose objects not every kernel has, or not for every user.
const REFUSABLE: [&str; 8] = [
    "exec-posix-queues",
    "exec-ptys",
    "exec-rings",
    "exec-bpf-maps",
    "exec-perf-events",
    "exec-locked-memory",
    "exec-huge-pages",
    "exec-keys",
];

/// A program with habits whose end is a signal removes what the kernel would keep.
#[test]
fn objects_that_would_outlive_their_process_are_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let truth = folder.path().join("truth");
    let files = || std::fs::read_dir(folder.path()).expect("a folder").count();
    let mut command = leakbench(&["habits", "queues,tmpfs-growth", "--seed", "1", "--folder"]);
    command.arg(folder.path()).env("LEAKBENCH_TRUTH", &truth).stdout(Stdio::null());
    let mut program = command.spawn().expect("the binary starts");
    let pid = program.id();
    // The sender of the last message is a column of the table.
    let queues = || {
        let table = std::fs::read_to_string("/proc/sysvipc/msg").expect("System V objects");
        let is_own = |line: &&str| line.split_whitespace().nth(5) == Some(&pid.to_string());
        table.lines().filter(is_own).count()
    };
    wait_until("there are queues and a file", || queues() > 2 && files() == 1);
    kill_process(Pid::from_child(&program), Signal::TERM).expect("it runs");
    assert!(program.wait().expect("it can be waited for").success());
    assert_eq!(queues(), 0);
    let truth = std::fs::read_to_string(truth).expect("the truth");
    let truth: Value = serde_json::from_str(&truth).expect("an object");
    assert!(truth["kept"].as_u64().is_some_and(|kept| kept > 2), "{truth}");
    assert_eq!(files(), 1, "only the truth is left");
}

#[test]
fn an_interrupted_test_says_so() {
    let mut command = leakbench(&["selftest", "--case", "thread", "--seeds", "300"]);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary starts");
    let pid = Pid::from_child(&child);
    wait_until("a run has begun", || {
        // Each thread has children of its own.
        let threads = std::fs::read_dir(format!("/proc/{}/task", child.id())).expect("it runs");
        let children = |thread: std::fs::DirEntry| thread.path().join("children");
        threads.flatten().any(|thread| {
            std::fs::read_to_string(children(thread)).is_ok_and(|children| !children.is_empty())
        })
    });
    kill_process(pid, Signal::INT).expect("it runs");
    let status = child.wait().expect("it can be waited for");
    let mut text = String::new();
    let mut stdout = child.stdout.take().expect("a pipe");
    std::io::Read::read_to_string(&mut stdout, &mut text).expect("text");
    assert_eq!(status.code(), Some(130), "{text}");
    assert!(
        text.lines().last().is_some_and(|it| it.starts_with("selftest: interrupted")),
        "{text}"
    );
}

#[test]
fn a_plant_without_its_condition_is_refused() {
    for (flags, needs) in [
        (&["--plant", "descriptor-on-error"][..], "needs a --mode whose step fails"),
        (&["--plant", "late-flush"], "needs --decommit-batch and --flush-on-drop"),
        (&["--plant", "wasi-context"], "needs --wasm"),
        (&["--plant", "skipped-purge", "--on-drop", "keep"], "needs a pool with --on-drop purge"),
        (
            &["--plant", "missed-slot", "--plant", "skipped-purge"],
            "one fault of the purge at a time",
        ),
        (&["--plant", "threads"], "thread"),
    ] {
        let output = leakbench(flags).output().expect("the binary starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {stderr}");
        assert!(stderr.contains(needs), "{flags:?}: {stderr}");
    }
}

/// A machine that allows few descriptors ends the subjects that leak them.
#[test]
fn a_gate_may_require_the_test_on_its_machine() {
    let out = tempfile::tempdir().expect("a folder");
    let out = out.path().to_str().expect("text");
    let run =
        leakbench(&["--cycles", "200", "--out", out, "-q"]).output().expect("the binary starts");
    assert_eq!(run.status.code(), Some(0), "{run:?}");
    let gate = |limit: &str| {
        let script = format!("ulimit -n {limit} && exec \"$0\" gate --selftest \"$1\"");
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_leakbench"), out]).stdin(Stdio::null());
        command.output().expect("a shell starts")
    };
    let passed = gate("1000");
    assert_eq!(passed.status.code(), Some(0), "{passed:?}");
    let refused = gate("64");
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("selftest: FAILED"), "{stderr}");
    assert!(refused.stdout.is_empty(), "the gate judged: {refused:?}");
}
