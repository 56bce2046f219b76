//! Ratios of rates to the first row. Timings drift, so only runs of one round, which ran close
//! together, are compared.
//!
//! The interval is Student's, of the mean of the logarithms of the rounds' ratios. Logarithms, because
//! a ratio and its inverse are equally far from 1. Student's, because it holds for few rounds: a
//! bootstrap repeats the same few values and is too narrow. Rounds with outliers make it wider, never
//! too narrow.

use std::fmt;

use leakbench_model::Estimate;
use serde::Serialize;

use super::{Row, RunSummary};

/// Cycles a second relative to another row, over the rounds in which both completed all cycles.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ratio {
    /// The geometric mean over rounds.
    pub mean: f64,
    /// The lower end of the 95 % confidence interval of the mean; `null` of one round.
    pub ci_low: Option<f64>,
    /// The upper end of the interval.
    pub ci_high: Option<f64>,
    /// True if the interval contains 1: the rounds show no difference. `null` of one round.
    pub within_noise: Option<bool>,
    /// The median over rounds.
    pub median: f64,
    /// The smallest ratio of a round.
    pub min: f64,
    /// The largest ratio of a round.
    pub max: f64,
    /// The number of rounds.
    pub rounds: usize,
}

impl Ratio {
    /// `row` to `first`; `None` if no round has both.
    pub(super) fn of(row: &Row, first: &Row) -> Option<Ratio> {
        Ratio::of_rounds(&of_rounds(row, first).collect::<Vec<f64>>())
    }

    /// Of the ratios of rounds, which are above 0; `None` without any.
    fn of_rounds(ratios: &[f64]) -> Option<Ratio> {
        let logarithms: Vec<f64> = ratios.iter().map(|ratio| ratio.ln()).collect();
        let mean = mean(&logarithms)?;
        let half_width = half_width(&logarithms, mean);
        let [ci_low, ci_high] = [-1.0, 1.0].map(|side| Some((mean + side * half_width?).exp()));
        Some(Ratio {
            mean: mean.exp(),
            ci_low,
            ci_high,
            within_noise: half_width.map(|half_width| mean.abs() <= half_width),
            median: median(ratios)?,
            min: ratios.iter().copied().reduce(f64::min)?,
            max: ratios.iter().copied().reduce(f64::max)?,
            rounds: ratios.len(),
        })
    }

    /// The mean with its interval; `None` of one round.
    pub fn estimate(&self) -> Option<Estimate> {
        Some(Estimate { value: self.mean, low: self.ci_low?, high: self.ci_high? })
    }
}

/// The ratio of each round in which both completed all cycles.
pub(super) fn of_rounds<'a>(row: &'a Row, first: &'a Row) -> impl Iterator<Item = f64> + 'a {
    row.runs.iter().filter_map(|run| {
        let first = first.runs.iter().find(|other| other.round == run.round)?;
        Some(run.whole_rate_per_s()? / first.whole_rate_per_s()?)
    })
}

/// `0.43 ± 0.02`, `0.98 [0.93, 1.04], within noise`; of one round, or of a row to itself, `0.43`.
impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.estimate().filter(|estimate| estimate.low < estimate.high) {
            None => write!(f, "{:.2}", self.mean),
            Some(estimate) if self.within_noise == Some(true) => {
                write!(f, "{estimate:.2}, within noise")
            }
            Some(estimate) => write!(f, "{estimate:.2}"),
        }
    }
}

impl RunSummary {
    /// Cycles a second of a run that completed its cycles: the rate of a part may differ.
    pub(super) fn whole_rate_per_s(&self) -> Option<f64> {
        self.rate_per_s.filter(|rate| self.cycles == self.cycles_asked && *rate > 0.0)
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Of the 95 % confidence interval of the mean; `None` of fewer than two values.
fn half_width(values: &[f64], mean: f64) -> Option<f64> {
    let freedom = values.len().checked_sub(1).filter(|&freedom| freedom > 0)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = (squares / freedom as f64).sqrt();
    Some(student_95(freedom) * deviation / (values.len() as f64).sqrt())
}

/// The value that Student's distribution with so many degrees of freedom exceeds in absolute value
/// with a probability of 5 %.
fn student_95(freedom: usize) -> f64 {
    const FEW: [f64; 10] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
    const NORMAL: f64 = 1.959_964;
    if let Some(value) = freedom.checked_sub(1).and_then(|index| FEW.get(index)) {
        return *value;
    }
    // The expansion of Cornish and Fisher, off by less than 0.003 for more than ten.
    let (z, n) = (NORMAL, freedom as f64);
    z + (z.powi(3) + z) / (4.0 * n)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n)
}

/// The median; the mean of the two middle values if their number is even.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 100.0]), Some(3.0));
    }

    #[test]
    fn intervals() {
        assert_eq!(Ratio::of_rounds(&[]), None);
        let one = Ratio::of_rounds(&[0.5]).expect("a round");
        assert_eq!((one.mean, one.estimate(), one.within_noise), (0.5, None, None));
        // Logarithms ±0.1 and 0: a deviation of 0.1, and 4.303 × 0.1 / √3 = 0.248.
        let three = [-0.1_f64, 0.0, 0.1].map(f64::exp);
        let three = Ratio::of_rounds(&three).expect("rounds");
        let [low, high] = [three.ci_low, three.ci_high].map(|end| end.expect("an end").ln());
        assert!((low + 0.248).abs() < 0.001 && (high - 0.248).abs() < 0.001, "{three:?}");
        assert_eq!(three.within_noise, Some(true));
        // The inverse ratios have the inverse interval.
        let slower = Ratio::of_rounds(&[0.80, 0.82, 0.78, 0.81]).expect("rounds");
        let faster = [0.80, 0.82, 0.78, 0.81].map(|ratio| 1.0 / ratio);
        let faster = Ratio::of_rounds(&faster).expect("rounds");
        assert_eq!((slower.within_noise, faster.within_noise), (Some(false), Some(false)));
        let product = slower.ci_low.expect("an end") * faster.ci_high.expect("an end");
        assert!((product - 1.0).abs() < 1e-9);
        assert!((student_95(11) - 2.201).abs() < 0.003 && (student_95(60) - 2.000).abs() < 0.001);
    }

    /// SplitMix64: the same numbers in every run of the test.
    struct Random(u64);

    impl Random {
        fn uniform(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        }

        fn normal(&mut self) -> f64 {
            let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
            radius * (std::f64::consts::TAU * self.uniform()).cos()
        }
    }

    /// The logarithm of a run's rate, at a time in the session.
    type Noise = fn(&mut Random, time: f64) -> f64;

    const NOISES: [(&str, Noise); 4] = [
        ("normal", |random, _| 0.05 * random.normal()),
        // Student's with three degrees of freedom.
        ("heavy tails", |random, _| {
            let squares: f64 = (0..3).map(|_| random.normal().powi(2)).sum();
            0.03 * random.normal() / (squares / 3.0).sqrt()
        }),
        // One run in ten meets a busy machine.
        ("outliers", |random, _| {
            let busy = if random.uniform() < 0.1 { -0.7 } else { 0.0 };
            busy + 0.03 * random.normal()
        }),
        // The machine becomes slower by a fifth of the noise with every run.
        ("drift", |random, time| 0.05 * random.normal() - 0.01 * time),
    ];

    /// The share of 4,000 comparisons whose interval contains the true ratio.
    fn coverage(noise: Noise, rounds: usize, truth: f64) -> f64 {
        const COMPARISONS: usize = 4_000;
        let mut random = Random(rounds as u64);
        let mut contained = 0;
        for _ in 0..COMPARISONS {
            let ratios = (0..rounds).map(|round| {
                let times = [2 * round, 2 * round + 1].map(|time| time as f64);
                let [first, second] = times.map(|time| noise(&mut random, time));
                // Every second round is in reverse order.
                let of_row = if round % 2 == 0 { second - first } else { first - second };
                truth * of_row.exp()
            });
            let ratio = Ratio::of_rounds(&ratios.collect::<Vec<f64>>()).expect("rounds");
            let estimate = ratio.estimate().expect("an interval");
            contained += usize::from(estimate.low <= truth && truth <= estimate.high);
        }
        contained as f64 / COMPARISONS as f64
    }

    #[test]
    fn the_interval_contains_the_truth_as_often_as_it_says() {
        for (name, noise) in NOISES {
            for rounds in [3, 6, 10] {
                for truth in [1.0, 0.8] {
                    let coverage = coverage(noise, rounds, truth);
                    assert!((0.94..=0.995).contains(&coverage), "{name}, {rounds}: {coverage}");
                }
            }
        }
        let normal = coverage(NOISES[0].1, 6, 1.0);
        assert!((normal - 0.95).abs() < 0.01, "{normal}");
    }
}
