//! Since when objects are there: what tells a leaked one from one that comes and goes.

/// Objects tracked at most in one list. What lies beyond is not tracked, and still counted
/// wherever objects are counted.
const TRACKED_MAX: usize = 1 << 18;

/// An object that has been there at every look since it was first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Survivor<K> {
    /// Its identity.
    pub(super) key: K,
    /// The look that saw it first, in ms since the observation began.
    pub(super) first_seen_ms: u64,
    /// How large it was then, or how much was in it.
    pub(super) first_amount: u64,
}

/// Objects by identity, with when each was first seen. One that was missing at a look has gone;
/// if it comes again, it is another.
#[derive(Debug)]
pub(super) struct Survivors<K> {
    /// In rising order of keys.
    entries: Vec<Survivor<K>>,
    /// The list before, kept for its room.
    before: Vec<Survivor<K>>,
}

impl<K: Ord + Copy> Survivors<K> {
    pub(super) fn new() -> Survivors<K> {
        Survivors { entries: Vec::new(), before: Vec::new() }
    }

    /// Takes in what a look has found, in rising order of keys, each with its size. Linear, and
    /// without hashing: a look may find tens of thousands.
    pub(super) fn see(&mut self, at_ms: u64, present: impl IntoIterator<Item = (K, u64)>) {
        std::mem::swap(&mut self.entries, &mut self.before);
        self.entries.clear();
        let mut old = self.before.iter().copied().peekable();
        for (key, amount) in present.into_iter().take(TRACKED_MAX) {
            // A table that is read while it changes may show one thing twice.
            if self.entries.last().is_some_and(|last| last.key >= key) {
                continue;
            }
            while old.next_if(|old| old.key < key).is_some() {}
            let known = old.next_if(|old| old.key == key);
            let new = Survivor { key, first_seen_ms: at_ms, first_amount: amount };
            self.entries.push(known.unwrap_or(new));
        }
    }

    /// What was there at the last look, in rising order of keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Survivor<K>> {
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
        fn an_object_is_as_old_as_its_unbroken_presence(
            looks in prop::collection::vec(prop::collection::btree_set(0u8..40, 0..30), 1..20)
        ) {
            let mut survivors = Survivors::new();
            let mut model: BTreeMap<u8, u64> = BTreeMap::new();
            for (at_ms, present) in (0..).zip(&looks) {
                survivors.see(at_ms, present.iter().map(|&key| (key, at_ms + 100)));
                model.retain(|key, _| present.contains(key));
                for &key in present {
                    model.entry(key).or_insert(at_ms);
                }
                let seen: BTreeMap<u8, u64> =
                    survivors.iter().map(|entry| (entry.key, entry.first_seen_ms)).collect();
                prop_assert_eq!(&seen, &model);
                prop_assert!(survivors.iter().all(|e| e.first_amount == e.first_seen_ms + 100));
            }
        }

        /// What is out of order or there twice is left out and spoils nothing.
        #[test]
        fn a_list_that_is_not_in_order_does_no_harm(keys in prop::collection::vec(0u8..9, 0..30)) {
            let mut survivors = Survivors::new();
            survivors.see(1, keys.iter().map(|&key| (key, 0)));
            survivors.see(2, keys.iter().map(|&key| (key, 0)));
            let seen: Vec<u8> = survivors.iter().map(|entry| entry.key).collect();
            let sorted: BTreeSet<u8> = seen.iter().copied().collect();
            prop_assert!(seen.iter().eq(sorted.iter()));
            prop_assert!(survivors.iter().all(|entry| entry.first_seen_ms == 1));
        }
    }
}
