//! Rule `witnesses`: both witnesses must work throughout the run and agree. If one failed, the
//! run is inconclusive.

use leakbench_model::Verdict;
use leakbench_model::text::{counted, grouped};

use super::{Finding, Rule};
use crate::ledger::{Ledger, SubjectLedger};
use crate::recording::WitnessFailure;

pub(super) const RULE: Rule<Ledger> = Rule { name: "witnesses", judge };

fn judge(ledger: &Ledger) -> Vec<Finding> {
    let failures = ledger.witness_failures.iter().map(failure);
    let disagreements = ledger.subjects.iter().filter_map(disagreement);
    let unknown = ledger.subjects.iter().filter_map(unknown);
    failures
        .chain(disagreements)
        .chain(unknown)
        .map(|message| Finding::error(RULE.name, Verdict::Inconclusive, message))
        .collect()
}

fn failure(failure: &WitnessFailure) -> String {
    format!("{} of subject {}: {}", failure.witness.words(), failure.subject, failure.what)
}

fn disagreement(subject: &SubjectLedger) -> Option<String> {
    let barrier = subject.disagreeing.as_ref()?;
    let first = barrier.listed.first();
    Some(format!(
        "the witnesses disagree in {} at the barrier after cycle {} of subject {}{}",
        counted(barrier.total, "point"),
        grouped(barrier.after_cycle),
        subject.number,
        first.map_or(String::new(), |first| format!(": {first}")),
    ))
}

/// At the last barrier no module is live, so an unknown image means that a witness failed.
/// Subjects that did not reach it are subject to rule `coverage`.
fn unknown(subject: &SubjectLedger) -> Option<String> {
    let images = &subject.images;
    (subject.reached_last_barrier() && images.unknown > 0).then(|| {
        format!(
            "the release of {} of {} of subject {} is unknown",
            grouped(images.unknown),
            counted(images.made, "image"),
            subject.number,
        )
    })
}
