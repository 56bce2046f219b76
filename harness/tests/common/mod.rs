//! The real binary, run as a user runs it.
#![allow(dead_code, reason = "each test file uses the part that it needs")]

pub(crate) mod session;

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use leakbench_model::Resource;
use leakbench_recording::observation::{Diagnosis, ObservationRecord, ObservationRecording};
use leakbench_recording::recording::{Record, Recording};
use leakbench_recording::trend::Trend;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A test that waits for longer hangs. No test asserts that anything is quick: a busy machine is slow.
pub(crate) const HANG: Duration = Duration::from_secs(120);

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

/// The words of a summary, whose lines break at the width of the terminal.
pub(crate) fn unwrapped(summary: &[u8]) -> String {
    String::from_utf8_lossy(summary).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A finished run with `--json`.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) result: Value,
    pub(crate) stderr: String,
    /// Number of samples, of a run that was recorded.
    samples: Option<u64>,
}

impl Run {
    /// Runs to the end.
    pub(crate) fn of(args: &[&str]) -> Run {
        let output = leakbench(args).arg("--json").output().expect("the binary starts");
        Run::from(output)
    }

    /// A run that should be clean. A program that reads the descriptors of other processes, such as the observer of a
    /// test beside this one, can make a release late. The judge then calls the run inconclusive, which is no answer, so
    /// it is made again, at most twice.
    pub(crate) fn undisturbed(make: impl Fn() -> Run) -> Run {
        let mut run = make();
        for _ in 0..2 {
            if !run.is_disturbed() {
                break;
            }
            run = make();
        }
        run
    }

    /// True if late releases that leakbench cannot explain are the only error.
    fn is_disturbed(&self) -> bool {
        let findings = self.result["findings"].as_array().expect("findings");
        let mut errors = findings.iter().filter(|finding| finding["level"] == "error");
        self.verdict() == "inconclusive" && errors.all(|error| error["policy"] == "late-releases")
    }

    /// Runs to the end, with a recording.
    pub(crate) fn recorded(args: &[&str]) -> Run {
        let out = tempfile::tempdir().expect("a folder");
        let run = Run::of(&[args, &["--out", out.path().to_str().expect("text")]].concat());
        let recording = Recording::<Record>::read(out.path()).expect("a recording");
        let is_sample = |line: &&Record| matches!(line, Record::Sample(_));
        Run { samples: Some(recording.records.iter().filter(is_sample).count() as u64), ..run }
    }

    pub(crate) fn from(output: Output) -> Run {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let result = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("no JSON result ({error}); standard error: {stderr}"));
        let code = output.status.code().expect("it exits by itself");
        Run { code, result, stderr, samples: None }
    }

    /// A number of `result.images`.
    pub(crate) fn images(&self, field: &str) -> u64 {
        self.result["images"][field].as_u64().unwrap_or_else(|| panic!("no images.{field}"))
    }

    /// Every image was released, and by its drop except for a few: a sample that reads
    /// `/proc/PID/maps` during a drop delays that release, and a slow run has many samples.
    pub(crate) fn assert_released_by_drops(&self, made: u64) {
        let delayed_max = self.samples.expect("a recorded run").max(made / 50);
        let (synchronous, late) = (self.images("synchronous"), self.images("late"));
        assert_eq!(self.images("made"), made, "{:#}", self.result["images"]);
        assert_eq!(synchronous + late, made, "{:#}", self.result["images"]);
        assert!(late <= delayed_max, "{delayed_max} samples: {:#}", self.result["images"]);
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
    // The workload has threads of its own.
    let cycling = |pid: &&i32| {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
        threads.is_ok_and(|threads| threads.count() > 1)
    };
    let mut children = Vec::new();
    wait_until(&format!("{count} subjects run"), || {
        children = children_of(supervisor.id() as i32);
        children.iter().filter(cycling).count() == count
    });
    children
}

/// The children of a process's main thread; none if it has ended.
pub(crate) fn children_of(pid: i32) -> Vec<i32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    children.split_whitespace().map(|pid| pid.parse().expect("a process id")).collect()
}

pub(crate) fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).expect("a process id"), signal).expect("it is there");
}

/// Waits until `done`.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + HANG;
    while !done() {
        assert!(Instant::now() < deadline, "not within {HANG:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until a process has ended. Kills one that does not.
pub(crate) fn finish(child: Child) -> Output {
    let pid = child.id() as i32;
    let (send, ended) = mpsc::channel();
    std::thread::spawn(move || send.send(child.wait_with_output()));
    let output = ended.recv_timeout(HANG).unwrap_or_else(|_| {
        signal(pid, Signal::KILL);
        panic!("process {pid} does not end within {HANG:?}");
    });
    output.expect("it can be waited for")
}

/// Waits until the recording in `folder` has lines for which `done` holds.
pub(crate) fn wait_for_lines(folder: &Path, what: &str, done: impl Fn(&[Record]) -> bool) {
    // The file may not exist yet.
    let has = || Recording::read(folder).is_ok_and(|recording| done(&recording.records));
    wait_until(&format!("the recording has {what}"), has);
}

/// Waits until the recording of an observation in `folder` has `count` samples.
pub(crate) fn wait_for_samples(folder: &Path, count: usize) {
    let is_sample = |record: &&ObservationRecord| matches!(record, ObservationRecord::Sample(_));
    wait_until(&format!("the recording has {count} samples"), || {
        let recording = ObservationRecording::read(folder);
        recording.is_ok_and(|read| read.records.iter().filter(is_sample).count() >= count)
    });
}

/// Waits until the observation in `folder` has enough samples of a resource, which not each sample reads,
/// and a class for it. On a busy machine they are bunched, so their number alone gives none.
pub(crate) fn wait_for_class(folder: &Path, resource: Resource) {
    wait_until(&format!("the recording has a class for {resource}"), || {
        let recording = ObservationRecording::read(folder).ok();
        let diagnosis = recording.and_then(|recording| Diagnosis::of(&recording).ok());
        let account = diagnosis.as_ref().and_then(|diagnosis| diagnosis.account(resource));
        account.is_some_and(|it| it.class.is_some() && it.samples >= Trend::POINTS_MIN + 4)
    });
}

/// Waits until samples of `subjects` subjects show that each has completed a cycle.
pub(crate) fn wait_for_cycles(folder: &Path, subjects: u32) {
    wait_for_lines(folder, "a cycle of each subject", |lines| {
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
