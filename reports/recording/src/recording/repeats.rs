//! Counts lines that repeat: the first few are kept, the others are only counted.

use std::collections::BTreeMap;

/// Repeated lines, counted by their sort.
#[derive(Debug)]
pub(super) struct Repeats<K>(BTreeMap<K, Tally>);

#[derive(Debug, Default)]
struct Tally {
    kept: usize,
    omitted: u64,
    latest_ms: u64,
}

impl<K: Ord> Repeats<K> {
    pub(super) fn new() -> Repeats<K> {
        Repeats(BTreeMap::new())
    }

    /// Counts one more line. Returns whether it is among the first `max` and thus kept.
    pub(super) fn admit(&mut self, sort: K, at_ms: u64, max: usize) -> bool {
        let tally = self.0.entry(sort).or_default();
        tally.latest_ms = at_ms;
        let kept = tally.kept < max;
        if kept {
            tally.kept += 1;
        } else {
            tally.omitted += 1;
        }
        kept
    }

    /// Sort, number and latest time of the lines that were not kept. Counting starts anew.
    pub(super) fn take_omitted(&mut self) -> impl Iterator<Item = (K, u64, u64)> + use<K> {
        let tallies = std::mem::take(&mut self.0).into_iter();
        let omitted = tallies.filter(|(_, tally)| tally.omitted > 0);
        omitted.map(|(sort, tally)| (sort, tally.omitted, tally.latest_ms))
    }
}
