//! Release times, in bins for a logarithmic axis.

use super::{Chart, Plot};
use leakbench_model::Histogram;
use leakbench_recording::ledger::Ledger;

/// A distribution of times, for a logarithmic axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Times {
    /// Bins from short to long without gaps; empty ones have a count of 0.
    pub bins: Vec<TimeBin>,
    /// The number of times.
    pub count: u64,
    /// The median.
    pub p50_ns: Option<u64>,
    /// The 99th percentile.
    pub p99_ns: Option<u64>,
    /// The maximum.
    pub max_ns: Option<u64>,
}

/// A bin of times of about the same length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeBin {
    /// The lower bound, exclusive.
    pub from_ns: f64,
    /// The upper bound, inclusive.
    pub to_ns: f64,
    /// The number of times in the bin.
    pub count: u64,
}

/// Bins per decade: each bound is a quarter longer than the one before.
const BINS_A_DECADE: i32 = 10;

/// The chart; `None` if no time is known.
pub(super) fn chart(ledger: &Ledger) -> Option<Chart> {
    let pooled = Histogram::merged(ledger.subjects.iter().map(|subject| &subject.release));
    let plot = Plot::Times(times(&pooled)?);
    Some(Chart {
        id: "release".to_owned(),
        title: "Time from drop to release".to_owned(),
        reads:
            "On a logarithmic axis, ten bins for each factor of ten. Releases during the drop are at \
                the left, late releases at the right."
                .to_owned(),
        plot,
    })
}

/// Bins of the recorded times; `None` without times.
pub(super) fn times(pooled: &Histogram) -> Option<Times> {
    let mut bins: Vec<TimeBin> = Vec::new();
    let recorded = pooled.0.iter().filter(|&&(_, count)| count > 0);
    let placed: Vec<(i32, u64)> =
        recorded.map(|&(upper_ns, count)| (bin_of(upper_ns), count)).collect();
    let first = placed.iter().map(|&(bin, _)| bin).min()?;
    let last = placed.iter().map(|&(bin, _)| bin).max()?;
    bins.extend((first..=last).map(|bin| TimeBin {
        from_ns: edge_ns(bin),
        to_ns: edge_ns(bin + 1),
        count: 0,
    }));
    for (bin, count) in placed {
        if let Some(bin) = bins.get_mut((bin - first) as usize) {
            bin.count = bin.count.saturating_add(count);
        }
    }
    Some(Times {
        bins,
        count: pooled.count(),
        p50_ns: pooled.quantile_ns(0.5),
        p99_ns: pooled.quantile_ns(0.99),
        max_ns: pooled.max_ns(),
    })
}

/// The lower bound of a bin.
fn edge_ns(bin: i32) -> f64 {
    let (decade, part) = (bin.div_euclid(BINS_A_DECADE), bin.rem_euclid(BINS_A_DECADE));
    10f64.powi(decade) * 10f64.powf(f64::from(part) / f64::from(BINS_A_DECADE))
}

/// The bin of a time, which is above the lower bound and at most the upper one. A time of 0 is in the
/// bin that ends at 1 ns.
fn bin_of(ns: u64) -> i32 {
    let ns = ns.max(1) as f64;
    let mut bin = (ns.log10() * f64::from(BINS_A_DECADE)).ceil() as i32 - 1;
    // Logarithms are rounded.
    while ns <= edge_ns(bin) {
        bin -= 1;
    }
    while ns > edge_ns(bin + 1) {
        bin += 1;
    }
    bin
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_time_is_in_its_bin_and_none_is_lost(
            recorded in prop::collection::btree_map(0_u64..u64::MAX / 2, 0_u64..1_000_000, 0..60),
        ) {
            let pooled = Histogram(recorded.clone().into_iter().collect());
            let total: u64 = recorded.values().sum();
            let Some(times) = times(&pooled) else {
                prop_assert_eq!(total, 0);
                return Ok(());
            };
            prop_assert_eq!(times.count, total);
            prop_assert_eq!(times.bins.iter().map(|bin| bin.count).sum::<u64>(), total);
            prop_assert!(times.bins.windows(2).all(|pair| pair[0].to_ns == pair[1].from_ns));
            prop_assert!(times.bins.first().is_some_and(|bin| bin.count > 0));
            prop_assert!(times.bins.last().is_some_and(|bin| bin.count > 0));
            for bin in &times.bins {
                let inside = recorded.iter().filter(|&(&ns, _)| {
                    let ns = ns.max(1) as f64;
                    bin.from_ns < ns && ns <= bin.to_ns
                });
                prop_assert_eq!(bin.count, inside.map(|(_, count)| count).sum::<u64>());
            }
        }
    }

    #[test]
    fn decades_begin_bins() {
        for ns in [1, 10, 1_000, 1_000_000, 1_000_000_000] {
            let bin = bin_of(ns);
            assert_eq!(edge_ns(bin + 1), ns as f64, "{ns} ends a bin");
            assert_eq!(bin_of(ns + 1), bin + if ns == 1 { 4 } else { 1 }, "{ns}");
        }
        assert_eq!(bin_of(0), bin_of(1));
    }
}
