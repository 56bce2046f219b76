//! The decision whether a run fails often enough, from as few runs as are clear. Pure.

/// Chance of a wrong decision at either of the two rates.
const ERROR: f64 = 0.1;
/// The rate of failures that counts as failing in most runs.
pub(super) const MOST: f64 = 0.8;
/// The rate that does not, in proportion to the one that does.
const RATIO: f64 = 0.625;

/// A sequential probability ratio test (Wald 1945) of a rate of failures: is it `rate`, or `rate` × 0.625?
#[derive(Clone, Copy, Debug)]
pub(super) struct SequentialTest {
    /// Logarithms of the ratio of likelihoods: of one failure, of one run without it, and of all so far.
    of_failure: f64,
    of_pass: f64,
    evidence: f64,
    runs_left: u32,
}

impl SequentialTest {
    /// A test for candidates of a run of which this share of runs failed: they must fail in most runs, or, if
    /// the run itself does not, as often as it. It decides after `runs_max` runs at the latest.
    pub(super) fn new(share: f64, runs_max: u32) -> SequentialTest {
        let high = share.clamp(0.01, MOST);
        let low = high * RATIO;
        SequentialTest {
            of_failure: (high / low).ln(),
            of_pass: ((1.0 - high) / (1.0 - low)).ln(),
            evidence: 0.0,
            runs_left: runs_max,
        }
    }

    /// Adds a run. True or false once the answer is clear; if it is not after the last run, false.
    pub(super) fn add(&mut self, is_failure: bool) -> Option<bool> {
        let bound = ((1.0 - ERROR) / ERROR).ln();
        self.evidence += if is_failure { self.of_failure } else { self.of_pass };
        self.runs_left = self.runs_left.saturating_sub(1);
        match self.evidence {
            evidence if evidence >= bound => Some(true),
            evidence if evidence <= -bound || self.runs_left == 0 => Some(false),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// The share of accepted candidates that fail at this rate, and the mean number of runs.
    fn accepted(share: f64, rate: f64) -> (f64, f64) {
        let mut rng = SmallRng::seed_from_u64(7);
        let (mut accepted, mut runs) = (0, 0);
        for _ in 0..2_000 {
            let mut test = SequentialTest::new(share, 60);
            loop {
                runs += 1;
                if let Some(is_failing) = test.add(rng.random_bool(rate)) {
                    accepted += u32::from(is_failing);
                    break;
                }
            }
        }
        (f64::from(accepted) / 2_000.0, f64::from(runs) / 2_000.0)
    }

    #[test]
    fn candidates_that_fail_in_most_runs_are_accepted_and_others_rarely() {
        for (rate, low, high) in
            [(1.0, 1.0, 1.0), (0.8, 0.88, 1.0), (0.5, 0.0, 0.12), (0.2, 0.0, 0.01), (0.0, 0.0, 0.0)]
        {
            let (accepted, runs) = accepted(1.0, rate);
            assert!((low..=high).contains(&accepted), "{rate}: {accepted}");
            assert!(runs <= 12.0, "{rate}: {runs} runs");
        }
    }

    #[test]
    fn a_rare_failure_must_stay_as_frequent() {
        assert!(accepted(0.4, 0.6).0 > 0.9);
        assert!(accepted(0.4, 0.1).0 < 0.05);
    }

    #[test]
    fn clear_cases_take_few_runs_and_unclear_ones_end() {
        let decide = |outcomes: &[bool], runs_max| {
            let mut test = SequentialTest::new(1.0, runs_max);
            outcomes.iter().position(|outcome| test.add(*outcome).is_some())
        };
        assert_eq!(decide(&[true; 9], 20), Some(4), "five failures");
        assert_eq!(decide(&[false; 9], 20), Some(2), "three runs without one");
        assert_eq!(decide(&[true, true, false].repeat(9), 12), Some(11), "the maximum");
        let mut test = SequentialTest::new(1.0, 1);
        assert_eq!(test.add(true), Some(false), "one run proves nothing");
    }
}
