//! Policy `leftovers`: what a subject still has once every module is dropped, beyond what its
//! slots and its lingering images explain. Warnings only, and only where nothing innocent is
//! left that could explain it: an image that lingers has its own policy, and how many mappings a
//! runtime keeps for itself is its own affair as long as their number does not grow with cycles.

use super::{Finding, Level};
use crate::ledger::{Ledger, SubjectLedger};
use leakbench_model::text::{counted, grouped, sum};
use leakbench_model::{SlotCounts, SlotState};

pub(super) const POLICY: &str = "leftovers";

/// A warm slot is image, anonymous tail and guard, and may split the cold stretch beside it.
const MAPPINGS_A_WARM_SLOT: u64 = 4;

pub(super) fn judge(ledger: &Ledger) -> Vec<Finding> {
    let slots = ledger.start.scenario.slots.map(|slots| u64::from(slots.get()));
    let mut messages = Vec::new();
    for subject in &ledger.subjects {
        messages.extend(reset_failures(subject));
        // While images linger or are unknown, they may well explain the rest.
        if subject.reached_last_barrier()
            && subject.images.lingering == 0
            && subject.images.unknown == 0
        {
            messages.extend(memfd_mappings(subject));
            messages.extend(descriptors(subject));
            messages.extend(mappings(subject, slots));
        }
    }
    messages.into_iter().map(|message| Finding::aside(POLICY, Level::Warn, message)).collect()
}

fn reset_failures(subject: &SubjectLedger) -> Option<String> {
    let failures = subject.reset_failures;
    (failures > 0).then(|| {
        format!(
            "{} failed in subject {} while slots were reset",
            counted(failures, "mapping call"),
            subject.number,
        )
    })
}

/// With no image alive, no mapping has a memfd to map but those that were there at rest.
fn memfd_mappings(subject: &SubjectLedger) -> Option<String> {
    let (rest, last) = (subject.at_rest.memfd_mappings?, subject.at_last_barrier?.memfd_mappings?);
    (last > rest).then(|| {
        format!(
            "{} of subject {} map a memfd at the end, {} at rest, and no image is alive",
            counted(last, "mapping"),
            subject.number,
            grouped(rest),
        )
    })
}

/// What is opened once, on first use, is open by the first barrier, when more images may be alive
/// than at the end. More than then and at rest is growth.
fn descriptors(subject: &SubjectLedger) -> Option<String> {
    let (rest, first, last) =
        (subject.at_rest.fds?, subject.at_first_barrier?.fds?, subject.at_last_barrier?.fds?);
    (last > first && last > rest).then(|| {
        format!(
            "subject {} has {} at the end, {} at its first barrier and {} at rest",
            subject.number,
            counted(last, "descriptor"),
            grouped(first),
            grouped(rest),
        )
    })
}

/// Growth since the first barrier beyond what all warm slots together can take; `slots` is `None`
/// of a runtime whose pool nobody here knows.
fn mappings(subject: &SubjectLedger, slots: Option<u64>) -> Option<String> {
    let slots = slots?;
    let first = subject.at_first_barrier?.mappings?;
    let last = subject.at_last_barrier?.mappings?;
    let warm = subject.slots.map_or(slots, |counts| {
        let has_mappings =
            |state: &SlotState| !matches!(state, SlotState::Cold | SlotState::Unknown);
        sum(SlotCounts::states().filter(has_mappings).filter_map(|state| counts.of(state)))
    });
    let explained = warm.saturating_mul(MAPPINGS_A_WARM_SLOT);
    (last > first.saturating_add(explained)).then(|| {
        format!(
            "subject {} grew from {} mappings at its first barrier to {} at the end; {} explain {} at most",
            subject.number,
            grouped(first),
            grouped(last),
            counted(warm, "warm slot"),
            grouped(explained),
        )
    })
}
