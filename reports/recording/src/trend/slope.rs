//! A robust slope: the median of all slopes between two points (Theil–Sen), with Sen's confidence
//! interval and Kendall's test.

use leakbench_model::Estimate;

use super::median;

/// The slope of a few dozen points. Time is quadratic in their number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slope {
    pub(super) estimate: Estimate,
    /// The time of the first point.
    pub(super) from: f64,
    /// The point of the line at the median time. Half of the points are above the line.
    pub(super) middle: (f64, f64),
    /// Number of rising pairs minus falling pairs, in standard deviations.
    z: f64,
}

/// Fewer points cannot rise significantly.
const POINTS_MIN: usize = 6;
/// Standard deviations that contain 95 % of a normal distribution.
const CONFIDENCE: f64 = 1.96;
/// Standard deviations that one in 200 series without a trend exceeds.
const SIGNIFICANT: f64 = 2.576;

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
        let slope = median(&mut slopes);
        let pairs = slopes.len();
        let half_width = CONFIDENCE * deviation;
        let mut times: Vec<f64> = points.iter().map(|&(x, _)| x).collect();
        let mut levels: Vec<f64> = points.iter().map(|&(x, y)| y - slope * x).collect();
        let time = median(&mut times);
        let rank = |at: f64| (at.max(0.0) as usize).min(pairs - 1);
        Some(Slope {
            estimate: Estimate {
                value: slope,
                low: slopes[rank(((pairs as f64 - half_width) / 2.0).floor())],
                high: slopes[rank(((pairs as f64 + half_width) / 2.0).ceil() - 1.0)],
            },
            from: points[0].0,
            middle: (time, slope * time + median(&mut levels)),
            // Minus one, because the score changes in steps of two.
            z: if score > 1.0 && deviation > 0.0 { (score - 1.0) / deviation } else { 0.0 },
        })
    }

    /// True if the points rise significantly.
    pub(super) fn rises(&self) -> bool {
        self.z >= SIGNIFICANT && self.estimate.low > 0.0
    }
}

fn slopes(points: &[(f64, f64)]) -> Vec<f64> {
    let pairs = points.iter().enumerate().flat_map(|(index, &(x0, y0))| {
        points[index + 1..].iter().map(move |&(x1, y1)| (y1 - y0) / (x1 - x0))
    });
    pairs.collect()
}

/// Standard deviation of Kendall's score for points in random order, corrected for ties.
fn deviation(points: &[(f64, f64)]) -> f64 {
    let term = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let mut amounts: Vec<f64> = points.iter().map(|&(_, y)| y).collect();
    amounts.sort_by(f64::total_cmp);
    let equal = amounts.chunk_by(|a, b| a == b).map(|group| term(group.len() as f64));
    ((term(points.len() as f64) - equal.sum::<f64>()) / 18.0).max(0.0).sqrt()
}
