//! The dropped segments of an instance.

/// A set of segment indices. An empty set allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct DroppedSegments(Vec<u64>);

impl DroppedSegments {
    pub(crate) fn insert(&mut self, segment: u32) {
        let word = segment as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (segment % 64);
    }

    pub(crate) fn contains(&self, segment: u32) -> bool {
        let word = self.0.get(segment as usize / 64).copied().unwrap_or(0);
        word & (1 << (segment % 64)) != 0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn contains_the_inserted_segments_only(inserted: HashSet<u16>, queried: Vec<u16>) {
            let mut set = DroppedSegments::default();
            for &segment in &inserted {
                set.insert(segment.into());
            }
            for segment in queried.iter().chain(&inserted) {
                prop_assert_eq!(set.contains((*segment).into()), inserted.contains(segment));
            }
        }
    }
}
