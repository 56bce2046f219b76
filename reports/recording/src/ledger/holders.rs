//! Lingering images by reason, and the slots that hold them by state.

use std::collections::{BTreeMap, BTreeSet};

use leakbench_model::{Holder, LingeringImage, Reason, SlotState};
use schemars::JsonSchema;
use serde::Serialize;

/// Number of listed images that linger for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ImagesByReason {
    /// The reason.
    pub reason: Reason,
    /// Number of images; each is counted for one reason.
    pub images: u64,
}

impl ImagesByReason {
    /// Groups `images`, the largest group first.
    pub(crate) fn of<'a>(images: impl Iterator<Item = &'a LingeringImage>) -> Vec<ImagesByReason> {
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

/// Number of slots in one state that map a listed image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SlotsByState {
    /// The state.
    #[schemars(extend("enum" = SlotState::OF_HOLDERS))]
    pub state: SlotState,
    /// Number of slots; each is counted once.
    pub slots: u64,
}

impl SlotsByState {
    /// Counts the slots of `images`, which are pairs of subject and image. The most frequent state
    /// is first.
    pub(crate) fn of<'a>(
        images: impl Iterator<Item = (u32, &'a LingeringImage)>,
    ) -> Vec<SlotsByState> {
        let mut seen: BTreeMap<Reason, (SlotState, BTreeSet<(u32, u32)>)> = BTreeMap::new();
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
