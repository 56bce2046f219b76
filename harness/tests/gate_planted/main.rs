//! Each policy of the gate fails for a planted cause, in a recording of the real binary, and passes
//! with the same budget without the cause. The budget turns off every other policy.

#![allow(clippy::unwrap_used, reason = "what a test cannot set up fails it")]

mod causes;
#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, reason = "a part of it is used")]
#[path = "../observe/victim.rs"]
mod victim;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Stdio};

use causes::{BUILTIN, By, Cause, DRIVER, OBSERVED, PEAK, PURGED};
use common::session::{Finished, Session};
use common::{finish, leakbench, wait_for_samples};
use leakbench_reports::gate::MEASUREMENT;
use serde_json::Value;

/// All causes.
fn causes() -> impl Iterator<Item = &'static Cause> {
    [BUILTIN, DRIVER, OBSERVED].into_iter().flatten()
}

impl By {
    /// The folder of its recording.
    fn folder(self) -> &'static str {
        match self {
            By::Builtin(name, _) | By::Driver(name) | By::Victim(name) => name,
        }
    }

    /// Starts the command that records it in `folder`.
    fn start(self, session: &Session, folder: &str) -> Child {
        let mut command = match self {
            By::Builtin(_, flags) => {
                let same = ["--slots", "50", "--cycles", "200", "--settle-ms", "50"];
                leakbench(&[&same[..], flags].concat())
            }
            By::Driver(leaves) => {
                let examples =
                    Path::new(env!("CARGO_BIN_EXE_leakbench")).with_file_name("examples");
                let driver = examples.join("leakbench-leaky");
                let text = driver.display();
                assert!(driver.is_file(), "no {text}: build it with the tests (cargo test)");
                // A trend needs at least 20 samples, and most of them are barriers.
                let same = ["--cycles", "400", "--barriers", "40", "--settle-ms", "10"];
                let mut command = leakbench(&same);
                command.args(["--wasm", "any.wat", "--subject", "leaky", "--driver-dir"]);
                command.arg(examples).env("LEAKY_LEAVES", leaves);
                command
            }
            By::Victim(habit) => {
                let mut command = leakbench(&["exec", "--interval", "50ms"]);
                command.args(["--out", folder, "--"]).args(victim::ending_words(&[habit]));
                command.stdin(Stdio::piped());
                command
            }
        };
        if !matches!(self, By::Victim(_)) {
            command.args(["--processes", "1", "--out", folder]);
        }
        command.current_dir(session.path(""));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

/// Makes the recordings of `more` and of `causes`, two at a time: `more` first, beside a recording
/// without a cause, so that runs that are compared have the same load.
fn record(session: &Session, causes: &[Cause], more: &[(By, &str)]) {
    // Before any run starts: one that reads the file while it is written reads a part of it.
    std::fs::write(session.path("any.wat"), "(module)").unwrap();
    let each = causes.iter().flat_map(|cause| [cause.removed, cause.planted]);
    let mut seen = BTreeSet::new();
    let mut wanted: Vec<(By, &str)> = more.to_vec();
    wanted.extend(each.map(|by| (by, by.folder())).filter(|(_, folder)| seen.insert(*folder)));
    for pair in wanted.chunks(2) {
        let started: Vec<(Child, &str)> =
            pair.iter().map(|(by, folder)| (by.start(session, folder), *folder)).collect();
        for (by, folder) in pair {
            if let By::Victim(_) = by {
                // Twice as many as a trend needs.
                wait_for_samples(&session.path(folder), 40);
            }
        }
        for (run, folder) in started {
            // This closes its standard input, which ends a victim that has grown.
            let output = Finished::of(finish(run));
            // A planted cause may leak.
            assert!([0, 1].contains(&output.code), "{folder}: {output:?}");
        }
    }
}

impl Cause {
    /// A budget with its policy, and all others off.
    fn budget(&self) -> String {
        let others = causes().filter(|other| other.policy != self.policy);
        let off = others.map(|other| format!("[policy.{}]\nlevel = \"off\"\n", other.policy));
        let off: String = off.collect();
        format!("version = 1\n[policy.{}]\n{}\n{off}", self.policy, self.bound)
    }

    /// The gate fails on the planted cause with its message, and passes without the cause.
    fn fails_and_passes(&self, session: &Session, references: &[&str]) {
        let file = format!("{}.toml", self.policy);
        std::fs::write(session.path(&file), self.budget()).unwrap();
        let judge =
            |by: By| session.run(&[&["gate", by.folder(), "--budget", &file], references].concat());
        let output = judge(self.planted);
        let headline = output.stdout.lines().last().unwrap_or_default();
        let why = headline.strip_prefix(&format!("gate: FAIL — {}: ", self.policy));
        let why = why.unwrap_or_else(|| panic!("{}: {output:?}", self.policy));
        assert_eq!(output.code, 1, "{output:?}");
        for words in self.message {
            assert!(why.contains(words), "{}: {words:?} is not in {why}", self.policy);
        }
        let output = judge(self.removed);
        let headline = output.stdout.lines().last().unwrap_or_default();
        assert!(headline.starts_with("gate: PASS — 2 policies"), "{}: {output:?}", self.policy);
        assert_eq!(output.code, 0, "{output:?}");
    }
}

#[test]
fn images_that_a_pool_holds() {
    let session = Session::new();
    record(&session, BUILTIN, &[]);
    BUILTIN.iter().for_each(|cause| cause.fails_and_passes(&session, &[]));
}

#[test]
fn objects_that_a_driver_leaks() {
    let session = Session::new();
    // A second run, so that no run is compared with itself.
    record(&session, DRIVER, &[(By::Driver("nothing"), "earlier")]);
    assert_eq!(session.run(&["gate", "baseline", "earlier"]).code, 0);
    for cause in DRIVER {
        // The gate refuses a reference that no policy uses.
        let against: &[&str] = match cause.bound {
            PEAK => &["--baseline", "leakbench-baseline.toml"],
            _ if cause.policy == "throughput" => &["--against", "earlier"],
            _ => &[],
        };
        cause.fails_and_passes(&session, against);
    }
}

#[test]
fn memfds_that_an_observed_process_leaks() {
    let session = Session::new();
    record(&session, OBSERVED, &[]);
    OBSERVED.iter().for_each(|cause| cause.fails_and_passes(&session, &[]));
}

/// Fails for a policy without a planted cause.
#[test]
fn every_policy_has_a_cause() {
    let session = Session::new();
    record(&session, &[], &[(PURGED, "any")]);
    let output = session.run(&["gate", "any", "--json"]);
    let outcome: Value = serde_json::from_str(&output.stdout).unwrap();
    let listed = outcome["policies"].as_array().unwrap().iter();
    let listed: BTreeSet<&str> = listed.map(|policy| policy["policy"].as_str().unwrap()).collect();
    // No budget sets this one: `gate.rs` kills and cuts runs for it.
    let planted = causes().map(|cause| cause.policy).chain([MEASUREMENT]);
    assert_eq!(listed, planted.collect());
}
