//! A map of the slots of a pool at a barrier, small enough to keep for every barrier.

use std::collections::BTreeMap;
use std::fmt::Write;

use leakbench_model::SlotState;
use serde::{Deserialize, Serialize};

/// The states of the slots of a pool: of each slot or, in a pool with more than
/// [`SlotMap::SLOTS_MAX`] slots, the number of slots in each state for each bin of neighbours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SlotMapLine", into = "SlotMapLine")]
pub struct SlotMap {
    slots: u32,
    slots_per_bin: u32,
    /// In the order of bins, and of states within a bin. A run may cover several bins.
    runs: Vec<SlotRun>,
}

/// Slots in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotRun {
    /// The state.
    pub state: SlotState,
    /// The number of slots, at least 1.
    pub slots: u32,
}

impl SlotMap {
    /// Slots of a pool whose map has each slot, at most.
    pub const SLOTS_MAX: usize = 1024;
    /// Bins of a map whose bins have several slots, at most. Each takes more text than a slot.
    pub const BINS_MAX: usize = 256;

    /// The map of a pool whose slots, in their order, are these runs. `None` for a pool without
    /// slots, or with more than a number has room for.
    pub fn of(runs: impl IntoIterator<Item = SlotRun>) -> Option<SlotMap> {
        let mut slots = 0_u32;
        let mut joined: Vec<SlotRun> = Vec::new();
        for run in runs {
            slots = slots.checked_add(run.slots)?;
            push(&mut joined, run);
        }
        let mut map = (slots > 0).then_some(SlotMap { slots, slots_per_bin: 1, runs: joined })?;
        if slots as usize > SlotMap::SLOTS_MAX {
            map.coarsen(SlotMap::BINS_MAX);
        }
        Some(map)
    }

    /// The map of a pool with these states of its slots.
    pub fn of_states(states: &[SlotState]) -> Option<SlotMap> {
        SlotMap::of(states.iter().map(|&state| SlotRun { state, slots: 1 }))
    }

    /// Number of slots of the pool.
    pub fn slots(&self) -> u32 {
        self.slots
    }

    /// Number of slots of a bin; the last bin may have fewer.
    pub fn slots_per_bin(&self) -> u32 {
        self.slots_per_bin
    }

    /// Number of bins.
    pub fn bin_count(&self) -> usize {
        self.slots.div_ceil(self.slots_per_bin) as usize
    }

    /// The runs of each bin, whose slots are in no order.
    pub fn bins(&self) -> impl Iterator<Item = Vec<SlotRun>> {
        let mut parts = split(&self.runs, self.slots_per_bin).into_iter().peekable();
        std::iter::from_fn(move || {
            let (bin, first) = parts.next()?;
            let mut runs = vec![first];
            while let Some((_, run)) = parts.next_if(|(next, _)| *next == bin) {
                runs.push(run);
            }
            Some(runs)
        })
    }

    /// The number of slots in a state.
    pub fn count(&self, state: SlotState) -> u64 {
        let runs = self.runs.iter().filter(|run| run.state == state);
        runs.map(|run| u64::from(run.slots)).sum()
    }

    /// Reduces the map to at most `bins` bins (at least one). Numbers of slots stay exact.
    pub fn coarsen(&mut self, bins: usize) {
        let together = self.bin_count().div_ceil(bins.max(1)) as u32;
        if together > 1 {
            self.slots_per_bin = self.slots_per_bin.saturating_mul(together);
            self.runs = binned(&self.runs, self.slots_per_bin);
        }
    }

    /// The map as text: the letter of each run's state, then its number of slots if that is more
    /// than one.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for run in &self.runs {
            text.push(run.state.letter());
            if run.slots > 1 {
                // Writing to a string cannot fail.
                let _ = write!(text, "{}", run.slots);
            }
        }
        text
    }
}

/// `runs` cut at the ends of bins, each with the number of its bin.
fn split(runs: &[SlotRun], slots_per_bin: u32) -> Vec<(u32, SlotRun)> {
    let mut at = 0;
    let mut parts = Vec::new();
    for run in runs {
        let mut left = run.slots;
        while left > 0 {
            let slots = left.min(slots_per_bin - at % slots_per_bin);
            parts.push((at / slots_per_bin, SlotRun { state: run.state, slots }));
            left -= slots;
            at += slots;
        }
    }
    parts
}

/// `runs` with the slots of each bin in the order of their states, as few runs as possible.
fn binned(runs: &[SlotRun], slots_per_bin: u32) -> Vec<SlotRun> {
    let mut binned: Vec<SlotRun> = Vec::new();
    for bin in split(runs, slots_per_bin).chunk_by(|(a, _), (b, _)| a == b) {
        let mut counts: BTreeMap<SlotState, u32> = BTreeMap::new();
        for (_, run) in bin {
            *counts.entry(run.state).or_default() += run.slots;
        }
        for (state, slots) in counts {
            push(&mut binned, SlotRun { state, slots });
        }
    }
    binned
}

/// Adds a run behind others. Neighbours in one state are one run.
fn push(runs: &mut Vec<SlotRun>, run: SlotRun) {
    match runs.last_mut() {
        Some(last) if last.state == run.state => last.slots += run.slots,
        _ if run.slots > 0 => runs.push(run),
        _ => {}
    }
}

/// As it stands in a recording.
#[derive(Serialize, Deserialize)]
struct SlotMapLine {
    slots: u32,
    slots_per_bin: u32,
    runs: String,
}

impl From<SlotMap> for SlotMapLine {
    fn from(map: SlotMap) -> SlotMapLine {
        let runs = map.text();
        SlotMapLine { slots: map.slots, slots_per_bin: map.slots_per_bin, runs }
    }
}

impl TryFrom<SlotMapLine> for SlotMap {
    type Error = String;

    fn try_from(line: SlotMapLine) -> Result<SlotMap, String> {
        let SlotMapLine { slots, slots_per_bin, runs: text } = line;
        let runs = read(&text).ok_or_else(|| format!("'{text}' are no runs of slots"))?;
        let total: u64 = runs.iter().map(|run| u64::from(run.slots)).sum();
        if slots == 0 || slots_per_bin == 0 || total != u64::from(slots) {
            return Err(format!(
                "{total} slots in bins of {slots_per_bin} are no map of {slots} slots"
            ));
        }
        Ok(SlotMap { slots, slots_per_bin, runs })
    }
}

/// The runs of [`SlotMap::text`].
fn read(text: &str) -> Option<Vec<SlotRun>> {
    let mut runs = Vec::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let state = SlotState::from_letter(letter)?;
        rest = &rest[letter.len_utf8()..];
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let slots = if number.is_empty() { 1 } else { number.parse().ok()? };
        if slots == 0 {
            return None;
        }
        runs.push(SlotRun { state, slots });
        rest = after;
    }
    Some(runs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn state() -> impl Strategy<Value = SlotState> {
        prop::sample::select(SlotState::ALL.to_vec())
    }

    /// The states of each bin, in their order.
    fn expected(states: &[SlotState], slots_per_bin: usize) -> Vec<Vec<SlotState>> {
        let sorted = |bin: &[SlotState]| {
            let mut bin = bin.to_vec();
            bin.sort_unstable();
            bin
        };
        states.chunks(slots_per_bin).map(sorted).collect()
    }

    fn states_of(map: &SlotMap) -> Vec<Vec<SlotState>> {
        let states = |runs: Vec<SlotRun>| {
            runs.iter().flat_map(|run| vec![run.state; run.slots as usize]).collect()
        };
        map.bins().map(states).collect()
    }

    proptest! {
        #[test]
        fn a_map_has_the_states_of_each_bin(
            parts in prop::collection::vec((state(), 1_usize..700), 1..12),
            alone in prop::collection::vec((0_usize..9_000, state()), 0..40),
            bins in 1_usize..1_100,
        ) {
            let mut states: Vec<SlotState> =
                parts.iter().flat_map(|&(state, slots)| vec![state; slots]).collect();
            for (slot, state) in alone {
                if let Some(there) = states.get_mut(slot) {
                    *there = state;
                }
            }
            let mut map = SlotMap::of_states(&states).expect("slots");
            prop_assert_eq!(map.slots_per_bin() == 1, states.len() <= SlotMap::SLOTS_MAX);
            for round in 0..2 {
                let is_whole = map.slots_per_bin() == 1;
                let max = if is_whole { SlotMap::SLOTS_MAX } else { SlotMap::BINS_MAX };
                prop_assert!(map.bin_count() <= max);
                let slots_per_bin = map.slots_per_bin() as usize;
                prop_assert_eq!(states_of(&map), expected(&states, slots_per_bin));
                prop_assert_eq!(map.bins().count(), map.bin_count());
                for state in SlotState::ALL {
                    let count = states.iter().filter(|it| **it == state).count();
                    prop_assert_eq!(map.count(state), count as u64);
                }
                let text = serde_json::to_string(&map).expect("JSON");
                prop_assert_eq!(&serde_json::from_str::<SlotMap>(&text).expect("a map"), &map);
                if round == 0 {
                    map.coarsen(bins.min(SlotMap::BINS_MAX));
                    prop_assert!(map.bin_count() <= bins);
                }
            }
        }
    }

    #[test]
    fn the_text_of_a_map_is_short() {
        let mut states = vec![SlotState::Cold; 20_000];
        states[7_919] = SlotState::AffineDropped;
        let map = SlotMap::of_states(&states).expect("slots");
        let letter = SlotState::AffineDropped.letter();
        assert_eq!(map.text(), format!(".7978{letter}.12021"));
        assert_eq!(map.bin_count(), 254);
        let one = SlotMap::of_states(&states[..1]).expect("a slot");
        assert_eq!(one.text(), ".");
    }

    #[test]
    fn invalid_maps_are_refused() {
        assert!(SlotMap::of_states(&[]).is_none());
        let most = SlotRun { state: SlotState::Cold, slots: u32::MAX };
        assert_eq!(SlotMap::of([most]).map(|map| map.slots()), Some(u32::MAX));
        let more = SlotRun { state: SlotState::Cold, slots: 1 };
        assert!(SlotMap::of([most, more]).is_none());
        let read = |text: &str| serde_json::from_str::<SlotMap>(text);
        for text in [
            r#"{"slots":0,"slots_per_bin":1,"runs":""}"#,
            r#"{"slots":2,"slots_per_bin":0,"runs":".2"}"#,
            r#"{"slots":2,"slots_per_bin":1,"runs":".3"}"#,
            r#"{"slots":2,"slots_per_bin":1,"runs":".2a0"}"#,
            r#"{"slots":2,"slots_per_bin":1,"runs":".4294967296"}"#,
            r#"{"slots":6,"slots_per_bin":1,"runs":".5X"}"#,
            r#"{"slots":9,"slots_per_bin":4,"runs":"9."}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(r#"{"slots":9,"slots_per_bin":4,"runs":"ax.7"}"#).is_ok());
    }
}
