//! Whether a floor goes on to rise: in several steps, without long pauses, to the end.

use super::{PAUSE_MAX, WARM_UP};

/// When a floor rose.
#[derive(Clone, Debug)]
pub(super) struct Rises {
    /// Steps during the warm-up.
    early: usize,
    /// When it rose after that.
    times: Vec<f64>,
    /// When it was seen last.
    end: f64,
    /// What it gained in the second third of the time.
    middle_gain: f64,
    /// What it gained in the last third.
    late_gain: f64,
}

/// Steps in all: three may well be three things that were wanted.
const STEPS_MIN: usize = 4;
/// A step is this part of the growth after the warm-up, at least.
const STEP: f64 = 1.0 / 20.0;
/// How much of the gain of the second third the last third must have: what saturates has less.
const LATE_GAIN_MIN: f64 = 0.4;
/// The last pause may be so many times as long as the longest before it.
const LAST_PAUSE_MAX: f64 = 2.0;
/// A last pause that says nothing.
const LAST_PAUSE_MIN: f64 = 0.1;
/// From the first step to the last.
const LASTS_MIN: f64 = 0.25;

impl Rises {
    pub(super) fn of(floor: &[(f64, f64)], noise: f64, spread: f64) -> Rises {
        let kept = kept(floor);
        let settled = kept.iter().position(|&(x, _)| x >= WARM_UP).unwrap_or(kept.len());
        let (early, late) = kept.split_at(settled);
        let mut rises = Rises {
            early: 0,
            times: Vec::new(),
            end: late.last().map_or(1.0, |&(x, _)| x),
            middle_gain: 0.0,
            late_gain: 0.0,
        };
        let Some(&(_, base)) = late.first() else {
            return rises;
        };
        let highest = |until: f64| {
            let until = late.iter().filter(|&&(x, _)| x < until);
            until.fold(base, |high, &(_, y)| high.max(y))
        };
        let (middle, top) = (highest(2.0 * WARM_UP), highest(f64::MAX));
        rises.middle_gain = middle - base;
        rises.late_gain = top - middle;
        let growth = top - base;
        if growth > noise && growth > 0.0 {
            let step = (STEP * growth).max(spread);
            rises.times = steps(late, step);
            rises.early = steps(early, step).len();
        }
        rises
    }

    /// Whether it rises in time and not just at times, and still does.
    pub(super) fn go_on(&self) -> bool {
        let (Some(first), Some(last)) = (self.times.first(), self.times.last()) else {
            return false;
        };
        let pauses = self.times.windows(2).map(|pair| pair[1] - pair[0]);
        let longest = pauses.fold(first - WARM_UP, f64::max);
        let last_pause_max = (LAST_PAUSE_MAX * longest).clamp(LAST_PAUSE_MIN, PAUSE_MAX);
        self.early + self.times.len() >= STEPS_MIN
            && self.times.windows(2).all(|pair| pair[1] - pair[0] < PAUSE_MAX)
            && last - first >= LASTS_MIN
            && self.end - last < last_pause_max
            && self.late_gain >= LATE_GAIN_MIN * self.middle_gain
    }
}

/// Of each point, what the floor does not fall below for [`PAUSE_MAX`] from then on.
fn kept(floor: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let from = floor.iter().enumerate();
    from.map(|(index, &(x, y))| {
        let soon = floor[index..].iter().take_while(|&&(later, _)| later - x < PAUSE_MAX);
        (x, soon.fold(y, |low, &(_, y)| low.min(y)))
    })
    .collect()
}

/// When the points are higher by `step` than at the step before.
fn steps(points: &[(f64, f64)], step: f64) -> Vec<f64> {
    let mut level = None;
    let mut times = Vec::new();
    for &(x, y) in points {
        match level {
            None => level = Some(y),
            Some(before) if y - before >= step => {
                times.push(x);
                level = Some(y);
            }
            Some(_) => {}
        }
    }
    times
}
