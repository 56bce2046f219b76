//! Whether a series grows without end. Pure statistics over pairs of a time and an amount, for
//! amounts a second of an observed process and objects a cycle of a run alike.
//!
//! What a process *falls back to* is what counts, so a series is reduced to its *floor*: the
//! lowest amount in each of some twenty equal stretches after the warm-up, or, where it is given
//! back again and again, its troughs. A leak is a floor that
//!
//! - rises, by a robust slope (Theil–Sen) whose confidence interval lies above zero;
//! - rises by more than the noise, in several steps, with no pause of a quarter of the series;
//! - still does at the end, and not much slower than before;
//! - ends higher than the series had been before it was last given back.
//!
//! ```text
//!     leak            leak            sawtooth        bounded         flat
//!          ／         ／|  ／|          ／|  ／|  ／    ／￣￣￣￣￣      ＿＿∧＿＿＿
//!       ／         ／|／ |／          ／  |／  |／    ／
//!     ／         ／                                ／
//! ```

mod floor;
mod rises;
mod slope;
mod teeth;

use floor::Floor;
use rises::Rises;
use slope::Slope;
use teeth::Teeth;

/// What a series does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrendClass {
    /// It grows, and still did at the end.
    Leak,
    /// It rose, and then no more.
    Bounded,
    /// It rises and is given back, again and again.
    Sawtooth,
    /// It does not grow.
    Flat,
}

/// What a series does, and how fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// What it does.
    pub class: TrendClass,
    /// How much its floor gains after the warm-up, in units of the amount for one unit of time
    /// (the median of all slopes between two points of the floor).
    pub rate: f64,
    /// The lower end of the interval that has the rate with 95 % confidence, taking what the
    /// points of the floor deviate by as independent.
    pub ci_low: f64,
    /// The upper end.
    pub ci_high: f64,
    /// The first amount.
    pub first: f64,
    /// The last amount.
    pub last: f64,
    /// The highest amount.
    pub peak: f64,
    /// Time from the first point to the last.
    pub span: f64,
}

/// Points that are looked at, at most: of longer series, the first point in each of so many equal
/// stretches of time.
const POINTS_MAX: usize = 512;
/// Part of the time that a process may take to come to its normal state.
const WARM_UP: f64 = 1.0 / 3.0;
/// A growth that pauses for so long has ended. Also how long a process has to fall back.
const PAUSE_MAX: f64 = 0.25;

impl Trend {
    /// Fewer points than these have no trend.
    pub const POINTS_MIN: usize = 20;

    /// The trend of points `(time, amount)`, whose times rise. A growth of `noise` or less is
    /// none. `None` where there are fewer than [`Trend::POINTS_MIN`] points at different times, or
    /// one is not a finite number.
    pub fn of(points: &[(f64, f64)], noise: f64) -> Option<Trend> {
        let finite = points.iter().all(|(x, y)| x.is_finite() && y.is_finite());
        let apart = points.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if points.len() < Self::POINTS_MIN || !finite || !apart {
            return None;
        }
        let (first, last) = (*points.first()?, *points.last()?);
        let peak = points.iter().fold(f64::MIN, |peak, &(_, y)| peak.max(y));
        let span = last.0 - first.0;
        // From here on the time goes from 0 to 1, and amounts begin at 0.
        let scaled: Vec<(f64, f64)> =
            points.iter().map(|&(x, y)| ((x - first.0) / span, y - first.1)).collect();
        let series = thinned(&scaled);
        let spread = spread(&series);
        let noise = noise.max(0.0);
        let teeth = Teeth::of(&series, noise, spread);
        let floor = Floor::of(&series, &teeth);
        let slope = Slope::of(&floor.settled)?;
        let class = class(&series, noise, spread, &teeth, &floor, &slope);
        let per_unit = 1.0 / span;
        Some(Trend {
            class,
            rate: slope.median * per_unit,
            ci_low: slope.low * per_unit,
            ci_high: slope.high * per_unit,
            first: first.1,
            last: last.1,
            peak,
            span,
        })
    }
}

fn class(
    series: &[(f64, f64)],
    noise: f64,
    spread: f64,
    teeth: &Teeth,
    floor: &Floor,
    slope: &Slope,
) -> TrendClass {
    let rises = Rises::of(series, floor, noise.max(teeth.blur()), spread);
    // Troughs say what it falls back to; without them it must have been higher than ever.
    let regained = !floor.of_troughs && Teeth::only_regained(series, noise, spread);
    if slope.rises() && rises.go_on() && !regained {
        TrendClass::Leak
    } else if teeth.again() {
        TrendClass::Sawtooth
    } else if floor.rose_by(series) > noise.max(3.0 * spread) {
        TrendClass::Bounded
    } else {
        TrendClass::Flat
    }
}

/// The series, or the first point in each of [`POINTS_MAX`] equal stretches of time, so that its
/// points are about evenly dense: the lowest of many is lower than the lowest of few.
fn thinned(series: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if series.len() <= POINTS_MAX {
        return series.to_vec();
    }
    let mut last_cell = None;
    let cell = |x: f64| (x * POINTS_MAX as f64) as usize;
    let first_of_cell = |&(x, _): &(f64, f64)| last_cell.replace(cell(x)) != Some(cell(x));
    series.iter().copied().filter(first_of_cell).collect()
}

/// The standard deviation of what is added to each point at random, from the differences of
/// neighbours: a steady rise, or rare jumps and falls, do not count.
fn spread(series: &[(f64, f64)]) -> f64 {
    let mut steps: Vec<f64> = series.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
    let middle = median(&mut steps);
    let mut deviations: Vec<f64> = steps.iter().map(|step| (step - middle).abs()).collect();
    // 1.4826 makes a median absolute deviation a standard deviation; a difference has two errors.
    1.4826 * median(&mut deviations) / std::f64::consts::SQRT_2
}

/// The middle one, or the mean of the two in the middle; 0 of none.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    match values {
        [] => 0.0,
        _ if values.len() % 2 == 1 => values[values.len() / 2],
        _ => f64::midpoint(values[values.len() / 2 - 1], values[values.len() / 2]),
    }
}
