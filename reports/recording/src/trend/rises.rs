//! Whether a floor goes on to rise: in several steps, without long pauses, to the end.

use super::floor::Floor;
use super::{PAUSE_MAX, WARM_UP};

/// When a floor rose.
#[derive(Clone, Debug)]
pub(super) struct Rises {
    /// Steps during the warm-up.
    early: usize,
    /// When it rose after that.
    times: Vec<f64>,
    /// For how long it has not risen at the end.
    last_pause: f64,
    /// Of what the second third of the time gained, what the last third did.
    late_part: f64,
}

/// And as so many standard deviations of the noise.
const STEP_SPREADS: f64 = 0.5;
/// Steps in all: three may well be three things that were wanted.
const STEPS_MIN: usize = 4;
/// A step is this part of the growth after the warm-up, at least.
const STEP: f64 = 1.0 / 20.0;
/// Of the gain of the second third of the time the last third has so much, at least: what
/// saturates has less.
const LATE_PART_MIN: f64 = 0.4;
/// The last pause may be so many times as long as the longest before it.
const LAST_PAUSE_MAX: f64 = 2.0;
/// A last pause that says nothing.
const LAST_PAUSE_MIN: f64 = 0.15;
/// From the first step to the last.
const LASTS_MIN: f64 = 0.25;

impl Rises {
    /// Of the floor of `series`.
    pub(super) fn of(series: &[(f64, f64)], floor: &Floor, noise: f64, spread: f64) -> Rises {
        let kept = kept(&floor.whole);
        let settled = kept.iter().position(|&(x, _)| x >= WARM_UP).unwrap_or(kept.len());
        let (early, late) = kept.split_at(settled);
        let mut rises = Rises { early: 0, times: Vec::new(), last_pause: 1.0, late_part: 0.0 };
        let Some(&(_, base)) = late.first() else {
            return rises;
        };
        let top = late.iter().fold(base, |high, &(_, y)| high.max(y));
        let growth = top - base;
        if growth > noise && growth > 0.0 {
            let step = (STEP * growth).max(STEP_SPREADS * spread);
            rises.times = steps(late, step);
            rises.early = steps(early, step).len();
            let last = rises.times.last().zip(late.last());
            rises.last_pause = match last {
                // After the last trough nobody knows what it will fall back to.
                Some((last, end)) if floor.of_troughs => end.0 - last,
                _ => last_pause(series, top - step),
            };
            rises.late_part = late_part(late);
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
            && self.last_pause < last_pause_max
            && self.late_part >= LATE_PART_MIN
    }
}

/// How long ago the series came above `level` for good.
fn last_pause(series: &[(f64, f64)], level: f64) -> f64 {
    let below = series.iter().rposition(|&(_, y)| y < level);
    let above = below.map_or(0, |below| below + 1);
    series.get(above).map_or(0.0, |&(x, _)| 1.0 - x)
}

/// Of what the second third gains, what the last third does in the same time. The better of two
/// readings: as it is, and without the largest gain of each third, which may be a single step.
fn late_part(late: &[(f64, f64)]) -> f64 {
    let turn = late.iter().take_while(|&&(x, _)| x < 2.0 * WARM_UP).count().max(1);
    let [middle, last] = [&late[..turn], &late[turn - 1..]].map(|points| {
        let span = points[points.len() - 1].0 - points[0].0;
        let (gain, largest) = gains(points);
        [gain / span, (gain - largest) / span]
    });
    let part = |later: f64, before: f64| match later > 0.0 {
        true if before > 0.0 => later / before,
        true => f64::INFINITY,
        false => 0.0,
    };
    part(last[0], middle[0]).max(part(last[1], middle[1]))
}

/// By how much points get higher than all before them: in all, and at most at one of them.
fn gains(points: &[(f64, f64)]) -> (f64, f64) {
    let (mut high, mut gain, mut largest) = (points[0].1, 0.0, 0.0);
    for &(_, y) in points {
        let more = (y - high).max(0.0);
        high += more;
        gain += more;
        largest = more.max(largest);
    }
    (gain, largest)
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
