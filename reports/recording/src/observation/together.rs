//! Resources that grow together: one event makes an object of each, as a thread with its descriptor.

use leakbench_model::{Resource, Unit};

use super::ledger::ObservationLedger;
use crate::trend::WARM_UP;

/// The amount of `effect` for each of `cause`, if both grow together: since the end of the warm-up,
/// their growth has the same ratio at each sample. `None` if they grow apart, if one does not grow, or
/// if a sample has only one of them.
pub(super) fn ratio(ledger: &ObservationLedger, cause: Resource, effect: Resource) -> Option<f64> {
    let series = |resource| ledger.series_until_teardown(resource).0;
    ratio_of(&series(cause), &series(effect), effect.unit())
}

/// Part of its growth by which a number of objects may differ at any sample.
const APART_MAX: f64 = 0.05;
/// The same of memory, which an allocator takes in large steps.
const APART_MAX_OF_BYTES: f64 = 0.2;
/// Events of which a sample may have seen the one object and not yet the other.
const EVENTS_MAX: f64 = 2.0;

/// The [`ratio`] of two series; `unit` is that of the effect.
fn ratio_of(cause: &[(f64, f64)], effect: &[(f64, f64)], unit: Unit) -> Option<f64> {
    // The teardown of one may begin before that of the other.
    let len = cause.len().min(effect.len());
    let (cause, effect) = (&cause[..len], &effect[..len]);
    if cause.iter().zip(effect).any(|(a, b)| a.0 != b.0) {
        return None;
    }
    let (begin, end) = (cause.first()?.0, cause.last()?.0);
    let settled = cause.partition_point(|&(at, _)| at < begin + WARM_UP * (end - begin));
    let grown = |series: &[(f64, f64)]| -> Vec<f64> {
        let settled = &series[settled..];
        settled.iter().map(|&(_, amount)| amount - settled[0].1).collect()
    };
    let (cause, effect) = (grown(cause), grown(effect));
    let (of_cause, of_effect) = (*cause.last()?, *effect.last()?);
    if of_cause <= 0.0 || of_effect <= 0.0 {
        return None;
    }
    let ratio = of_effect / of_cause;
    let apart_max = match unit {
        Unit::Count => (EVENTS_MAX * ratio.max(1.0)).max(APART_MAX * of_effect),
        Unit::Bytes => (EVENTS_MAX * ratio).max(APART_MAX_OF_BYTES * of_effect),
    };
    let together = cause.iter().zip(&effect).all(|(a, b)| (b - ratio * a).abs() <= apart_max);
    together.then_some(ratio)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn timed(amounts: impl IntoIterator<Item = u64>) -> Vec<(f64, f64)> {
        amounts.into_iter().zip(0..).map(|(amount, at)| (f64::from(at), amount as f64)).collect()
    }

    /// The sum of the numbers so far.
    fn sums(numbers: &[u64]) -> Vec<u64> {
        let sum = |sum: &mut u64, number: &u64| {
            *sum += number;
            Some(*sum)
        };
        numbers.iter().scan(5, sum).collect()
    }

    proptest! {
        /// Events at random times that make one object and some others.
        #[test]
        fn objects_of_one_event_grow_together(
            events in prop::collection::vec(0_u64..4, 60),
            each in 1_u64..6,
        ) {
            prop_assume!(events[20..].iter().sum::<u64>() > 0);
            let cause = sums(&events);
            let effect: Vec<u64> = cause.iter().map(|events| 7 + each * events).collect();
            let ratio = ratio_of(&timed(cause.clone()), &timed(effect.clone()), Unit::Count);
            prop_assert_eq!(ratio, Some(each as f64));
            let back = ratio_of(&timed(effect), &timed(cause), Unit::Count);
            prop_assert_eq!(back, Some(1.0 / each as f64));
        }
    }

    /// Two leaks of the same rate, each at random times, rarely look as one.
    #[test]
    fn independent_leaks_grow_apart() {
        let mut state = 1_u64;
        let mut leak = || -> Vec<(f64, f64)> {
            let events: Vec<u64> = (0..60)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 33) % 5
                })
                .collect();
            timed(sums(&events))
        };
        let trials = 500;
        let joined =
            (0..trials).filter(|_| ratio_of(&leak(), &leak(), Unit::Count).is_some()).count();
        assert!(joined * 10 < trials, "{joined} of {trials}");
    }

    #[test]
    fn memory_in_steps_grows_with_its_objects() {
        let objects = timed((0..60).map(|second| 3 * second));
        let memory = timed((0..60).map(|second| (second * 3 * 20_000) >> 17 << 17));
        let ratio = ratio_of(&objects, &memory, Unit::Bytes).expect("one leak");
        assert!((ratio - 20_000.0).abs() < 2_000.0, "{ratio}");
        let late = timed((0..60_u64).map(|second| second.saturating_sub(30) << 20));
        assert_eq!(ratio_of(&objects, &late, Unit::Bytes), None);
        assert_eq!(ratio_of(&objects, &objects[1..], Unit::Count), None, "at other times");
    }
}
