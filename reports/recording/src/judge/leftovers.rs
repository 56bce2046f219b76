//! Rule `leftovers`: what a subject still has after its last drop, beyond what slots and lingering
//! images explain. It only warns, and only if no normal use explains the rest. An exception are the
//! descriptors of a run whose guests have WASI. After the last drop no guest is left, so what the runtime
//! counts as open in guests, and `/proc` shows too, is a leak. If `/proc` does not show it, the two
//! witnesses disagree. More descriptors that the runtime does not count are a leak beyond the noise, also
//! in a run whose modes do more than the plain cycle.
//!
//! Lingering images have their own rule. A runtime may keep mappings for itself, as long as their
//! number does not grow with the cycles.

use leakbench_model::text::{counted, grouped, sum};
use leakbench_model::{Footprint, Resource, SlotCounts, SlotState, Verdict};
use leakbench_scenarios::SubjectName;

use super::{Finding, Rule, growth};
use crate::ledger::{Ledger, SubjectLedger};

pub(super) const RULE: Rule<Ledger> = Rule { name: "leftovers", judge };

/// A warm slot is image, anonymous tail and guard, and may split the cold stretch beside it.
pub(super) const MAPPINGS_PER_WARM_SLOT: u64 = 4;

fn judge(ledger: &Ledger) -> Vec<Finding> {
    let slots = ledger.start.scenario.slots.map(|slots| u64::from(slots.get()));
    let scenario = &ledger.start.scenario;
    let has_wasi = scenario.subject == SubjectName::Builtin && !scenario.wasm.is_empty();
    let judges_descriptors = has_wasi || !scenario.mode.is_empty();
    let mut messages = Vec::new();
    let mut leaks = Vec::new();
    for subject in &ledger.subjects {
        messages.extend(reset_failures(subject));
        // Lingering or unknown images may explain the rest.
        if subject.reached_last_barrier()
            && subject.images.lingering == 0
            && subject.images.unknown == 0
        {
            messages.extend(memfd_mappings(subject));
            // What grows has a finding already.
            let growing = growth::leaks(ledger, subject);
            let grows = |resource| growing.iter().any(|growth| growth.resource == resource);
            let descriptors = descriptors(subject).filter(|_| !grows(Resource::Fds));
            match (descriptors_of_guests(subject), descriptors) {
                (Some(of_guests), _) => leaks.push(of_guests),
                (None, Some((grown, message)))
                    if judges_descriptors && grown > Resource::Fds.noise() =>
                {
                    leaks.push(Finding::error(RULE.name, Verdict::Leak, message));
                }
                (None, grown) => messages.extend(grown.map(|(_, message)| message)),
            }
            if !grows(Resource::Mappings) {
                messages.extend(mappings(subject, slots));
            }
        }
    }
    let warnings = messages.into_iter().map(|message| Finding::warning(RULE.name, message));
    leaks.into_iter().chain(warnings).collect()
}

fn reset_failures(subject: &SubjectLedger) -> Option<String> {
    let failures = subject.reset_failures;
    (failures > 0).then(|| {
        format!(
            "{} failed while subject {} reset slots",
            counted(failures, "mapping call"),
            subject.number,
        )
    })
}

/// Without live images, only the memfd mappings of the idle subject should be there.
fn memfd_mappings(subject: &SubjectLedger) -> Option<String> {
    let (rest, last) = (
        subject.at_rest.of(Resource::MemfdMappings)?,
        subject.at_last_barrier?.of(Resource::MemfdMappings)?,
    );
    (last > rest).then(|| {
        format!(
            "subject {} has {} at the end without a live image (before the first cycle: {})",
            subject.number,
            counted(last, "memfd mapping"),
            grouped(rest),
        )
    })
}

/// Descriptors that guests left open by the runtime's count. `None` if there are none, or it does not count.
fn descriptors_of_guests(subject: &SubjectLedger) -> Option<Finding> {
    let left = subject.guest_descriptors.filter(|left| *left > 0)?;
    let number = subject.number;
    let of_guests = counted(left, "descriptor");
    let fds = |footprint: Option<Footprint>| footprint.and_then(|seen| seen.of(Resource::Fds));
    let Some((rest, last)) = fds(Some(subject.at_rest)).zip(fds(subject.at_last_barrier)) else {
        let message = format!(
            "the runtime of subject {number} counts {of_guests} of dropped guests, and /proc was not read"
        );
        return Some(Finding::error(RULE.name, Verdict::Inconclusive, message));
    };
    let (verdict, message) = if last.saturating_sub(rest) >= left {
        let have = if left == 1 { "is" } else { "are" };
        let message = format!(
            "{of_guests} of dropped guests {have} open in subject {number}, by the runtime's count and by \
             /proc, which shows {} (before the first cycle: {})",
            grouped(last),
            grouped(rest),
        );
        (Verdict::Leak, message)
    } else {
        let message = format!(
            "the witnesses disagree in subject {number}: its runtime counts {of_guests} of dropped guests, \
             and /proc shows {} (before the first cycle: {})",
            grouped(last),
            grouped(rest),
        );
        (Verdict::Inconclusive, message)
    };
    Some(Finding::error(RULE.name, verdict, message))
}

/// Descriptors that are opened once are open at the first barrier, where images may be live too.
/// More than at that barrier and before the first cycle is growth. Returns its amount and a sentence.
fn descriptors(subject: &SubjectLedger) -> Option<(u64, String)> {
    let (rest, first, last) = (
        subject.at_rest.of(Resource::Fds)?,
        subject.at_first_barrier?.of(Resource::Fds)?,
        subject.at_last_barrier?.of(Resource::Fds)?,
    );
    (last > first && last > rest).then(|| {
        let message = format!(
            "subject {} has {} at the end (first barrier: {}, before the first cycle: {})",
            subject.number,
            counted(last, "descriptor"),
            grouped(first),
            grouped(rest),
        );
        (last - first, message)
    })
}

/// Growth since the first barrier beyond the mappings of all warm slots. `slots` is `None` if the
/// pool is unknown.
fn mappings(subject: &SubjectLedger, slots: Option<u64>) -> Option<String> {
    let slots = slots?;
    let first = subject.at_first_barrier?.of(Resource::Mappings)?;
    let last = subject.at_last_barrier?.of(Resource::Mappings)?;
    let warm = subject.slots.map_or(slots, |counts| {
        let has_mappings =
            |state: &SlotState| !matches!(state, SlotState::Cold | SlotState::Unknown);
        sum(SlotCounts::states().filter(has_mappings).filter_map(|state| counts.of(state)))
    });
    let explained = warm.saturating_mul(MAPPINGS_PER_WARM_SLOT);
    (last > first.saturating_add(explained)).then(|| {
        format!(
            "subject {} has {} mappings at the end (first barrier: {}); {} explain at most {} more",
            subject.number,
            grouped(last),
            grouped(first),
            counted(warm, "warm slot"),
            grouped(explained),
        )
    })
}
