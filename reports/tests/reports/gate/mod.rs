//! The gate: each policy with a cause planted and removed, budgets, baselines, attempts, and the
//! texts of an outcome.

mod answers;
mod attempts;
mod baseline;
mod budget;
mod damage;
mod policies;
mod text;

use std::path::PathBuf;

use leakbench_model::Footprint;
use leakbench_recording::observation::{self, ObservationRecording};
use leakbench_recording::recording::*;
use leakbench_reports::comparison::COMPARISON_FILE;
use leakbench_reports::gate::{Baseline, Budget, GateError, Outcome, PolicyOutcome, Status, judge};
use leakbench_reports::recorded::{Recorded, RecordedKind, RecordedRun};
use leakbench_scenarios::Options;

use crate::common::{barrier, counts, end, exit, footprint, recording, sample, start, up};

pub(crate) type Named = (String, Recorded);

/// A run, as it would be read from `out/NAME`.
pub(crate) fn run(name: &str, recording: &Recording) -> Named {
    let run = RecordedRun::of(recording).expect("it has a start");
    let what = RecordedKind::Run(Box::new(run));
    (name.to_owned(), recorded(name, what))
}

/// As it would be read from `out/NAME`.
fn recorded(name: &str, what: RecordedKind) -> Recorded {
    let folder = PathBuf::from(format!("out/{name}"));
    let file = match what {
        RecordedKind::Comparison(_) => folder.join(COMPARISON_FILE),
        _ => folder.join(RECORDING_FILE),
    };
    Recorded { folder, file, what }
}

pub(crate) fn observed(name: &str, recording: &ObservationRecording) -> Named {
    let diagnosis = observation::Diagnosis::of(recording).expect("it has a start");
    let what = RecordedKind::Observation(Box::new(diagnosis));
    (name.to_owned(), recorded(name, what))
}

pub(crate) fn budget(policies: &str) -> Budget {
    let text = format!("version = 1\n{policies}");
    Budget::parse(&text, "leakbench.toml").unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

pub(crate) fn judged(policies: &str, recordings: &[Named]) -> Outcome {
    judged_against(policies, recordings, None, &[]).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn judged_against(
    policies: &str,
    recordings: &[Named],
    baseline: Option<&Baseline>,
    runs: &[Named],
) -> Result<Outcome, GateError> {
    judge(&budget(policies), recordings, baseline, runs)
}

/// The outcome of a policy for the only run.
pub(crate) fn policy<'a>(outcome: &'a Outcome, name: &str) -> &'a PolicyOutcome {
    let mut found = outcome.policies.iter().filter(|policy| policy.policy == name);
    let first = found.next().unwrap_or_else(|| panic!("{name} has an outcome: {outcome:#?}"));
    assert!(found.next().is_none(), "{name} has one outcome: {outcome:#?}");
    first
}

pub(crate) fn status(outcome: &Outcome, name: &str) -> Status {
    policy(outcome, name).status
}

/// Samples of a subject before its last barrier.
pub(crate) const SAMPLES: u64 = 48;

/// A clean run of 3,000 cycles, with a sample every 60 cycles and 100 ms, a barrier half-way and one
/// at the end.
pub(crate) struct Plan {
    /// The footprint at each sample of [`SAMPLES`], and at the end.
    pub(crate) samples: fn(u64) -> Footprint,
    /// The time of each sample, in ms.
    pub(crate) at_ms: fn(u64) -> u64,
    /// Changes the last barrier.
    pub(crate) last: fn(&mut Barrier),
    /// Changes the barrier half-way.
    pub(crate) half: fn(&mut Barrier),
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            samples: |_| footprint(1_060, 11, 20 << 20),
            at_ms: |sample| sample * 100,
            last: |_| {},
            half: |_| {},
        }
    }
}

impl Plan {
    pub(crate) fn recording(&self) -> Recording {
        let cycles = |sample: u64| 60 * sample;
        let mut records = vec![start(3_000, 1, Options::default()), up(0, 3_000)];
        for index in 1..=SAMPLES {
            let at_ms = (self.at_ms)(index);
            records.push(sample(0, at_ms, counts(cycles(index), 0), (self.samples)(index)));
            if index == SAMPLES / 2 {
                let mut half = barrier(0, at_ms + 1, counts(cycles(index), 0));
                half.footprint = (self.samples)(index);
                (self.half)(&mut half);
                records.push(Record::Barrier(Box::new(half)));
            }
        }
        let at_ms = (self.at_ms)(SAMPLES + 2);
        let mut last = barrier(0, at_ms, counts(3_000, 0));
        last.last = true;
        last.footprint = (self.samples)(SAMPLES + 2);
        (self.last)(&mut last);
        records.push(Record::Barrier(Box::new(last)));
        records.push(exit(0, at_ms + 5, ExitKind::Done, &[]));
        records.push(end(at_ms + 50));
        recording(records)
    }

    pub(crate) fn run(&self) -> Named {
        run("run", &self.recording())
    }
}
