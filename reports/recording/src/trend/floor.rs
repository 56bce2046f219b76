//! What a series falls back to.

use super::WARM_UP;
use super::teeth::Teeth;

/// The floor of a series: few points, of about equal weight.
#[derive(Clone, Debug)]
pub(super) struct Floor {
    /// All of it.
    pub(super) whole: Vec<(f64, f64)>,
    /// What is after the warm-up.
    pub(super) settled: Vec<(f64, f64)>,
    /// Whether they are troughs.
    pub(super) of_troughs: bool,
}

/// Stretches of time that a third of the series is divided into.
const STRETCHES: std::ops::RangeInclusive<usize> = 4..=12;
/// Points of the series in a stretch, if there are enough.
const POINTS_A_STRETCH: usize = 4;
/// Troughs that are taken as they are; of more, the lowest in each of so many stretches.
const TROUGHS_MAX: usize = 72;

impl Floor {
    pub(super) fn of(series: &[(f64, f64)], teeth: &Teeth) -> Floor {
        let troughs = teeth.troughs();
        let of_troughs = troughs.is_some();
        let whole = match troughs {
            Some(troughs) if troughs.len() > TROUGHS_MAX => lowest(&troughs, TROUGHS_MAX),
            Some(troughs) => troughs,
            None => {
                let stretches = series.len() / POINTS_A_STRETCH / 3;
                lowest(series, 3 * stretches.clamp(*STRETCHES.start(), *STRETCHES.end()))
            }
        };
        let settled = whole.iter().copied().filter(|&(x, _)| x >= WARM_UP).collect();
        Floor { whole, settled, of_troughs }
    }

    /// How much higher the end of it is than the beginning of `series`.
    pub(super) fn rose_by(&self, series: &[(f64, f64)]) -> f64 {
        match (series.first(), self.settled.last()) {
            (Some((_, from)), Some((_, to))) => to - from,
            _ => 0.0,
        }
    }
}

/// The lowest point in each of `stretches` equal stretches of time, the first of several.
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
