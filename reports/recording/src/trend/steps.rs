//! Sustained growth of a lower envelope: several steps, without long pauses, until the end.

use super::lower_envelope::LowerEnvelope;
use super::{PAUSE_MAX, WARM_UP};

/// The steps in which a lower envelope rose.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    /// Number of steps during the warm-up.
    early: usize,
    /// Times of the steps after it.
    times: Vec<f64>,
    /// Time without a step at the end.
    last_pause: f64,
    /// Ratio of growth in the last third to growth in the second third.
    late_ratio: f64,
}

/// Minimum size of a step in standard deviations of the noise.
const STEP_SPREADS_MIN: f64 = 0.5;
/// Minimum number of steps. Three may be three objects that the process needs.
const STEPS_MIN: usize = 4;
/// Minimum size of a step, as a part of the growth after the warm-up.
const STEP_MIN: f64 = 1.0 / 20.0;
/// Minimum ratio of growth in the last third to growth in the second third. A series that
/// saturates has less.
const LATE_RATIO_MIN: f64 = 0.4;
/// Maximum ratio of the last pause to the longest pause before it.
const LAST_PAUSE_MAX: f64 = 2.0;
/// A last pause up to this is always allowed.
const LAST_PAUSE_MIN: f64 = 0.15;
/// Minimum time from the first step to the last.
const DURATION_MIN: f64 = 0.25;

impl Steps {
    /// The steps of the lower envelope of `series`.
    pub(super) fn of(
        series: &[(f64, f64)],
        envelope: &LowerEnvelope,
        noise: f64,
        spread: f64,
    ) -> Steps {
        let lasting = lasting(&envelope.whole);
        let settled = lasting.iter().position(|&(x, _)| x >= WARM_UP).unwrap_or(lasting.len());
        let (early, late) = lasting.split_at(settled);
        let mut steps = Steps { early: 0, times: Vec::new(), last_pause: 1.0, late_ratio: 0.0 };
        let Some(&(_, base)) = late.first() else {
            return steps;
        };
        let top = late.iter().fold(base, |high, &(_, y)| high.max(y));
        let growth = top - base;
        if growth > noise && growth > 0.0 {
            let step = (STEP_MIN * growth).max(STEP_SPREADS_MIN * spread);
            steps.times = step_times(late, step);
            steps.early = step_times(early, step).len();
            let last = steps.times.last().zip(late.last());
            steps.last_pause = match last {
                // The next trough after the last one is unknown.
                Some((last, end)) if envelope.of_troughs => end.0 - last,
                _ => last_pause(series, top - step),
            };
            steps.late_ratio = late_ratio(late);
        }
        steps
    }

    /// True if the steps are spread over the time and continue until the end. Those of the warm-up may
    /// count as well.
    pub(super) fn are_sustained(&self, with_early: bool) -> bool {
        let (Some(first), Some(last)) = (self.times.first(), self.times.last()) else {
            return false;
        };
        let pauses = self.times.windows(2).map(|pair| pair[1] - pair[0]);
        let longest = pauses.fold(first - WARM_UP, f64::max);
        let last_pause_max = (LAST_PAUSE_MAX * longest).clamp(LAST_PAUSE_MIN, PAUSE_MAX);
        let early = if with_early { self.early } else { 0 };
        early + self.times.len() >= STEPS_MIN
            && self.times.windows(2).all(|pair| pair[1] - pair[0] < PAUSE_MAX)
            && last - first >= DURATION_MIN
            && self.last_pause < last_pause_max
            && self.late_ratio >= LATE_RATIO_MIN
    }
}

/// Time since the series last rose above `level`.
fn last_pause(series: &[(f64, f64)], level: f64) -> f64 {
    let below = series.iter().rposition(|&(_, y)| y < level);
    let above = below.map_or(0, |below| below + 1);
    series.get(above).map_or(0.0, |&(x, _)| 1.0 - x)
}

/// Ratio of growth in the last third to growth in the second third: the higher of two ratios, with
/// and without the largest gain of each third, which may be a single step.
fn late_ratio(late: &[(f64, f64)]) -> f64 {
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

/// Sum and maximum of the gains over all earlier points.
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

/// Of each point, the minimum of the envelope in the [`PAUSE_MAX`] that follow.
fn lasting(envelope: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let from = envelope.iter().enumerate();
    from.map(|(index, &(x, y))| {
        let soon = envelope[index..].iter().take_while(|&&(later, _)| later - x < PAUSE_MAX);
        (x, soon.fold(y, |low, &(_, y)| low.min(y)))
    })
    .collect()
}

/// Times at which the points are higher by `step` than at the step before.
fn step_times(points: &[(f64, f64)], step: f64) -> Vec<f64> {
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
