//! The real binary, run as a user runs it.
#![allow(dead_code, reason = "each test file uses the part that it needs")]

pub(crate) mod session;

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use leakbench_recording::recording::{Record, Recording};
use serde_json::Value;

/// Copies the file `from` to the executable `to`. A child copies it: while this process writes a file,
/// another test may fork, and then the kernel refuses to start the file (`ETXTBSY`).
pub(crate) fn copy_executable(from: &Path, to: &Path) {
    let script = "cp \"$0\" \"$1\" && chmod 755 \"$1\"";
    let status = Command::new("sh").args(["-c", script]).arg(from).arg(to).status();
    assert!(
        status.expect("a shell starts").success(),
        "cannot copy {} to {}",
        from.display(),
        to.display()
    );
}

/// Writes the executable script `path`, as [`copy_executable`] does.
pub(crate) fn write_script(path: &Path, text: &str) {
    let source = path.with_extension("source");
    std::fs::write(&source, text).expect("the folder is writable");
    copy_executable(&source, path);
    std::fs::remove_file(&source).expect("the folder is writable");
}

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
            .unwrap_or_else(|error| panic!("no JSON result ({error}); standard error: {stderr}"));
        Run { code: output.status.code().expect("it exits by itself"), result, stderr }
    }

    /// A number of `result.images`.
    pub(crate) fn images(&self, field: &str) -> u64 {
        self.result["images"][field].as_u64().unwrap_or_else(|| panic!("no images.{field}"))
    }

    /// Every image was released, and by its drop except for a few: a sample that reads
    /// `/proc/PID/maps` during a drop delays that release.
    pub(crate) fn assert_released_by_drops(&self, made: u64) {
        let (synchronous, late) = (self.images("synchronous"), self.images("late"));
        assert_eq!(self.images("made"), made, "{:#}", self.result["images"]);
        assert_eq!(synchronous + late, made, "{:#}", self.result["images"]);
        assert!(late <= 1.max(made / 50), "{:#}", self.result["images"]);
    }

    /// The verdict's word.
    pub(crate) fn verdict(&self) -> &str {
        self.result["verdict"].as_str().expect("a verdict")
    }

    /// Kind and state of each listed holder.
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

/// The subjects of `supervisor`, once `count` of them run their workload.
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
        // The workload has threads of its own.
        let cycling = |pid: &&i32| {
            let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
            threads.is_ok_and(|threads| threads.count() > 1)
        };
        if children.iter().filter(cycling).count() == count {
            return children;
        }
        assert!(
            Instant::now() < deadline,
            "{count} subjects do not run within 20 s, but {children:?}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until the recording in `folder` has lines for which `done` holds.
pub(crate) fn wait_for_lines(folder: &Path, what: &str, done: impl Fn(&[Record]) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    // The file may not exist yet.
    let has = || Recording::read(folder).is_ok_and(|recording| done(&recording.records));
    while !has() {
        assert!(Instant::now() < deadline, "the recording has within 20 s no {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until samples of `subjects` subjects show that each has completed a cycle.
pub(crate) fn wait_for_cycles(folder: &Path, subjects: u32) {
    wait_for_lines(folder, "cycle of each subject", |lines| {
        let cycled = |subject: u32| {
            lines.iter().any(|line| match line {
                Record::Sample(sample) => sample.subject == subject && sample.counts.cycles > 0,
                _ => false,
            })
        };
        (0..subjects).all(cycled)
    });
}

/// Holds for a process that exists and is no zombie.
pub(crate) fn is_running(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z' && state != 'X')
}
