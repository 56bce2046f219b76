//! Policy `witnesses`: both witnesses must have worked throughout, and must agree. Where one
//! failed, nothing is clean.

use super::{Finding, Verdict};
use crate::ledger::{Ledger, SubjectLedger};
use crate::recording::{Witness, WitnessFailure};
use leakbench_model::text::{counted, grouped};

pub(super) const POLICY: &str = "witnesses";

pub(super) fn judge(ledger: &Ledger) -> Vec<Finding> {
    let troubles = ledger.witness_failures.iter().map(trouble);
    let disagreements = ledger.subjects.iter().filter_map(disagreement);
    let unknown = ledger.subjects.iter().filter_map(unknown);
    troubles
        .chain(disagreements)
        .chain(unknown)
        .map(|message| Finding::error(POLICY, Verdict::Inconclusive, message))
        .collect()
}

fn trouble(trouble: &WitnessFailure) -> String {
    let witness = match trouble.witness {
        Witness::DeathWatch => "death watch",
        Witness::ProcScan => "/proc scan",
    };
    let (subject, what) = (trouble.subject, &trouble.what);
    format!("the {witness} of subject {subject}: {what}")
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

/// At the end of a run nothing is open, so what is unknown then a witness gave up on. Of subjects
/// that did not come to their end, policy `coverage` speaks.
fn unknown(subject: &SubjectLedger) -> Option<String> {
    let images = &subject.images;
    (subject.reached_last_barrier() && images.unknown > 0).then(|| {
        format!(
            "nobody can say whether {} of the {} of subject {} were released",
            grouped(images.unknown),
            counted(images.made, "image"),
            subject.number,
        )
    })
}
