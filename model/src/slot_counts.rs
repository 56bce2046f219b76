//! How many slots of a pool are in each state.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::SlotState;

/// How many slots of a pool are in each state, of a runtime that reports its slots' states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlotCounts([u64; SlotCounts::COUNTED.len()]);

impl SlotCounts {
    /// The states that are counted, and the name of each count in JSON.
    pub(crate) const COUNTED: [(SlotState, &'static str); 7] = [
        (SlotState::Cold, "cold"),
        (SlotState::Warm, "warm"),
        (SlotState::Affine, "affine_live"),
        (SlotState::InUse, "in_use"),
        (SlotState::Unknown, "unknown"),
        (SlotState::Queued, "queued"),
        (SlotState::AffineDropped, "affine_dropped"),
    ];

    /// The states that are counted, in rising order.
    pub fn states() -> impl Iterator<Item = SlotState> {
        SlotCounts::COUNTED.iter().map(|(state, _)| *state)
    }

    /// The number of slots in a state; `None` of a state that is not counted.
    pub fn of(&self, state: SlotState) -> Option<u64> {
        Some(self.0[index_of(state)?])
    }

    /// Adds `slots` in a state; those in a state that is not counted are left out.
    pub fn add(&mut self, state: SlotState, slots: u64) {
        if let Some(index) = index_of(state) {
            self.0[index] = self.0[index].saturating_add(slots);
        }
    }
}

fn index_of(state: SlotState) -> Option<usize> {
    SlotCounts::COUNTED.iter().position(|(counted, _)| *counted == state)
}

impl FromIterator<(SlotState, u64)> for SlotCounts {
    fn from_iter<I: IntoIterator<Item = (SlotState, u64)>>(slots: I) -> SlotCounts {
        let mut counts = SlotCounts::default();
        for (state, slots) in slots {
            counts.add(state, slots);
        }
        counts
    }
}

impl Serialize for SlotCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(SlotCounts::COUNTED.iter().map(|(_, name)| name).zip(&self.0))
    }
}

impl<'de> Deserialize<'de> for SlotCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SlotCounts, D::Error> {
        let read = BTreeMap::<String, u64>::deserialize(deserializer)?;
        let mut counts = SlotCounts::default();
        for (count, (_, name)) in counts.0.iter_mut().zip(SlotCounts::COUNTED) {
            *count = *read.get(name).ok_or_else(|| de::Error::missing_field(name))?;
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_survive_json() {
        let states: Vec<SlotState> = SlotCounts::states().collect();
        assert!(states.is_sorted());
        let counts: SlotCounts = states.into_iter().zip(1..).collect();
        let json = serde_json::to_value(counts).expect("JSON");
        assert_eq!(json["cold"], 1);
        assert_eq!(json["affine_dropped"], 7);
        assert_eq!(serde_json::from_value::<SlotCounts>(json).expect("counts"), counts);
        assert!(serde_json::from_str::<SlotCounts>(r#"{"cold":1}"#).is_err());
    }

    #[test]
    fn states_that_no_subject_reports_are_not_counted() {
        let counts: SlotCounts =
            [(SlotState::MapsDropped, 3), (SlotState::Cold, 2)].into_iter().collect();
        assert_eq!(counts.of(SlotState::MapsDropped), None);
        assert_eq!(counts.of(SlotState::Cold), Some(2));
    }
}
