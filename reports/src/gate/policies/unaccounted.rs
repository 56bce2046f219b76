//! `unaccounted`: kernel objects of the subject at the end that nothing explains. Mappings of a
//! memfd and descriptors beyond those at rest, less the holders of lingering images, are proved.
//! Images of unknown fate, disagreements of the witnesses, and objects that unlisted lingering
//! images may explain are possible: if only they exceed the limit, the policy is inconclusive.

use leakbench_model::Resource;
use leakbench_model::text::{counted, grouped, sum};
use leakbench_recording::ledger::SubjectLedger;

use super::images::with_end;
use crate::gate::budget::{PolicySetting, Suggestion};
use crate::gate::measurement::{Measurement, NotMeasured, Reading};
use crate::gate::policy::{Key, MAX, Policy, Unit};
use crate::gate::runs::{Run, Source};
use crate::gate::{Evidence, PolicyLevel};
use crate::recorded::RecordedRun;

pub(super) const POLICY: Policy = Policy {
    name: "unaccounted",
    about: "objects at the end that neither rest nor lingering images explain",
    unit: Unit::Count,
    level: PolicyLevel::Error,
    keys: &[Key::max(Some(0.0)), Key::over_baseline()],
    exempts_resources: false,
    needs_baseline_runs: false,
    sentence: "{value} unaccounted for, budget {limit}",
    measure,
    suggest: Suggestion::none_allowed,
};

/// The objects of all subjects that nothing explains.
#[derive(Clone, Copy, Debug, Default)]
struct Unaccounted {
    /// Objects of subjects whose lingering images are all listed.
    proved: u64,
    /// Objects of the other subjects, which unlisted lingering images may explain.
    unlisted: u64,
    unknown: u64,
    disagreements: u64,
}

impl Unaccounted {
    /// `None` if mappings or descriptors were not read at rest or at the end.
    fn of(run: &RecordedRun) -> Option<Unaccounted> {
        let subjects = &run.ledger.subjects;
        let unexplained: Option<Vec<u64>> = subjects.iter().map(unexplained).collect();
        let unexplained = unexplained?;
        let of_subjects = |has_unlisted: bool| {
            let all = subjects.iter().zip(&unexplained);
            let these = all.filter(|(subject, _)| self::has_unlisted(subject) == has_unlisted);
            sum(these.map(|(_, objects)| *objects))
        };
        let disagreeing = subjects.iter().filter_map(|subject| subject.disagreeing.as_ref());
        Some(Unaccounted {
            proved: of_subjects(false),
            unlisted: of_subjects(true),
            unknown: run.ledger.images.unknown,
            disagreements: sum(disagreeing.map(|barrier| barrier.total)),
        })
    }

    fn total(&self) -> u64 {
        sum([self.proved, self.unlisted, self.unknown, self.disagreements])
    }
}

fn measure(_: &PolicySetting, run: &Run<'_>, _: &[Run<'_>]) -> Result<Measurement, NotMeasured> {
    let recorded = match run.source {
        Source::Run(recorded) => recorded,
        Source::Observation(_) => {
            return Err(NotMeasured::other_kind("an observed process was not seen at rest"));
        }
    };
    with_end(recorded)?;
    let all = Unaccounted::of(recorded).ok_or_else(|| {
        let why = "mappings or descriptors could not be read at rest or at the end";
        NotMeasured::Inconclusive(why.to_owned())
    })?;
    let mut details: Vec<String> = recorded.ledger.subjects.iter().filter_map(described).collect();
    if all.unknown > 0 {
        details.push(format!("{} of unknown fate", counted(all.unknown, "image")));
    }
    if all.disagreements > 0 {
        details.push(format!("{} of the witnesses", counted(all.disagreements, "disagreement")));
    }
    let noun = if all.proved == all.total() { "object" } else { "possible object" };
    Ok(Measurement {
        value: (all.unlisted == 0).then_some(all.total() as f64),
        text: grouped(all.total()),
        readings: vec![Reading {
            key: MAX,
            proved: all.proved as f64,
            possible: all.total() as f64,
            text: counted(all.total(), noun),
        }],
        details,
        evidence: evidence(run, &recorded.ledger.subjects),
    })
}

/// Mappings of a memfd and descriptors beyond those at rest that hold no listed lingering image.
fn unexplained(subject: &SubjectLedger) -> Option<u64> {
    let extra = sum([memfd_mappings(subject)?, descriptors(subject)?]);
    Some(extra.saturating_sub(explained(subject)))
}

fn explained(subject: &SubjectLedger) -> u64 {
    sum(subject.lingering.iter().map(|image| image.holders_total))
}

fn has_unlisted(subject: &SubjectLedger) -> bool {
    subject.images.lingering > subject.lingering.len() as u64
}

fn memfd_mappings(subject: &SubjectLedger) -> Option<u64> {
    let last = subject.at_last_barrier?.of(Resource::MemfdMappings)?;
    Some(last.saturating_sub(subject.at_rest.of(Resource::MemfdMappings)?))
}

/// A descriptor that is opened once, on first use, is open by the first barrier, and is no growth.
fn descriptors(subject: &SubjectLedger) -> Option<u64> {
    let last = subject.at_last_barrier?.of(Resource::Fds)?;
    let rest = subject.at_rest.of(Resource::Fds)?;
    let first = match subject.barriers.len() {
        0 | 1 => rest,
        _ => subject.at_first_barrier?.of(Resource::Fds)?,
    };
    Some(last.saturating_sub(rest.max(first)))
}

/// `subject 0 has 2 more mappings of a memfd and 3 more descriptors at the end than at rest`.
fn described(subject: &SubjectLedger) -> Option<String> {
    if unexplained(subject)? == 0 {
        return None;
    }
    let mut extra = Vec::new();
    if let more @ 1.. = memfd_mappings(subject)? {
        extra.push(format!("{} of a memfd", counted(more, "more mapping")));
    }
    if let more @ 1.. = descriptors(subject)? {
        extra.push(counted(more, "more descriptor"));
    }
    let mut text =
        format!("subject {} has {} at the end than at rest", subject.number, extra.join(" and "),);
    if let explained @ 1.. = explained(subject) {
        text += &format!(", of which lingering images explain {}", grouped(explained));
    }
    if has_unlisted(subject) {
        let listed = subject.lingering.len() as u64;
        let unlisted = subject.images.lingering.saturating_sub(listed);
        text += &format!("; the holders of {} are not listed", counted(unlisted, "more image"));
    }
    Some(text)
}

fn evidence(run: &Run<'_>, subjects: &[SubjectLedger]) -> Vec<Evidence> {
    let line = |line, what| Evidence { path: run.path.clone(), line, what };
    let ends = subjects.iter().map(|subject| line(subject.counts_line, at_end(subject)));
    let disagreeing = subjects.iter().filter_map(|subject| {
        let barrier = subject.disagreeing.as_ref()?;
        let what = format!(
            "barrier of subject {} after {}: {}",
            subject.number,
            counted(barrier.after_cycle, "cycle"),
            counted(barrier.total, "disagreement"),
        );
        Some(line(barrier.line, what))
    });
    ends.chain(disagreeing).collect()
}

fn at_end(subject: &SubjectLedger) -> String {
    let shown = |value: Option<u64>| value.map_or("unread".to_owned(), grouped);
    let last = subject.at_last_barrier.unwrap_or_default();
    format!(
        "last barrier of subject {}: {} mappings of memfds (at rest {}), {} descriptors (at rest {})",
        subject.number,
        shown(last.of(Resource::MemfdMappings)),
        shown(subject.at_rest.of(Resource::MemfdMappings)),
        shown(last.of(Resource::Fds)),
        shown(subject.at_rest.of(Resource::Fds)),
    )
}
