//! `leakbench exec` and `leakbench attach`: the real binary observes processes that leak on purpose,
//! and processes that only appear to.

#![allow(clippy::unwrap_used, reason = "what a test cannot set up fails it")]

#[path = "../common/mod.rs"]
mod common;
mod endings;
mod growth;
mod refusals;
#[path = "../../kernel/tests/sys/mod.rs"]
mod sys;
mod victim;

use std::process::{Command, Output, Stdio};

use serde_json::Value;

use common::leakbench;

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
}

/// `leakbench exec` of a victim.
fn exec(flags: &[&str], habits: &[&str]) -> Command {
    let mut command = leakbench(&["exec", "--json", "--interval", "50ms"]);
    let (name, value) = victim::habits(habits);
    command.args(flags).arg("--").args(victim::words()).env(name, value);
    command
}

/// `leakbench attach` to a process.
fn attach(flags: &[&str], pid: &str) -> Command {
    let mut command = leakbench(&["attach", "--json", "--interval", "50ms"]);
    command.args(flags).arg(pid).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// All remarks of a recording.
fn remarks(folder: &std::path::Path) -> Vec<String> {
    let recording = leakbench_recording::observation::ObservationRecording::read(folder).unwrap();
    let remarks = recording.records.into_iter().filter_map(|record| match record {
        leakbench_recording::observation::ObservationRecord::Remark(remark) => Some(remark.what),
        _ => None,
    });
    remarks.collect()
}
