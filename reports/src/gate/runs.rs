//! The runs that policies judge, in groups: recordings of the same command are attempts at one run.

use std::path::PathBuf;

use super::identity::identity;
use crate::comparison::Row;
use crate::recorded::{Recorded, RecordedComparison, RecordedKind, RecordedRun};
use leakbench_model::text::counted;
use leakbench_recording::judge::Judgement;
use leakbench_recording::observation::Diagnosis;

/// A run or an observed process.
#[derive(Clone, Debug)]
pub(super) struct Run<'a> {
    pub(super) name: String,
    /// The recording's file.
    pub(super) path: PathBuf,
    pub(super) source: Source<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    Run(&'a RecordedRun),
    Observation(&'a Diagnosis),
}

/// One attempt at a run.
#[derive(Clone, Debug)]
pub(super) struct Attempt<'a> {
    /// One run; of a comparison's row, one for each round. Rounds are not retries: they show how
    /// much runs differ, and each must pass.
    pub(super) repeats: Vec<Run<'a>>,
    /// The reason why there are fewer runs than were asked for.
    pub(super) gap: Option<String>,
}

/// All attempts at one run, in the order given.
#[derive(Clone, Debug)]
pub(super) struct Group<'a> {
    /// The first recording's name.
    name: String,
    /// The command without what a machine decides, and the row of a comparison.
    identity: (String, &'a str),
    pub(super) attempts: Vec<Attempt<'a>>,
}

impl<'a> Run<'a> {
    /// The reproduce command: same scenario, same seed.
    pub(super) fn command(&self) -> &'a str {
        match self.source {
            Source::Run(run) => &run.ledger.start.command,
            Source::Observation(diagnosis) => &diagnosis.ledger.start.command,
        }
    }

    pub(super) fn judgement(&self) -> &'a Judgement {
        match self.source {
            Source::Run(run) => &run.judgement,
            Source::Observation(diagnosis) => &diagnosis.judgement,
        }
    }

    /// Equal for runs of the same command, on this machine and on others.
    pub(super) fn identity(&self) -> String {
        identity(self.command())
    }
}

impl Group<'_> {
    /// The name of its first recording, with the number of attempts.
    pub(super) fn name(&self) -> String {
        match self.attempts.len() {
            0 | 1 => self.name.clone(),
            attempts => format!("{} ({})", self.name, counted(attempts as u64, "attempt")),
        }
    }

    /// It is of an observed process.
    pub(super) fn is_observation(&self) -> bool {
        let mut runs = self.attempts.iter().flat_map(|attempt| &attempt.repeats);
        runs.any(|run| matches!(run.source, Source::Observation(_)))
    }
}

/// Groups recordings by the run that they are attempts at, in the order of the first attempts.
pub(super) fn groups(recordings: &[(String, Recorded)]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (name, recorded) in recordings {
        for group in of_recording(name, recorded) {
            match groups.iter_mut().find(|known| known.identity == group.identity) {
                Some(known) => known.attempts.extend(group.attempts),
                None => groups.push(group),
            }
        }
    }
    groups
}

/// Every run of some recordings.
pub(super) fn runs(recordings: &[(String, Recorded)]) -> Vec<Run<'_>> {
    let all = recordings.iter().flat_map(|(name, recorded)| of_recording(name, recorded));
    all.flat_map(|group| group.attempts).flat_map(|attempt| attempt.repeats).collect()
}

fn of_recording<'a>(name: &str, recorded: &'a Recorded) -> Vec<Group<'a>> {
    let alone = |source| {
        let path = recorded.file.clone();
        let run = Run { name: name.to_owned(), path, source };
        let identity = (run.identity(), "");
        let attempts = vec![Attempt { repeats: vec![run], gap: None }];
        vec![Group { name: name.to_owned(), identity, attempts }]
    };
    match &recorded.what {
        RecordedKind::Run(run) => alone(Source::Run(run)),
        RecordedKind::Observation(diagnosis) => alone(Source::Observation(diagnosis)),
        RecordedKind::Comparison(comparison) => rows(name, recorded, comparison),
    }
}

/// A group for each row that was to be run: an option that a runtime does not offer leaves no gap.
fn rows<'a>(
    name: &str,
    recorded: &'a Recorded,
    comparison: &'a RecordedComparison,
) -> Vec<Group<'a>> {
    let all = &comparison.comparison;
    let group = |row: &'a Row| {
        let repeats = row.runs.iter().filter_map(|summary| {
            let mut runs = comparison.runs.iter();
            let (folder, run) = runs.find(|(folder, _)| *folder == summary.folder)?;
            Some(Run {
                name: format!("{name}/{folder}"),
                path: Recorded::file(&recorded.folder.join(folder)),
                source: Source::Run(run),
            })
        });
        let repeats: Vec<Run<'a>> = repeats.collect();
        let gap = match &row.refusal {
            Some(refusal) => Some(format!("the run could not start: {}", refusal.reason())),
            None if repeats.len() < all.rounds as usize => {
                let rounds = counted(all.rounds.into(), "round");
                Some(format!("{} of {rounds} have a recording", repeats.len()))
            }
            None => None,
        };
        Group {
            name: format!("{name}: {}", row.name),
            identity: (identity(&all.command), row.name.as_str()),
            attempts: vec![Attempt { repeats, gap }],
        }
    };
    let to_be_run =
        |row: &&Row| !row.runs.is_empty() || row.refusal.is_none() || row.refused_at_start();
    all.rows.iter().filter(to_be_run).map(group).collect()
}
