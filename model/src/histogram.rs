//! A distribution of times that fits into a line of a recording.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A distribution of times, as (upper bound in ns, count) pairs in rising order. Bounds have two
/// significant figures, so that there are at most a few thousand pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram(pub Vec<(u64, u64)>);

impl Histogram {
    /// All values of several distributions.
    pub fn merged<'a>(parts: impl IntoIterator<Item = &'a Histogram>) -> Histogram {
        let mut merged: BTreeMap<u64, u64> = BTreeMap::new();
        for &(upper_ns, count) in parts.into_iter().flat_map(|part| &part.0) {
            let sum = merged.entry(upper_ns).or_default();
            *sum = sum.saturating_add(count);
        }
        merged.retain(|_, count| *count > 0);
        Histogram(merged.into_iter().collect())
    }

    /// The number of values.
    pub fn count(&self) -> u64 {
        let counts = self.0.iter().map(|&(_, count)| count);
        counts.fold(0, u64::saturating_add)
    }

    /// The upper bound, in ns, of the value at `quantile` (0 to 1). `None` without values.
    pub fn quantile_ns(&self, quantile: f64) -> Option<u64> {
        let rank = (self.count() as f64 * quantile).ceil().max(1.0) as u64;
        let mut below = 0u64;
        for &(upper_ns, count) in &self.0 {
            below = below.saturating_add(count);
            if below >= rank {
                return Some(upper_ns);
            }
        }
        self.max_ns()
    }

    /// The upper bound of the largest value, in ns. `None` without values.
    pub fn max_ns(&self) -> Option<u64> {
        let mut largest = self.0.iter().rev().filter(|&&(_, count)| count > 0);
        largest.next().map(|&(upper_ns, _)| upper_ns)
    }
}
