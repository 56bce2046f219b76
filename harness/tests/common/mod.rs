//! The real binary, run as a user runs it.
#![allow(dead_code, reason = "each test file uses the part that it needs")]

pub(crate) mod session;

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The binary with `args`, not started yet.
pub(crate) fn leakbench(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leakbench"));
    command.args(args).stdin(Stdio::null());
    command
}

/// A finished run with `--json`.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) result: Value,
    pub(crate) stderr: String,
}

impl Run {
    /// Runs to the end.
    pub(crate) fn of(args: &[&str]) -> Run {
        let output = leakbench(args).arg("--json").output().expect("the binary starts");
        Run::from(output)
    }

    pub(crate) fn from(output: Output) -> Run {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let result = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("no JSON result ({error}); it said: {stderr}"));
        Run { code: output.status.code().expect("it exits by itself"), result, stderr }
    }

    /// A number of `result.images`.
    pub(crate) fn images(&self, field: &str) -> u64 {
        self.result["images"][field].as_u64().unwrap_or_else(|| panic!("no images.{field}"))
    }

    /// The verdict's word.
    pub(crate) fn verdict(&self) -> &str {
        self.result["verdict"].as_str().expect("a verdict")
    }

    /// Every (kind, state) of the holders that are listed.
    pub(crate) fn holders(&self) -> Vec<(String, Option<String>)> {
        let images = self.result["lingering"].as_array().expect("a list");
        let holders = images.iter().flat_map(|image| image["holders"].as_array().expect("a list"));
        holders
            .map(|holder| {
                let text = |field: &str| holder[field].as_str().map(str::to_owned);
                (text("kind").expect("a kind"), text("state"))
            })
            .collect()
    }
}

/// The subjects that `supervisor` has started, once there are `count` of them that run.
pub(crate) fn subjects_of(supervisor: &Child, count: usize) -> Vec<i32> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let pid = supervisor.id();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children: Vec<i32> = children
            .unwrap_or_default()
            .split_whitespace()
            .map(|pid| pid.parse().expect("a process id"))
            .collect();
        // A subject that cycles has a thread for it.
        let cycling = |pid: &&i32| {
            let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
            threads.is_ok_and(|threads| threads.count() > 1)
        };
        if children.iter().filter(cycling).count() == count {
            return children;
        }
        assert!(Instant::now() < deadline, "{count} subjects were to run, there are {children:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process is there, and not merely unreaped.
pub(crate) fn is_running(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z' && state != 'X')
}
