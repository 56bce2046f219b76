//! The lower envelope of a series: the amounts that it falls back to.

use super::WARM_UP;
use super::sawtooth::Sawtooth;

/// The lower envelope of a series: a few points of about equal weight.
#[derive(Clone, Debug)]
pub(super) struct LowerEnvelope {
    /// All points.
    pub(super) whole: Vec<(f64, f64)>,
    /// The points after the warm-up.
    pub(super) settled: Vec<(f64, f64)>,
    /// True if the points are troughs of a sawtooth.
    pub(super) of_troughs: bool,
}

/// Number of stretches of time in a third of the series.
const STRETCHES: std::ops::RangeInclusive<usize> = 4..=12;
/// Points of the series in a stretch, if there are enough.
const POINTS_PER_STRETCH: usize = 4;
/// Maximum number of troughs. Of more, the lowest in each of this number of stretches is taken.
const TROUGHS_MAX: usize = 72;

impl LowerEnvelope {
    pub(super) fn of(series: &[(f64, f64)], sawtooth: &Sawtooth) -> LowerEnvelope {
        let troughs = sawtooth.troughs();
        let of_troughs = troughs.is_some();
        let whole = match troughs {
            Some(troughs) if troughs.len() > TROUGHS_MAX => lowest(&troughs, TROUGHS_MAX),
            Some(troughs) => troughs,
            None => {
                let stretches = series.len() / POINTS_PER_STRETCH / 3;
                lowest(series, 3 * stretches.clamp(*STRETCHES.start(), *STRETCHES.end()))
            }
        };
        let settled = whole.iter().copied().filter(|&(x, _)| x >= WARM_UP).collect();
        LowerEnvelope { whole, settled, of_troughs }
    }

    /// Rise from the first point of `series` to the end of the envelope.
    pub(super) fn rise(&self, series: &[(f64, f64)]) -> f64 {
        match (series.first(), self.settled.last()) {
            (Some((_, from)), Some((_, to))) => to - from,
            _ => 0.0,
        }
    }
}

/// The lowest point in each of `stretches` equal stretches of time. Of equal points, the first.
fn lowest(series: &[(f64, f64)], stretches: usize) -> Vec<(f64, f64)> {
    let mut lowest: Vec<Option<(f64, f64)>> = vec![None; stretches];
    for &point in series {
        let stretch = ((point.0 * stretches as f64) as usize).min(stretches - 1);
        let low = lowest[stretch].get_or_insert(point);
        if point.1 < low.1 {
            *low = point;
        }
    }
    lowest.into_iter().flatten().collect()
}
