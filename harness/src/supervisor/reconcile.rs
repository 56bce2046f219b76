//! Compares the two witnesses, image by image. Pure.

use std::collections::{BTreeMap, HashMap, HashSet};

use leakbench_model::{Holder, LingeringImage, ObjectId, Slabs, SlotCounts, SlotState};
use leakbench_recording::recording::{Barrier, SlotMap, SlotRun};

use leakbench_kernel::{FdEntry, FdKind, FileMapping};
use leakbench_subject::wire::BarrierReached;

/// A scan of a subject's `/proc` at a barrier.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) mappings: Vec<FileMapping>,
    pub(super) fds: Vec<FdEntry>,
}

/// The account on which both witnesses agree, and where they disagree.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Reconciled {
    /// At most [`Barrier::LINGERING_MAX`].
    pub(super) lingering: Vec<LingeringImage>,
    /// At most [`Barrier::DISAGREEMENTS_MAX`].
    pub(super) disagreements: Vec<String>,
    pub(super) disagreements_total: u64,
    pub(super) slots: Option<SlotCounts>,
    pub(super) slot_map: Option<SlotMap>,
}

/// The state of an image by the death watch.
enum Claim {
    Live { seen: bool },
    Lingering(Holders),
}

/// The holders of an image: the first ones, and their number.
#[derive(Default)]
struct Holders {
    listed: Vec<Holder>,
    total: u64,
    latest: Option<Holder>,
}

impl Holders {
    /// Adds a holder once: a slot that maps an image in two pieces is one holder.
    fn add(&mut self, holder: Holder) {
        // The pieces of a slot are adjacent in the scan.
        if self.latest.as_ref() == Some(&holder) {
            return;
        }
        self.latest = Some(holder.clone());
        self.total += 1;
        if self.listed.len() < LingeringImage::HOLDERS_MAX {
            self.listed.push(holder);
        }
    }
}

/// Compares `report` with `scan`. `known` are memfds that existed before the first cycle.
///
/// There are two disagreements: an image that only the scan sees, and an image of a live module that
/// the scan does not see. A lingering image without a holder in the scan is no disagreement: its
/// holder is outside the subject.
pub(super) fn reconcile(
    report: &BarrierReached,
    scan: &Scan,
    slabs: &Slabs,
    known: &HashSet<ObjectId>,
) -> Reconciled {
    let mut claims: HashMap<ObjectId, Claim> = HashMap::new();
    claims.extend(report.live.iter().map(|object| (*object, Claim::Live { seen: false })));
    claims.extend(
        report.lingering.iter().map(|image| (image.object, Claim::Lingering(Holders::default()))),
    );

    let states = report.slots.chars().map(SlotState::from_reported_letter);
    let states: Vec<SlotState> = states.map(|state| state.unwrap_or(SlotState::Unknown)).collect();
    let mut unknown_memfds: HashMap<ObjectId, String> = HashMap::new();
    // Slots that map an image of a dropped module.
    let mut holding = HashSet::new();
    // What the slots map: without slot states from the subject, the map shows only that.
    let mut mapping: BTreeMap<u32, SlotState> = BTreeMap::new();
    let mut show = |slot: Option<u32>, state: SlotState| {
        if let Some(slot) = slot {
            let shown = mapping.entry(slot).or_insert(state);
            *shown = (*shown).max(state);
        }
    };
    // An image may be any object; one that no claim names is a disagreement if it is a memfd.
    for mapping in scan.mappings.iter().filter(|mapping| !known.contains(&mapping.object)) {
        let slot = slabs.slot_at(mapping.start as u64);
        match claims.get_mut(&mapping.object) {
            Some(Claim::Live { seen }) => {
                *seen = true;
                show(slot, SlotState::MapsLive);
            }
            Some(Claim::Lingering(holders)) => {
                show(slot, SlotState::MapsDropped);
                let holder = match slot {
                    Some(slot) => {
                        let state = states.get(slot as usize).copied();
                        let state = state.map_or(SlotState::Unknown, SlotState::as_holder);
                        holding.insert(slot);
                        Holder::Slot { slot, state }
                    }
                    None => {
                        Holder::Mapping { start: mapping.start as u64, end: mapping.end as u64 }
                    }
                };
                holders.add(holder);
            }
            None if mapping.memfd => {
                unknown_memfds.entry(mapping.object).or_insert_with(|| match slot {
                    Some(slot) => format!("slot {slot} maps it"),
                    None => format!("it is mapped at {:#x}", mapping.start),
                });
            }
            None => {}
        }
    }
    for entry in scan.fds.iter().filter(|entry| !known.contains(&entry.object)) {
        match claims.get_mut(&entry.object) {
            Some(Claim::Live { seen }) => *seen = true,
            Some(Claim::Lingering(holders)) => {
                holders.add(Holder::Fd { fd: entry.fd });
            }
            None if entry.kind == FdKind::Memfd => {
                unknown_memfds
                    .entry(entry.object)
                    .or_insert_with(|| format!("descriptor {} refers to it", entry.fd));
            }
            None => {}
        }
    }

    let mut disagreements: Vec<String> = unknown_memfds
        .into_iter()
        .map(|(object, how)| {
            format!("memfd {object} is no live image by the death watch, but {how}")
        })
        .collect();
    let unseen = claims.iter().filter(|(_, claim)| matches!(claim, Claim::Live { seen: false }));
    disagreements.extend(unseen.map(|(object, _)| {
        format!("image {object} of a live module is neither mapped nor open in the subject")
    }));
    disagreements.sort();
    let disagreements_total = disagreements.len() as u64;
    disagreements.truncate(Barrier::DISAGREEMENTS_MAX);

    let listed = report.lingering.iter().take(Barrier::LINGERING_MAX);
    let lingering = listed
        .map(|image| {
            let holders = match claims.remove(&image.object) {
                Some(Claim::Lingering(holders)) => holders,
                // The death watch lists the object twice: the second entry has no holders.
                _ => Holders::default(),
            };
            LingeringImage {
                object: image.object,
                module: image.module,
                dropped_at_cycle: image.dropped_at_cycle,
                lingering_ms: image.lingering_ms,
                holders: holders.listed,
                holders_total: holders.total,
            }
        })
        .collect();
    let slots = (!states.is_empty()).then(|| count_slots(&states, &holding));
    let slot_map = match states.as_slice() {
        [] => map_of_mappings(slabs, &mapping),
        states => SlotMap::of_states(&as_shown(states, &holding)),
    };
    Reconciled { lingering, disagreements, disagreements_total, slots, slot_map }
}

/// The states that the subject reports; a slot that maps an image of a dropped module is shown as
/// that.
fn as_shown(states: &[SlotState], holding: &HashSet<u32>) -> Vec<SlotState> {
    let states = (0..).zip(states).map(|(slot, &state)| {
        if holding.contains(&slot) { state.mapping_dropped() } else { state }
    });
    states.collect()
}

/// The map of slots whose states are unknown but for what they map.
fn map_of_mappings(slabs: &Slabs, mapping: &BTreeMap<u32, SlotState>) -> Option<SlotMap> {
    let slots = u32::try_from(slabs.slot_count()).ok()?;
    let empty = |slots| SlotRun { state: SlotState::Empty, slots };
    let mut runs = Vec::new();
    let mut next = 0;
    for (&slot, &state) in mapping.range(..slots) {
        runs.extend([empty(slot - next), SlotRun { state, slots: 1 }]);
        next = slot + 1;
    }
    runs.push(empty(slots - next));
    SlotMap::of(runs)
}

fn count_slots(states: &[SlotState], holding: &HashSet<u32>) -> SlotCounts {
    let states = (0..).zip(states).map(|(slot, &state)| match state {
        SlotState::Affine if holding.contains(&slot) => SlotState::AffineDropped,
        state => state,
    });
    states.map(|state| (state, 1)).collect()
}

#[cfg(test)]
mod tests;
