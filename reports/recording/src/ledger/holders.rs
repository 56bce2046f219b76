//! Why images linger, in groups.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::recording::{Holder, LingeringImage, SlotHold};

/// Why an image lingers: its most telling holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A slot lent to an instance maps it, though its module was dropped.
    InUseSlot,
    /// A slot in the decommit queue maps it.
    QueuedSlot,
    /// A free slot that is kept warm maps it.
    AffineSlot,
    /// A slot that the pool holds for cold maps it.
    ColdSlot,
    /// A slot maps it whose state the subject cannot tell.
    UnknownSlot,
    /// Something maps it that is no slot.
    OtherMapping,
    /// Nothing maps it, and a descriptor is open.
    DescriptorOnly,
    /// Nothing in the subject shows as holding it.
    NotInSubject,
}

impl Reason {
    /// Finds it: where an image has holders of several kinds, the first in the order above.
    pub fn of(image: &LingeringImage) -> Reason {
        image
            .holders
            .iter()
            .map(|holder| match holder {
                Holder::Slot { state, .. } => Reason::of_slot(*state),
                Holder::Mapping { .. } => Reason::OtherMapping,
                Holder::Fd { .. } => Reason::DescriptorOnly,
            })
            .min()
            .unwrap_or(Reason::NotInSubject)
    }

    /// In words, fit for `held by …`.
    pub fn words(self) -> &'static str {
        match self {
            Reason::InUseSlot => "a slot in use",
            Reason::QueuedSlot => "a queued slot",
            Reason::AffineSlot => "an affine slot",
            Reason::ColdSlot => "a cold slot",
            Reason::UnknownSlot => "a slot of unknown state",
            Reason::OtherMapping => "a mapping outside every slot",
            Reason::DescriptorOnly => "a descriptor alone",
            Reason::NotInSubject => "nothing that shows",
        }
    }

    fn of_slot(state: SlotHold) -> Reason {
        match state {
            SlotHold::InUse => Reason::InUseSlot,
            SlotHold::Queued => Reason::QueuedSlot,
            SlotHold::Affine => Reason::AffineSlot,
            SlotHold::Cold => Reason::ColdSlot,
            SlotHold::Unknown => Reason::UnknownSlot,
        }
    }
}

/// How many listed images linger for a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ImagesByReason {
    /// The reason.
    pub reason: Reason,
    /// The images, each counted for one reason.
    pub images: u64,
}

impl ImagesByReason {
    /// Groups `images`, the largest group first.
    pub(super) fn of<'a>(images: impl Iterator<Item = &'a LingeringImage>) -> Vec<ImagesByReason> {
        let mut groups: BTreeMap<Reason, u64> = BTreeMap::new();
        for image in images {
            *groups.entry(Reason::of(image)).or_default() += 1;
        }
        let groups = groups.into_iter();
        let mut groups: Vec<ImagesByReason> =
            groups.map(|(reason, images)| ImagesByReason { reason, images }).collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.images));
        groups
    }
}

/// How many slots in a state map a listed image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SlotsByState {
    /// What they are doing.
    pub state: SlotHold,
    /// How many, each counted once.
    pub slots: u64,
}

impl SlotsByState {
    /// Counts the slots of `images`, each given with its subject; the most frequent state first.
    pub(super) fn of<'a>(
        images: impl Iterator<Item = (u32, &'a LingeringImage)>,
    ) -> Vec<SlotsByState> {
        let mut seen: BTreeMap<Reason, (SlotHold, BTreeSet<(u32, u32)>)> = BTreeMap::new();
        for (subject, image) in images {
            for holder in &image.holders {
                if let Holder::Slot { slot, state } = *holder {
                    let (_, slots) = seen
                        .entry(Reason::of_slot(state))
                        .or_insert_with(|| (state, BTreeSet::new()));
                    slots.insert((subject, slot));
                }
            }
        }
        let mut counts: Vec<SlotsByState> = seen
            .into_values()
            .map(|(state, slots)| SlotsByState { state, slots: slots.len() as u64 })
            .collect();
        counts.sort_by_key(|count| std::cmp::Reverse(count.slots));
        counts
    }
}
