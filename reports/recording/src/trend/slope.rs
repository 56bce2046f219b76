//! A slope that outliers do not move: the median of all slopes between two points (Theil–Sen),
//! with Sen's confidence interval and Kendall's test.

use super::median;

/// The slope of a few dozen points: the work is quadratic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slope {
    pub(super) median: f64,
    /// Ends of the 95 % confidence interval.
    pub(super) low: f64,
    pub(super) high: f64,
    /// How many standard deviations the number of rising pairs is above that of falling ones.
    z: f64,
}

/// Fewer points cannot rise with the confidence asked for.
const POINTS_MIN: usize = 6;
/// Deviations of a normal distribution that 95 % are within.
const CONFIDENCE: f64 = 1.96;
/// Deviations that one in 200 of series without a trend is above.
const RISING: f64 = 2.576;

impl Slope {
    /// `None` of fewer than six points.
    pub(super) fn of(points: &[(f64, f64)]) -> Option<Slope> {
        if points.len() < POINTS_MIN {
            return None;
        }
        let mut slopes = slopes(points);
        let rising = slopes.iter().filter(|&&slope| slope > 0.0).count() as f64;
        let falling = slopes.iter().filter(|&&slope| slope < 0.0).count() as f64;
        let score = rising - falling;
        let deviation = deviation(points);
        let median = median(&mut slopes);
        let pairs = slopes.len();
        let reach = CONFIDENCE * deviation;
        let rank = |at: f64| (at.max(0.0) as usize).min(pairs - 1);
        Some(Slope {
            median,
            low: slopes[rank(((pairs as f64 - reach) / 2.0).floor())],
            high: slopes[rank(((pairs as f64 + reach) / 2.0).ceil() - 1.0)],
            // One less, as a score goes in steps of two.
            z: if score > 1.0 && deviation > 0.0 { (score - 1.0) / deviation } else { 0.0 },
        })
    }

    /// Whether the points rise, and that not by chance.
    pub(super) fn rises(&self) -> bool {
        self.z >= RISING && self.low > 0.0
    }
}

fn slopes(points: &[(f64, f64)]) -> Vec<f64> {
    let pairs = points.iter().enumerate().flat_map(|(index, &(x0, y0))| {
        points[index + 1..].iter().map(move |&(x1, y1)| (y1 - y0) / (x1 - x0))
    });
    pairs.collect()
}

/// Standard deviation of Kendall's score of points in random order, of which some are equal.
fn deviation(points: &[(f64, f64)]) -> f64 {
    let term = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let mut amounts: Vec<f64> = points.iter().map(|&(_, y)| y).collect();
    amounts.sort_by(f64::total_cmp);
    let equal = amounts.chunk_by(|a, b| a == b).map(|group| term(group.len() as f64));
    ((term(points.len() as f64) - equal.sum::<f64>()) / 18.0).max(0.0).sqrt()
}
