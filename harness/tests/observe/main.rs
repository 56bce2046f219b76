//! `leakbench exec` and `leakbench attach`: the real binary observes processes that leak on purpose,
//! and processes that only appear to.

#![allow(clippy::unwrap_used, reason = "what a test cannot set up fails it")]

#[path = "../common/mod.rs"]
mod common;
mod endings;
mod family;
mod growth;
mod limits;
mod refusals;
#[path = "../../kernel/tests/sys/mod.rs"]
mod sys;
mod victim;

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use common::{finish, leakbench, signal, wait_for_class, wait_for_samples};
use leakbench_model::Resource;
use rustix::process::Signal;
use serde_json::Value;
use victim::Victim;

/// A finished observation with `--json`.
#[derive(Debug)]
struct Observed {
    code: i32,
    result: Value,
    stderr: String,
}

impl Observed {
    fn of(command: &mut Command) -> Observed {
        Observed::from(command.output().unwrap())
    }

    fn from(output: Output) -> Observed {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let result = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("no JSON result ({error}); standard error: {stderr}"));
        Observed { code: output.status.code().unwrap(), result, stderr }
    }

    fn verdict(&self) -> (i32, &str) {
        (self.code, self.result["verdict"].as_str().unwrap())
    }

    fn resource(&self, name: &str) -> &Value {
        let resources = self.result["resources"].as_array().unwrap();
        let found = resources.iter().find(|resource| resource["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {:#}", self.result))
    }

    fn class(&self, name: &str) -> &str {
        self.resource(name)["class"].as_str().unwrap_or("none")
    }

    /// The first example of a resource, with its holders.
    fn example(&self, name: &str) -> String {
        self.resource(name)["example"].to_string()
    }

    /// The words and the number of each example of a resource.
    fn examples(&self, name: &str) -> Vec<(&str, u64)> {
        let resource = self.resource(name);
        let more = resource["more_examples"].as_array().unwrap();
        let all = std::iter::once(&resource["example"]).chain(more);
        all.filter_map(|it| Some((it["what"].as_str()?, it["count"].as_u64()?))).collect()
    }
}

/// Samples of an observation whose growth is judged: twice as many as a trend needs. Observations
/// last for samples and for the growth of their victims, however long both take.
const SAMPLES: usize = 40;

/// Observes the command of a victim from its start to its end.
fn exec_to_the_end(habits: &[&str]) -> Observed {
    exec_until(habits, |out| wait_for_samples(out, SAMPLES))
}

/// The same of a resource that not each sample reads: on a busy machine few do.
fn exec_until_read(habits: &[&str], resource: Resource) -> Observed {
    assert!(resource.is_sparse());
    exec_until(habits, |out| {
        wait_for_samples(out, SAMPLES);
        wait_for_class(out, resource);
    })
}

/// The same until `wait` returns, which gets the folder of the recording.
fn exec_until(habits: &[&str], wait: impl FnOnce(&Path)) -> Observed {
    let out = tempfile::tempdir().unwrap();
    let flags = ["--out", out.path().to_str().unwrap()];
    let mut command = exec_of(&flags, &victim::ending_words(habits));
    command.stdin(Stdio::piped());
    let observer = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait(out.path());
    // This closes its standard input.
    Observed::from(finish(observer))
}

/// Observes a victim while it grows, once for each list of flags, at the same time.
fn attach_for_growth<const N: usize>(habits: &[&str], flags: [&[&str]; N]) -> [Observed; N] {
    let mut victim = Victim::start(habits);
    let started = flags.map(|flags| {
        let out = tempfile::tempdir().unwrap();
        let mut command = attach(flags, &victim.pid());
        (command.arg("--out").arg(out.path()).spawn().unwrap(), out)
    });
    victim.grow();
    started.map(|(observer, out)| end_sampled(observer, out.path()))
}

/// Ends an observation without --duration, once its recording in `out` has [`SAMPLES`].
fn end_sampled(observer: Child, out: &Path) -> Observed {
    wait_for_samples(out, SAMPLES);
    // Ctrl-C is its regular end.
    signal(observer.id() as i32, Signal::INT);
    Observed::from(finish(observer))
}

/// `leakbench exec` of a victim that goes on until it is ended.
fn exec(flags: &[&str], habits: &[&str]) -> Command {
    exec_of(flags, &victim::words(habits))
}

/// `leakbench exec` of a command.
fn exec_of(flags: &[&str], words: &[String]) -> Command {
    let mut command = leakbench(&["exec", "--json", "--interval", "50ms"]);
    command.args(flags).arg("--").args(words);
    command
}

/// `leakbench attach` to a process.
fn attach(flags: &[&str], pid: &str) -> Command {
    let mut command = leakbench(&["attach", "--json", "--interval", "50ms"]);
    command.args(flags).arg(pid).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// All remarks of a recording.
fn remarks(folder: &Path) -> Vec<String> {
    let recording = leakbench_recording::observation::ObservationRecording::read(folder).unwrap();
    let remarks = recording.records.into_iter().filter_map(|record| match record {
        leakbench_recording::observation::ObservationRecord::Remark(remark) => Some(remark.what),
        _ => None,
    });
    remarks.collect()
}
