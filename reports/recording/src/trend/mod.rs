//! The trend of a series: whether it grows without bound. Pure statistics over pairs of a time and
//! an amount: amounts over seconds of an observed process, or over the cycles of a run.
//!
//! Peaks do not matter, only the amounts that a process falls back to. So a series is reduced to
//! its *lower envelope*: the lowest amount in each of some twenty equal stretches after the
//! warm-up or, of a sawtooth, its troughs. The series is a leak if the envelope
//!
//! - rises, by a robust slope (Theil–Sen) whose confidence interval is above zero;
//! - rises by more than the noise, in several steps, without a pause of a quarter of the time;
//! - still rises at the end, and not much slower than before;
//! - ends higher than the series was before its last fall;
//! - rises more than chance explains if each sample resembles the one before.
//!
//! Growth that lasted for most of the time and was kept, but lacks one of these, is inconclusive.
//!
//! ```text
//!     leak            leak            sawtooth        bounded         flat
//!          ／         ／|  ／|          ／|  ／|  ／    ／￣￣￣￣￣      ＿＿∧＿＿＿
//!       ／         ／|／ |／          ／  |／  |／    ／
//!     ／         ／                                ／
//! ```

mod drift;
mod kept;
mod lower_envelope;
mod sawtooth;
mod slope;
mod steps;

pub(crate) use kept::Kept;
use leakbench_model::Estimate;
use lower_envelope::LowerEnvelope;
use sawtooth::Sawtooth;
use slope::Slope;
use steps::Steps;

/// The class of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrendClass {
    /// It grows until the end.
    Leak,
    /// It rose and then stopped.
    Bounded,
    /// It rises and falls repeatedly.
    Sawtooth,
    /// It does not grow.
    Flat,
    /// It grew for most of the time. But chance explains growth of this size, or it may have reached
    /// its bound. [`Trend::decisive_span`] would decide.
    Inconclusive,
}

/// Class and rate of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// The class.
    pub class: TrendClass,
    /// Slope of the lower envelope after the warm-up, in units of the amount for one unit of time:
    /// the median of all slopes between two of its points. Its interval assumes that the deviations
    /// of the points are independent.
    pub rate: Estimate,
    /// The line of that slope through the middle of its points: the time from which it was fitted,
    /// and a point on it.
    pub line: Line,
    /// The first amount.
    pub first: f64,
    /// The last amount.
    pub last: f64,
    /// The highest amount.
    pub peak: f64,
    /// Time of the first point.
    pub begin: f64,
    /// Time from the first point to the last.
    pub span: f64,
    /// Span after which the series would probably be decided; `None` if it is.
    pub decisive_span: Option<f64>,
}

/// Where a line of a [`Trend`] lies. Its slope is [`Trend::rate`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Time of the first point that it was fitted to.
    pub from: f64,
    /// The middle of the times of its points.
    pub time: f64,
    /// Its amount at that time.
    pub amount: f64,
}

/// Maximum number of points. A longer series is reduced to the first point in each of this number
/// of equal stretches of time.
const POINTS_MAX: usize = 512;
/// Part of the time that a process may need to reach its normal state.
pub(crate) const WARM_UP: f64 = 1.0 / 3.0;
/// Part of the time in which a process takes what it always has.
const START_UP: f64 = 0.1;
/// Minimum deviations of a leak. One in 700 series without drift has more.
const DEVIATIONS_MIN: f64 = 3.0;
/// Minimum deviations of troughs. Troughs depend less on each other than samples do.
const DEVIATIONS_MIN_OF_TROUGHS: f64 = 2.5;
/// Ratio of the rise in the warm-up to the rise after it, above which the warm-up is no evidence.
const WARM_UP_RISE: f64 = 0.75;
/// The same ratio, above which the steps of the warm-up are not those of a leak.
const WARM_UP_RISE_OF_STEPS: f64 = 2.0;
/// Factor between the time that decides on average, and the time that is advised.
const MARGIN: f64 = 1.25;
/// Growth with a longer pause has ended. Also the maximum time between two troughs.
const PAUSE_MAX: f64 = 0.25;

impl Trend {
    /// Time of the last point.
    pub fn end(&self) -> f64 {
        self.begin + self.span
    }

    /// Minimum number of points of a trend.
    pub const POINTS_MIN: usize = 20;

    /// The trend of points `(time, amount)` with rising times. Growth up to `noise` is ignored.
    /// `None` for fewer than [`Trend::POINTS_MIN`] points, equal times, or numbers that are not
    /// finite.
    pub fn of(points: &[(f64, f64)], noise: f64) -> Option<Trend> {
        let finite = points.iter().all(|(x, y)| x.is_finite() && y.is_finite());
        let apart = points.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if points.len() < Self::POINTS_MIN || !finite || !apart {
            return None;
        }
        let (first, last) = (*points.first()?, *points.last()?);
        let peak = points.iter().fold(f64::MIN, |peak, &(_, y)| peak.max(y));
        let span = last.0 - first.0;
        // From here on times range from 0 to 1, and amounts begin at 0.
        let scaled: Vec<(f64, f64)> =
            points.iter().map(|&(x, y)| ((x - first.0) / span, y - first.1)).collect();
        let series = thinned(&scaled);
        let spread = spread(&series);
        let noise = noise.max(0.0);
        let sawtooth = Sawtooth::of(&series, noise, spread);
        let envelope = LowerEnvelope::of(&series, &sawtooth);
        let slope = Slope::of(&envelope.settled)?;
        let deviations = deviations(&series, &envelope);
        let kept = Kept::of(&series);
        // A step at the start must not hide what follows.
        let started = Kept::of(&series[series.partition_point(|&(x, _)| x < START_UP)..]);
        let class = match class(&series, noise, spread, &sawtooth, &envelope, &slope) {
            TrendClass::Leak if deviations >= deviations_min(&envelope) => TrendClass::Leak,
            TrendClass::Leak => TrendClass::Inconclusive,
            _ if kept.may_be_a_leak(noise, deviations)
                || started.may_be_a_leak(noise, deviations) =>
            {
                TrendClass::Inconclusive
            }
            class => class,
        };
        let decisive = || span * decisive_factor(deviations, &kept);
        Some(Trend {
            class,
            rate: slope.estimate.scaled(1.0 / span),
            line: Line {
                from: first.0 + span * slope.from,
                time: first.0 + span * slope.middle.0,
                amount: first.1 + slope.middle.1,
            },
            first: first.1,
            last: last.1,
            peak,
            begin: first.0,
            span,
            decisive_span: (class == TrendClass::Inconclusive).then(decisive),
        })
    }
}

/// Deviations by which the series, or its troughs, rise. If most of the rise was in the warm-up, the
/// rest must be as significant by itself.
fn deviations(series: &[(f64, f64)], envelope: &LowerEnvelope) -> f64 {
    let points = if envelope.of_troughs { &envelope.whole } else { series };
    let amounts: Vec<f64> = points.iter().map(|&(_, y)| y).collect();
    let whole = drift::deviations(&amounts);
    match rises_in_warm_up(points, WARM_UP_RISE) {
        true => whole.min(drift::deviations(&amounts[settled(points)..])),
        false => whole,
    }
}

/// Index of the first point after the warm-up.
fn settled(points: &[(f64, f64)]) -> usize {
    points.partition_point(|&(x, _)| x < WARM_UP)
}

/// True if points rise in the warm-up by more than `ratio` times their rise after it. Then it is no
/// evidence of what follows.
fn rises_in_warm_up(points: &[(f64, f64)], ratio: f64) -> bool {
    let turn = points.get(settled(points));
    match (points.first(), turn, points.last()) {
        (Some(first), Some(turn), Some(last)) => turn.1 - first.1 > ratio * (last.1 - turn.1),
        _ => false,
    }
}

/// Minimum deviations of a leak.
fn deviations_min(envelope: &LowerEnvelope) -> f64 {
    if envelope.of_troughs { DEVIATIONS_MIN_OF_TROUGHS } else { DEVIATIONS_MIN }
}

/// Ratio of the span that decides to the present one: deviations grow by the square root of time,
/// and growth that stopped must have stopped for most of the time.
fn decisive_factor(deviations: f64, kept: &Kept) -> f64 {
    let chance = (DEVIATIONS_MIN / deviations.max(1.0)).powi(2);
    chance.max(2.0 * kept.end).max(1.0) * MARGIN
}

/// The class of a series, as if its points were independent.
fn class(
    series: &[(f64, f64)],
    noise: f64,
    spread: f64,
    sawtooth: &Sawtooth,
    envelope: &LowerEnvelope,
    slope: &Slope,
) -> TrendClass {
    let steps = Steps::of(series, envelope, noise.max(sawtooth.sampling_error()), spread);
    // Without troughs, the series must exceed its earlier peak.
    let may_fall_again =
        !envelope.of_troughs && Sawtooth::is_below_earlier_peak(series, noise, spread);
    let is_sustained =
        steps.are_sustained(!rises_in_warm_up(&envelope.whole, WARM_UP_RISE_OF_STEPS));
    if slope.rises() && is_sustained && !may_fall_again {
        TrendClass::Leak
    } else if sawtooth.repeats() {
        TrendClass::Sawtooth
    } else if envelope.rise(series) > noise.max(3.0 * spread) {
        TrendClass::Bounded
    } else {
        TrendClass::Flat
    }
}

/// Reduces a series to [`POINTS_MAX`] points. They must be about evenly dense, because the minimum
/// of many points is lower than that of few.
fn thinned(series: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if series.len() <= POINTS_MAX {
        return series.to_vec();
    }
    let mut last_cell = None;
    let cell = |x: f64| (x * POINTS_MAX as f64) as usize;
    let first_of_cell = |&(x, _): &(f64, f64)| last_cell.replace(cell(x)) != Some(cell(x));
    series.iter().copied().filter(first_of_cell).collect()
}

/// Standard deviation of the noise, estimated from the differences of neighbours. Steady growth and
/// rare jumps do not contribute.
fn spread(series: &[(f64, f64)]) -> f64 {
    let mut steps: Vec<f64> = series.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
    let middle = median(&mut steps);
    let mut deviations: Vec<f64> = steps.iter().map(|step| (step - middle).abs()).collect();
    // The factor converts a median absolute deviation into a standard deviation. A difference has
    // two errors.
    1.4826 * median(&mut deviations) / std::f64::consts::SQRT_2
}

/// The median; 0 without values.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    match values {
        [] => 0.0,
        _ if values.len() % 2 == 1 => values[values.len() / 2],
        _ => f64::midpoint(values[values.len() / 2 - 1], values[values.len() / 2]),
    }
}
