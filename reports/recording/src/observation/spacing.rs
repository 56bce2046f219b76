//! The spacing of samples. An observation begins with short intervals, so that a command of two
//! seconds has enough samples, and doubles them up to the requested one. A trend needs even spacing:
//! otherwise the first seconds would outweigh the rest.

use crate::trend::Trend;

/// Samples from which the spacing at the end is taken.
const LAST: usize = Trend::POINTS_MIN;
/// A wider spacing is used only if it leaves this many samples.
const KEPT_MIN: usize = 2 * Trend::POINTS_MIN;
/// A sample may be early by this part of the spacing.
const EARLY: f64 = 0.2;

/// Indices of evenly spaced samples: all, or those with the widest of the observation's spacings that
/// leaves enough. `times_ms` rise.
pub(super) fn even(times_ms: &[u64]) -> Vec<usize> {
    let mut spacing_ms = spacing_at_end(times_ms) as f64;
    // As often as an observer doubles an interval.
    for _ in 0..10 {
        let kept = spaced(times_ms, spacing_ms * (1.0 - EARLY));
        if kept.len() >= KEPT_MIN {
            return kept;
        }
        spacing_ms /= 2.0;
    }
    (0..times_ms.len()).collect()
}

/// The median time between the last samples.
fn spacing_at_end(times_ms: &[u64]) -> u64 {
    let last = &times_ms[times_ms.len().saturating_sub(LAST + 1)..];
    let mut gaps: Vec<u64> = last.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied().unwrap_or(0)
}

fn spaced(times_ms: &[u64], spacing_ms: f64) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::with_capacity(times_ms.len());
    for (index, &time) in times_ms.iter().enumerate() {
        let is_far = |&last: &usize| (time.saturating_sub(times_ms[last])) as f64 >= spacing_ms;
        if kept.last().is_none_or(is_far) {
            kept.push(index);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Times of an observer that doubles its interval after each 20 samples, 40 at first.
    fn doubling(until_ms: u64) -> Vec<u64> {
        let (mut at, mut interval) = (0, 25);
        let mut times = Vec::new();
        while at < until_ms {
            times.push(at);
            if times.len() >= 40 && times.len() % 20 == 0 && interval < 1_000 {
                interval = (interval * 2).min(1_000);
            }
            at += interval;
        }
        times
    }

    #[test]
    fn samples_of_a_doubled_interval_are_even() {
        for until_ms in [900, 2_000, 5_000, 60_000, 600_000] {
            let times = doubling(until_ms);
            let kept: Vec<u64> = even(&times).into_iter().map(|index| times[index]).collect();
            let gaps: Vec<u64> = kept.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let (min, max) = (gaps.iter().min().unwrap(), gaps.iter().max().unwrap());
            assert!(*max as f64 <= 2.5 * *min as f64, "{until_ms}: {gaps:?}");
            assert!(kept.len() >= KEPT_MIN.min(times.len()), "{until_ms}: {}", kept.len());
        }
        // A minute is judged by its seconds.
        assert!(even(&doubling(60_000)).len() <= 70);
    }

    proptest! {
        /// Jitter leaves nothing out: only intervals that were meant to be short do.
        #[test]
        fn a_steady_interval_keeps_all(late_ms in prop::collection::vec(0u64..200, 41..200)) {
            let mut at = 0;
            let times: Vec<u64> = late_ms.iter().map(|late| { at += 1_000 + late; at }).collect();
            prop_assert_eq!(even(&times).len(), times.len());
        }

        #[test]
        fn the_first_is_kept_and_indices_rise(mut times in prop::collection::vec(0u64..100_000, 0..300)) {
            times.sort_unstable();
            let kept = even(&times);
            prop_assert_eq!(kept.first().copied(), (!times.is_empty()).then_some(0));
            prop_assert!(kept.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
