//! Growth in a run that is judged by its images: something else leaks.
//!
//! It is judged if all images were released, since those that linger have mappings and descriptors of
//! their own, and only with samples enough. Slots of a pool take mappings when they are allocated for the
//! first time. So mappings are judged from the barrier on at which as many slots are in use, or were, as at
//! the end. A slot takes page tables and keeps resident memory when an instance touches it for the first
//! time, which may be later: a cycle that fills the pool touches few. So those are judged only after cycles
//! in which every slot was surely used. Before that, growth that the slots can explain is none.

use leakbench_model::text::sum;
use leakbench_model::{Resource, SlotCounts, SlotState, Verdict};

use super::{Growth, RULE};
use crate::judge::Finding;
use crate::judge::leftovers::MAPPINGS_PER_WARM_SLOT;
use crate::ledger::{Ledger, SubjectLedger};

/// The resources that are judged. If several grow, the first one names the leak best.
const RESOURCES: [Resource; 5] = [
    Resource::Threads,
    Resource::Fds,
    Resource::Mappings,
    Resource::RssBytes,
    Resource::PageTablesBytes,
];

/// Page tables of a slot: two of 4 KiB, since slots are farther apart than one covers. Twice as much, for a
/// memory that is larger.
const PAGE_TABLES_PER_SLOT_BYTES: u64 = 16 << 10;

/// Cycles for each slot after which all were used: of 1,000 slots that are chosen at random, all but 0.05 on
/// average.
const CYCLES_PER_SLOT: u64 = 10;

pub(super) fn judge(ledger: &Ledger) -> Vec<Finding> {
    ledger.subjects.iter().filter_map(|subject| finding(&leaks(ledger, subject))).collect()
}

fn has_only_released_images(subject: &SubjectLedger) -> bool {
    let images = &subject.images;
    let lingered = images.lingering > 0 || images.unknown > 0 || subject.worst.is_some();
    subject.reached_last_barrier() && !lingered
}

/// One finding for all that grows, since one leak often takes several resources.
fn finding(leaks: &[Growth]) -> Option<Finding> {
    let (first, others) = leaks.split_first()?;
    let mut message = first.sentence();
    let mut before = "; also grow: ";
    for other in others {
        message += &format!("{before}{} ({})", other.resource.noun(), other.span());
        before = ", ";
    }
    Some(Finding::error(RULE.name, Verdict::Leak, message))
}

/// The growths of a subject that are leaks; none if images linger.
pub(super) fn leaks(ledger: &Ledger, subject: &SubjectLedger) -> Vec<Growth> {
    if !has_only_released_images(subject) {
        return Vec::new();
    }
    let growths = RESOURCES.into_iter().filter_map(|resource| {
        let slots = Slots::of(ledger, subject, resource)?;
        let growth = Growth::since(subject, resource, slots.settled_from)?;
        let rise = growth.trend.last - growth.trend.first;
        (growth.is_leak() && rise > slots.explained as f64).then_some(growth)
    });
    growths.collect()
}

/// The part of a pool's slots in a growth.
struct Slots {
    /// Cycles from which on they explain nothing.
    settled_from: u64,
    /// The growth that they explain.
    explained: u64,
}

impl Slots {
    /// `None` if the runtime may have a pool of unknown size, which explains any growth.
    fn of(ledger: &Ledger, subject: &SubjectLedger, resource: Resource) -> Option<Slots> {
        let scenario = &ledger.start.scenario;
        let none = Slots { settled_from: 0, explained: 0 };
        if matches!(resource, Resource::Threads | Resource::Fds) || !scenario.has_pool() {
            return Some(none);
        }
        let slots = u64::from(scenario.slots?.get());
        // Only slots that have mappings can be touched.
        let slots = subject.slots.as_ref().map_or(slots, mapped);
        let used_from = match resource {
            Resource::Mappings => 0,
            _ => slots.saturating_mul(CYCLES_PER_SLOT),
        };
        if let Some(settled_from) = settled_from(subject)
            && used_from < subject.counts.cycles
        {
            return Some(Slots { settled_from: settled_from.max(used_from), ..none });
        }
        let per_slot = match resource {
            Resource::Mappings => MAPPINGS_PER_WARM_SLOT,
            Resource::PageTablesBytes => PAGE_TABLES_PER_SLOT_BYTES,
            _ => scenario.keep_resident.map_or(0, |bytes| bytes.0),
        };
        Some(Slots { explained: slots.saturating_mul(per_slot), ..none })
    }
}

/// The cycles at the first barrier at which as many slots had mappings as at the end.
fn settled_from(subject: &SubjectLedger) -> Option<u64> {
    let at_end = mapped(&subject.slots?);
    let mut barriers = subject.barriers.iter();
    let settled = barriers.find(|barrier| barrier.slots.is_some_and(|it| mapped(&it) >= at_end))?;
    Some(settled.cycles)
}

/// Slots that have mappings.
fn mapped(slots: &SlotCounts) -> u64 {
    let states = SlotCounts::states();
    let states = states.filter(|state| !matches!(state, SlotState::Cold | SlotState::Unknown));
    sum(states.filter_map(|state| slots.of(state)))
}
