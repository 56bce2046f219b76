//! Where a series is given back.

use super::{PAUSE_MAX, WARM_UP, median};

/// One time that a series fell.
#[derive(Clone, Copy, Debug)]
struct Fall {
    /// The highest point before it.
    peak: (f64, f64),
    /// The lowest point after it, the first of several.
    trough: (f64, f64),
    /// Whether the series rose again since, so that the trough is known to be one.
    over: bool,
}

/// The falls of a series that are too deep to be noise.
#[derive(Clone, Debug)]
pub(super) struct Teeth {
    falls: Vec<Fall>,
    /// Half of the steps between two neighbouring points are smaller.
    typical_step: f64,
}

/// A fall is as deep as this part of what the series ranges over, at least.
const DEPTH_MIN: f64 = 0.2;
/// And as so many standard deviations of the noise: 500 points range over six.
const DEPTH_MIN_SPREADS: f64 = 7.0;
/// What stands out for no longer than this is a spike.
const SPIKE: f64 = 0.05;
/// Troughs from which a floor can be told. Of fewer, a chance order could pass for a rise.
const TROUGHS_MIN: usize = 6;
/// A fall that takes back this part of all that was gained before it, gives back.
const GIVEN_BACK: f64 = 0.75;

impl Teeth {
    pub(super) fn of(series: &[(f64, f64)], noise: f64, spread: f64) -> Teeth {
        let mut amounts: Vec<f64> = series.iter().map(|&(_, y)| y).collect();
        amounts.sort_by(f64::total_cmp);
        // Without the most extreme: one spike must not hide the teeth.
        let cut = amounts.len() / 50;
        let range = match (amounts.get(cut), amounts.get(amounts.len() - 1 - cut)) {
            (Some(low), Some(high)) => high - low,
            _ => 0.0,
        };
        let depth = (DEPTH_MIN * range).max(DEPTH_MIN_SPREADS * spread).max(noise);
        let mut steps: Vec<f64> =
            series.windows(2).map(|pair| (pair[1].1 - pair[0].1).abs()).collect();
        Teeth { falls: falls(series, depth), typical_step: median(&mut steps) }
    }

    /// How far what is seen of the floor may be off: the lowest point of a tooth is seldom the
    /// one that was looked at, and teeth about as long as the time between looks beat with them.
    pub(super) fn blur(&self) -> f64 {
        if self.falls.len() > 1 { 2.0 * self.typical_step } else { 0.0 }
    }

    /// Whether it was given back and taken again.
    pub(super) fn again(&self) -> bool {
        self.falls.len() > 1 || self.falls.iter().any(|fall| fall.over)
    }

    /// The troughs, if there are enough of them after the warm-up, and no long time without one.
    pub(super) fn troughs(&self) -> Option<Vec<(f64, f64)>> {
        let troughs: Vec<(f64, f64)> =
            self.falls.iter().filter(|fall| fall.over).map(|fall| fall.trough).collect();
        let settled = || troughs.iter().map(|&(x, _)| x).filter(|&x| x >= WARM_UP);
        let times: Vec<f64> =
            std::iter::once(WARM_UP).chain(settled()).chain(std::iter::once(1.0)).collect();
        let dense = times.windows(2).all(|pair| pair[1] - pair[0] < PAUSE_MAX);
        (settled().count() >= TROUGHS_MIN && dense).then_some(troughs)
    }

    /// Whether nearly all was given back after the warm-up, and the series has not been higher
    /// since than it had been before: it may well be given back again.
    pub(super) fn only_regained(series: &[(f64, f64)], noise: f64, spread: f64) -> bool {
        let series = without_spikes(series);
        let Some(&(_, last)) = series.last() else {
            return false;
        };
        Teeth::of(&series, noise, spread).falls.iter().any(|fall| {
            let before = series.iter().take_while(|&&(x, _)| x <= fall.peak.0);
            let low = before.fold(f64::MAX, |low, &(_, y)| low.min(y));
            let (gained, given) = (fall.peak.1 - low, fall.peak.1 - fall.trough.1);
            // A burst on top of a leak is given back, too, but undoes no more than its own time.
            let before = series.iter().take_while(|&&(x, _)| x <= fall.peak.0);
            let level = before.filter(|&&(_, y)| y <= fall.trough.1).last();
            let undone = level.map_or(1.0, |&(x, _)| fall.trough.0 - x);
            fall.trough.0 >= WARM_UP
                && given >= GIVEN_BACK * gained
                && undone >= PAUSE_MAX
                && last <= fall.peak.1
        })
    }
}

/// From each peak the fall to the trough after it, where both the fall and the rise from there to
/// the next peak are deeper than `depth`.
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
                    falling = Some(Fall { peak, trough: point, over: false });
                }
            }
            Some(fall) => {
                if point.1 < fall.trough.1 {
                    fall.trough = point;
                } else if point.1 - fall.trough.1 > depth {
                    falls.push(Fall { over: true, ..*fall });
                    falling = None;
                    peak = point;
                }
            }
        }
    }
    falls.extend(falling);
    falls
}

/// The series without what stands out upwards for a moment: the highest of the lowest around each
/// point.
fn without_spikes(series: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let reach = (series.len() as f64 * SPIKE / 2.0).ceil() as usize;
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
