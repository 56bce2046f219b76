//! The gate: each policy with a cause planted and removed, budgets, baselines, attempts, and what
//! is told.

mod answers;
mod attempts;
mod baseline;
mod budget;
mod policies;
mod text;

use std::path::PathBuf;

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

/// What a policy says of the only run.
pub(crate) fn of<'a>(outcome: &'a Outcome, policy: &str) -> &'a PolicyOutcome {
    let mut told = outcome.policies.iter().filter(|told| told.policy == policy);
    let first = told.next().unwrap_or_else(|| panic!("{policy} is told: {outcome:#?}"));
    assert!(told.next().is_none(), "{policy} is told once: {outcome:#?}");
    first
}

pub(crate) fn status(outcome: &Outcome, policy: &str) -> Status {
    of(outcome, policy).status
}

/// Looks at a subject before its last barrier.
pub(crate) const LOOKS: u64 = 48;

/// A clean run of 3,000 cycles, with a look every 60 cycles and 100 ms, a barrier half-way and one
/// at the end.
pub(crate) struct Plan {
    /// What there is at each look, of [`LOOKS`]; and then at the end.
    pub(crate) looks: fn(u64) -> Footprint,
    /// When the look is, in ms.
    pub(crate) at_ms: fn(u64) -> u64,
    /// Changes the last barrier.
    pub(crate) last: fn(&mut Barrier),
    /// Changes the barrier half-way.
    pub(crate) half: fn(&mut Barrier),
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            looks: |_| footprint(1_060, 11, 20 << 20),
            at_ms: |look| look * 100,
            last: |_| {},
            half: |_| {},
        }
    }
}

impl Plan {
    pub(crate) fn recording(&self) -> Recording {
        let cycles = |look: u64| 60 * look;
        let mut records = vec![start(3_000, 1, Options::default()), up(0, 3_000)];
        for look in 1..=LOOKS {
            let at_ms = (self.at_ms)(look);
            records.push(sample(0, at_ms, counts(cycles(look), 0), (self.looks)(look)));
            if look == LOOKS / 2 {
                let mut half = barrier(0, at_ms + 1, counts(cycles(look), 0));
                half.footprint = (self.looks)(look);
                (self.half)(&mut half);
                records.push(Record::Barrier(Box::new(half)));
            }
        }
        let at_ms = (self.at_ms)(LOOKS + 2);
        let mut last = barrier(0, at_ms, counts(3_000, 0));
        last.last = true;
        last.footprint = (self.looks)(LOOKS + 2);
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
