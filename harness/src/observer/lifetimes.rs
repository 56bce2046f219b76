//! The age of each object: it distinguishes a leaked object from one that comes and goes.

/// Maximum of objects in one table. Objects beyond it have no age; sums still count them.
const TRACKED_MAX: usize = 1 << 18;

/// An object that every sample since its first has contained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifetime<K> {
    /// Its identity.
    pub(super) key: K,
    /// Time of its first sample, in ms since the observation began.
    pub(super) first_seen_ms: u64,
    /// Its size or content at its first sample.
    pub(super) first_amount: u64,
}

/// Objects by identity, with the time of their first sample. An object that a sample lacks is
/// removed; if it appears again, it is a new one.
#[derive(Debug)]
pub(super) struct Lifetimes<K> {
    /// In ascending order of keys.
    entries: Vec<Lifetime<K>>,
    /// The entries of the previous sample; kept to reuse the allocation.
    previous: Vec<Lifetime<K>>,
}

impl<K: Ord + Copy> Lifetimes<K> {
    pub(super) fn new() -> Lifetimes<K> {
        Lifetimes { entries: Vec::new(), previous: Vec::new() }
    }

    /// Updates the table with the objects of a sample, in ascending order of keys, each with its
    /// size. Linear and without hashing, because a sample may have tens of thousands.
    pub(super) fn update(&mut self, at_ms: u64, present: impl IntoIterator<Item = (K, u64)>) {
        std::mem::swap(&mut self.entries, &mut self.previous);
        self.entries.clear();
        let mut old = self.previous.iter().copied().peekable();
        for (key, amount) in present.into_iter().take(TRACKED_MAX) {
            // A table of /proc that changes while it is read may list an object twice.
            if self.entries.last().is_some_and(|last| last.key >= key) {
                continue;
            }
            while old.next_if(|old| old.key < key).is_some() {}
            let known = old.next_if(|old| old.key == key);
            let new = Lifetime { key, first_seen_ms: at_ms, first_amount: amount };
            self.entries.push(known.unwrap_or(new));
        }
    }

    /// The objects of the last sample, in ascending order of keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Lifetime<K>> {
        self.entries.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_age_of_an_object_counts_from_the_last_sample_without_it(
            samples in prop::collection::vec(prop::collection::btree_set(0u8..40, 0..30), 1..20)
        ) {
            let mut lifetimes = Lifetimes::new();
            let mut model: BTreeMap<u8, u64> = BTreeMap::new();
            for (at_ms, present) in (0..).zip(&samples) {
                lifetimes.update(at_ms, present.iter().map(|&key| (key, at_ms + 100)));
                model.retain(|key, _| present.contains(key));
                for &key in present {
                    model.entry(key).or_insert(at_ms);
                }
                let seen: BTreeMap<u8, u64> =
                    lifetimes.iter().map(|entry| (entry.key, entry.first_seen_ms)).collect();
                prop_assert_eq!(&seen, &model);
                prop_assert!(lifetimes.iter().all(|e| e.first_amount == e.first_seen_ms + 100));
            }
        }

        /// Keys that are out of order or duplicate are left out and affect no other.
        #[test]
        fn keys_out_of_order_are_left_out(keys in prop::collection::vec(0u8..9, 0..30)) {
            let mut lifetimes = Lifetimes::new();
            lifetimes.update(1, keys.iter().map(|&key| (key, 0)));
            lifetimes.update(2, keys.iter().map(|&key| (key, 0)));
            let seen: Vec<u8> = lifetimes.iter().map(|entry| entry.key).collect();
            let sorted: BTreeSet<u8> = seen.iter().copied().collect();
            prop_assert!(seen.iter().eq(sorted.iter()));
            prop_assert!(lifetimes.iter().all(|entry| entry.first_seen_ms == 1));
        }
    }
}
