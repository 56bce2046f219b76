//! What can be asked of a recorded distribution of times.

use std::collections::BTreeMap;

use super::Histogram;

impl From<&hdrhistogram::Histogram<u64>> for Histogram {
    fn from(times: &hdrhistogram::Histogram<u64>) -> Histogram {
        let pairs =
            times.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()));
        Histogram(pairs.collect())
    }
}

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

    /// How many values there are.
    pub fn count(&self) -> u64 {
        let counts = self.0.iter().map(|&(_, count)| count);
        counts.fold(0, u64::saturating_add)
    }

    /// The upper bound of the smallest value that at least `quantile` (0 to 1) of all values do
    /// not exceed, in ns. `None` of nothing.
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

    /// The upper bound of the largest value, in ns. `None` of nothing.
    pub fn max_ns(&self) -> Option<u64> {
        let mut largest = self.0.iter().rev().filter(|&&(_, count)| count > 0);
        largest.next().map(|&(upper_ns, _)| upper_ns)
    }
}
