//! Policy `unaccounted`: what nobody can explain once every module is dropped. Mappings that map a
//! memfd and descriptors beyond those at rest, less what lingering images are held by, are proved;
//! images of unknown fate and points in which the witnesses disagree leave it open, and so do objects
//! that may be held by lingering images that a recording does not list.

use super::lingering::unseen_end;
use super::{Against, Answer, Checked, Most, Told};
use crate::gate::Evidence;
use crate::gate::budget::Rule;
use crate::gate::policy::Policy;
use crate::gate::runs::{Run, What};
use crate::recorded::RecordedRun;
use leakbench_model::Verdict;
use leakbench_model::text::{counted, grouped, sum};
use leakbench_recording::ledger::SubjectLedger;

/// What cannot be explained, of all subjects.
#[derive(Clone, Copy, Debug, Default)]
struct Unaccounted {
    objects: u64,
    /// Objects that lingering images may explain, or not: those that are listed do not.
    unheld: u64,
    unknown: u64,
    disagreements: u64,
}

impl Unaccounted {
    /// `None` where mappings or descriptors were not read at rest or at the end.
    fn of(run: &RecordedRun) -> Option<Unaccounted> {
        let subjects = &run.ledger.subjects;
        let beyond: Option<Vec<u64>> = subjects.iter().map(beyond_listed).collect();
        let beyond = beyond?;
        let of = |unheld: bool| {
            let all = subjects.iter().zip(&beyond);
            sum(all
                .filter(|(of, _)| more_linger_than_listed(of) == unheld)
                .map(|(_, count)| *count))
        };
        let disagreeing = subjects.iter().filter_map(|subject| subject.disagreeing.as_ref());
        Some(Unaccounted {
            objects: of(false),
            unheld: of(true),
            unknown: run.ledger.images.unknown,
            disagreements: sum(disagreeing.map(|barrier| barrier.total)),
        })
    }

    fn total(&self) -> u64 {
        sum([self.objects, self.unheld, self.unknown, self.disagreements])
    }
}

/// All that cannot be explained; `None` where that is not known.
pub(in crate::gate) fn total(run: &Run<'_>) -> Option<u64> {
    match run.what {
        What::Run(run) if unseen_end(run).is_none() => {
            let all = Unaccounted::of(run)?;
            (all.unheld == 0).then(|| all.total())
        }
        _ => None,
    }
}

pub(super) fn check(rule: &Rule, run: &Run<'_>, against: Against<'_>) -> Checked {
    let recorded = match run.what {
        What::Run(recorded) => recorded,
        What::Observation(_) => {
            return Err(Answer::other_kind("an observed process was not seen at rest"));
        }
    };
    let most = Most::of(Policy::Unaccounted, rule, run, against, grouped)?;
    if let Some(why) = unseen_end(recorded) {
        return Ok(Answer::untold(rule, why));
    }
    let Some(all) = Unaccounted::of(recorded) else {
        let why = "mappings or descriptors could not be read at rest or at the end";
        return Ok(Answer::untold(rule, why));
    };
    let verdict = match (most.exceeded_by(all.objects), most.exceeded_by(all.total())) {
        (true, _) => Verdict::Leak,
        // What is unknown may well have been released.
        (false, true) => Verdict::Inconclusive,
        (false, false) => Verdict::Clean,
    };
    let mut parts = Vec::new();
    for subject in &recorded.ledger.subjects {
        parts.extend(told(subject));
    }
    if all.unknown > 0 {
        parts.push(format!("{} of which nobody knows", counted(all.unknown, "image")));
    }
    if all.disagreements > 0 {
        let points = counted(all.disagreements, "point");
        parts.push(format!("{points} in which the witnesses disagree"));
    }
    let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join("; ")) };
    let ledger = &recorded.ledger;
    let disagreeing = ledger.subjects.iter().filter_map(|subject| {
        let barrier = subject.disagreeing.as_ref()?;
        let what = format!(
            "barrier of subject {} after {}: {} of disagreement",
            subject.number,
            counted(barrier.after_cycle, "cycle"),
            counted(barrier.total, "point"),
        );
        Some(Evidence { path: run.path.clone(), line: barrier.line, what })
    });
    let ends = ledger.subjects.iter().map(|subject| Evidence {
        path: run.path.clone(),
        line: subject.counts_line,
        what: end_of(subject),
    });
    Ok(Answer::Told(Told {
        verdict,
        measured: Some(grouped(all.total())),
        allowed: most.allowed(),
        message: format!("{} unaccounted for, budget {}{parts}", objects_or_so(&all), most.budget),
        evidence: ends.chain(disagreeing).collect(),
    }))
}

fn objects_or_so(all: &Unaccounted) -> String {
    counted(all.total(), if all.objects == all.total() { "object" } else { "thing" })
}

/// Mappings and descriptors beyond those at rest that no listed lingering image is held by.
fn beyond_listed(subject: &SubjectLedger) -> Option<u64> {
    let extra = sum([memfd_mappings(subject)?, descriptors(subject)?]);
    let explained = sum(subject.lingering.iter().map(|image| image.holders_total));
    Some(extra.saturating_sub(explained))
}

fn more_linger_than_listed(subject: &SubjectLedger) -> bool {
    subject.images.lingering > subject.lingering.len() as u64
}

fn memfd_mappings(subject: &SubjectLedger) -> Option<u64> {
    let last = subject.at_last_barrier?.memfd_mappings?;
    Some(last.saturating_sub(subject.at_rest.memfd_mappings?))
}

/// What is opened once, on first use, is open by the first barrier, and no growth.
fn descriptors(subject: &SubjectLedger) -> Option<u64> {
    let last = subject.at_last_barrier?.fds?;
    let rest = subject.at_rest.fds?;
    let first = match subject.barriers.len() {
        0 | 1 => rest,
        _ => subject.at_first_barrier?.fds?,
    };
    Some(last.saturating_sub(rest.max(first)))
}

fn told(subject: &SubjectLedger) -> Option<String> {
    if beyond_listed(subject)? == 0 {
        return None;
    }
    let parts = [(memfd_mappings(subject)?, "mapping"), (descriptors(subject)?, "descriptor")];
    let parts = parts.into_iter().filter(|&(more, _)| more > 0).map(|(more, what)| match what {
        "mapping" => format!("{} mapping a memfd", counted(more, "more mapping")),
        _ => counted(more, "more descriptor"),
    });
    let mut text = format!(
        "subject {} has {} at the end than at rest",
        subject.number,
        parts.collect::<Vec<String>>().join(" and "),
    );
    let explained = sum(subject.lingering.iter().map(|image| image.holders_total));
    if explained > 0 {
        text += &format!(", and lingering images explain {} of them", grouped(explained));
    }
    if more_linger_than_listed(subject) {
        let listed = subject.lingering.len() as u64;
        let unlisted = counted(subject.images.lingering.saturating_sub(listed), "lingering image");
        text += &format!("; what holds {unlisted} more is not known");
    }
    Some(text)
}

fn end_of(subject: &SubjectLedger) -> String {
    let shown = |value: Option<u64>| value.map_or("unread".to_owned(), grouped);
    let last = subject.at_last_barrier.unwrap_or_default();
    format!(
        "last barrier of subject {}: {} mappings of memfds ({} at rest), {} descriptors ({})",
        subject.number,
        shown(last.memfd_mappings),
        shown(subject.at_rest.memfd_mappings),
        shown(last.fds),
        shown(subject.at_rest.fds),
    )
}
