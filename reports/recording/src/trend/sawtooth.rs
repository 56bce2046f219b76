//! The falls of a series: a sawtooth rises and falls repeatedly.

use super::{PAUSE_MAX, WARM_UP, median};

/// One fall.
#[derive(Clone, Copy, Debug)]
struct Fall {
    /// The highest point before it.
    peak: (f64, f64),
    /// The lowest point after it. Of equal points, the first.
    trough: (f64, f64),
    /// True if the series rose again, so that the trough is final.
    complete: bool,
}

/// The falls of a series that are deeper than its noise.
#[derive(Clone, Debug)]
pub(super) struct Sawtooth {
    falls: Vec<Fall>,
    /// Median step between neighbouring points.
    median_step: f64,
}

/// Minimum depth of a fall, as a part of the range of the series.
const DEPTH_MIN: f64 = 0.2;
/// Minimum depth in standard deviations of the noise. The noise of 500 points ranges over six.
const DEPTH_MIN_SPREADS: f64 = 7.0;
/// Maximum duration of a spike.
const SPIKE_MAX: f64 = 0.05;
/// Minimum number of troughs of a lower envelope. Fewer may rise by chance.
const TROUGHS_MIN: usize = 6;
/// Minimum ratio of a fall to the gain before it, for a fall that returns the gain.
const RETURNED_MIN: f64 = 0.75;

impl Sawtooth {
    pub(super) fn of(series: &[(f64, f64)], noise: f64, spread: f64) -> Sawtooth {
        let mut amounts: Vec<f64> = series.iter().map(|&(_, y)| y).collect();
        amounts.sort_by(f64::total_cmp);
        // Without the extremes: one spike must not hide the sawtooth.
        let cut = amounts.len() / 50;
        let range = match (amounts.get(cut), amounts.get(amounts.len() - 1 - cut)) {
            (Some(low), Some(high)) => high - low,
            _ => 0.0,
        };
        let depth = (DEPTH_MIN * range).max(DEPTH_MIN_SPREADS * spread).max(noise);
        let mut steps: Vec<f64> =
            series.windows(2).map(|pair| (pair[1].1 - pair[0].1).abs()).collect();
        Sawtooth { falls: falls(series, depth), median_step: median(&mut steps) }
    }

    /// Sampling error of the troughs. A sample rarely hits the lowest point, and a period close to
    /// the sampling interval causes a beat.
    pub(super) fn sampling_error(&self) -> f64 {
        if self.falls.len() > 1 { 2.0 * self.median_step } else { 0.0 }
    }

    /// True if the series fell and rose again.
    pub(super) fn repeats(&self) -> bool {
        self.falls.len() > 1 || self.falls.iter().any(|fall| fall.complete)
    }

    /// The troughs; `None` if there are too few after the warm-up, or a long time without one.
    pub(super) fn troughs(&self) -> Option<Vec<(f64, f64)>> {
        let troughs: Vec<(f64, f64)> =
            self.falls.iter().filter(|fall| fall.complete).map(|fall| fall.trough).collect();
        let settled = || troughs.iter().map(|&(x, _)| x).filter(|&x| x >= WARM_UP);
        let times: Vec<f64> =
            std::iter::once(WARM_UP).chain(settled()).chain(std::iter::once(1.0)).collect();
        let dense = times.windows(2).all(|pair| pair[1] - pair[0] < PAUSE_MAX);
        (settled().count() >= TROUGHS_MIN && dense).then_some(troughs)
    }

    /// True if nearly all of the gain was returned after the warm-up and the series has not
    /// exceeded its earlier peak since. Then it may fall again.
    pub(super) fn is_below_earlier_peak(series: &[(f64, f64)], noise: f64, spread: f64) -> bool {
        let series = without_spikes(series);
        let Some(&(_, last)) = series.last() else {
            return false;
        };
        Sawtooth::of(&series, noise, spread).falls.iter().any(|fall| {
            let before = series.iter().take_while(|&&(x, _)| x <= fall.peak.0);
            let low = before.fold(f64::MAX, |low, &(_, y)| low.min(y));
            let (gained, returned) = (fall.peak.1 - low, fall.peak.1 - fall.trough.1);
            // A burst on top of a leak falls too, but only to the level at which it began.
            let before = series.iter().take_while(|&&(x, _)| x <= fall.peak.0);
            let level = before.filter(|&&(_, y)| y <= fall.trough.1).last();
            let reverted = level.map_or(1.0, |&(x, _)| fall.trough.0 - x);
            fall.trough.0 >= WARM_UP
                && returned >= RETURNED_MIN * gained
                && reverted >= PAUSE_MAX
                && last <= fall.peak.1
        })
    }
}

/// The falls from each peak to the trough after it. Both the fall and the rise to the next peak
/// exceed `depth`.
fn falls(series: &[(f64, f64)], depth: f64) -> Vec<Fall> {
    let mut falls = Vec::new();
    let Some(&start) = series.first() else {
        return falls;
    };
    let mut peak = start;
    let mut falling: Option<Fall> = None;
    for &point in series {
        match &mut falling {
            None => {
                if point.1 >= peak.1 {
                    peak = point;
                } else if peak.1 - point.1 > depth {
                    falling = Some(Fall { peak, trough: point, complete: false });
                }
            }
            Some(fall) => {
                if point.1 < fall.trough.1 {
                    fall.trough = point;
                } else if point.1 - fall.trough.1 > depth {
                    falls.push(Fall { complete: true, ..*fall });
                    falling = None;
                    peak = point;
                }
            }
        }
    }
    falls.extend(falling);
    falls
}

/// The series without upward spikes: the maximum of the minima around each point.
fn without_spikes(series: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let reach = (series.len() as f64 * SPIKE_MAX / 2.0).ceil() as usize;
    let around = |series: &[(f64, f64)], best: fn(f64, f64) -> f64| -> Vec<(f64, f64)> {
        let best_around = |(index, &(x, y)): (usize, &(f64, f64))| {
            let from = index.saturating_sub(reach);
            let to = (index + reach + 1).min(series.len());
            (x, series[from..to].iter().fold(y, |so_far, &(_, y)| best(so_far, y)))
        };
        series.iter().enumerate().map(best_around).collect()
    };
    around(&around(series, f64::min), f64::max)
}
