//! What policies are applied to: runs and observed processes, those of one scenario together.

use std::path::PathBuf;

use super::identity::identity;
use crate::comparison::Row;
use crate::recorded::{Recorded, RecordedComparison, RecordedKind, RecordedRun};
use leakbench_model::text::counted;
use leakbench_recording::observation::Diagnosis;

/// A run or an observed process.
#[derive(Clone, Debug)]
pub(super) struct Run<'a> {
    pub(super) name: String,
    /// The recording's file.
    pub(super) path: PathBuf,
    pub(super) what: What<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What<'a> {
    Run(&'a RecordedRun),
    Observation(&'a Diagnosis),
}

/// One try at a unit.
#[derive(Clone, Debug)]
pub(super) struct Attempt<'a> {
    /// One run; of a comparison's row, one for each round. Rounds are asked for to know how much
    /// runs differ, and not because one failed: so they are no retries, and each must pass.
    pub(super) repeats: Vec<Run<'a>>,
    /// Why there are not as many as were asked for.
    pub(super) gap: Option<String>,
}

/// What is judged for itself: a scenario with all tries at it, in the order given.
#[derive(Clone, Debug)]
pub(super) struct Unit<'a> {
    /// The first recording's name.
    name: String,
    /// Recordings with equal ones are tries at the same.
    identity: (String, &'a str),
    pub(super) attempts: Vec<Attempt<'a>>,
}

impl<'a> Run<'a> {
    /// The command that runs or observes the same again: same scenario, same seed.
    pub(super) fn command(&self) -> &'a str {
        match self.what {
            What::Run(run) => &run.ledger.start.command,
            What::Observation(diagnosis) => &diagnosis.ledger.start.command,
        }
    }

    /// What others of the same run have in common, on this machine and on others.
    pub(super) fn identity(&self) -> String {
        identity(self.command())
    }
}

impl Unit<'_> {
    /// The name of its recording, with how many tries there were.
    pub(super) fn name(&self) -> String {
        match self.attempts.len() {
            0 | 1 => self.name.clone(),
            attempts => format!("{} ({})", self.name, counted(attempts as u64, "attempt")),
        }
    }

    /// Whether it is of an observed process.
    pub(super) fn is_observation(&self) -> bool {
        let mut runs = self.attempts.iter().flat_map(|attempt| &attempt.repeats);
        runs.any(|run| matches!(run.what, What::Observation(_)))
    }
}

/// Recordings put together by what they are tries at, each where its first try was.
pub(super) fn units(recordings: &[(String, Recorded)]) -> Vec<Unit<'_>> {
    let mut units: Vec<Unit<'_>> = Vec::new();
    for (name, recorded) in recordings {
        for unit in of_recording(name, recorded) {
            match units.iter_mut().find(|known| known.identity == unit.identity) {
                Some(known) => known.attempts.extend(unit.attempts),
                None => units.push(unit),
            }
        }
    }
    units
}

/// Every run of some recordings.
pub(super) fn runs(recordings: &[(String, Recorded)]) -> Vec<Run<'_>> {
    let all = recordings.iter().flat_map(|(name, recorded)| of_recording(name, recorded));
    all.flat_map(|unit| unit.attempts).flat_map(|attempt| attempt.repeats).collect()
}

fn of_recording<'a>(name: &str, recorded: &'a Recorded) -> Vec<Unit<'a>> {
    let alone = |what| {
        let path = recorded.file.clone();
        let run = Run { name: name.to_owned(), path, what };
        let identity = (run.identity(), "");
        let attempts = vec![Attempt { repeats: vec![run], gap: None }];
        vec![Unit { name: name.to_owned(), identity, attempts }]
    };
    match &recorded.what {
        RecordedKind::Run(run) => alone(What::Run(run)),
        RecordedKind::Observation(diagnosis) => alone(What::Observation(diagnosis)),
        RecordedKind::Comparison(comparison) => rows(name, recorded, comparison),
    }
}

/// A unit for each row that was to be run: what a runtime does not offer is no gap.
fn rows<'a>(
    name: &str,
    recorded: &'a Recorded,
    comparison: &'a RecordedComparison,
) -> Vec<Unit<'a>> {
    let all = &comparison.comparison;
    let unit = |row: &'a Row| {
        let repeats = row.runs.iter().filter_map(|summary| {
            let mut runs = comparison.runs.iter();
            let (folder, run) = runs.find(|(folder, _)| *folder == summary.folder)?;
            Some(Run {
                name: format!("{name}/{folder}"),
                path: Recorded::file(&recorded.folder.join(folder)),
                what: What::Run(run),
            })
        });
        let repeats: Vec<Run<'a>> = repeats.collect();
        let gap = match &row.refusal {
            Some(refusal) => Some(format!("it could not be run: {}", refusal.reason())),
            None if repeats.len() < all.rounds as usize => {
                let rounds = counted(all.rounds.into(), "round");
                Some(format!("{} of {rounds} were done and can be read", repeats.len()))
            }
            None => None,
        };
        Unit {
            name: format!("{name}: {}", row.name),
            identity: (identity(&all.command), row.name.as_str()),
            attempts: vec![Attempt { repeats, gap }],
        }
    };
    let to_be_run =
        |row: &&Row| !row.runs.is_empty() || row.refusal.is_none() || row.refused_at_start();
    all.rows.iter().filter(to_be_run).map(unit).collect()
}
