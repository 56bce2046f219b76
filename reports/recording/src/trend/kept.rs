//! Growth that was kept: it lasted for most of the time, and nearly nothing was given back.

/// Growth from the first point of a series to the last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    /// The growth.
    rise: f64,
    /// The deepest fall from an earlier peak.
    fall: f64,
    /// Part of the time in which half of the growth had happened.
    half: f64,
    /// Part of the time in which nearly all of it had happened.
    pub(super) end: f64,
}

/// Part of the growth that is nearly all of it.
const NEARLY_ALL: f64 = 0.9;
/// Minimum part of the time for half of the growth. A process that starts grows faster.
const HALF_MIN: f64 = 0.2;
/// Minimum part of the time for growth that lasts for most of it.
const END_MIN: f64 = 0.5;
/// Maximum part of the growth that was given back.
const FALL_MAX: f64 = 0.25;
/// Maximum part of the growth given back, for growth that counts as steps upwards only.
const NO_FALL: f64 = 0.1;
/// Minimum deviations of growth without falls. Three equal steps have 1.73.
const DEVIATIONS_MIN: f64 = 1.7;
/// Minimum deviations of growth with falls. One in 100 series without drift has more.
const DEVIATIONS_MIN_WITH_FALLS: f64 = 2.3;

impl Kept {
    /// The growth of a series.
    pub(crate) fn of(series: &[(f64, f64)]) -> Kept {
        let (Some(&(from, first)), Some(&(until, last))) = (series.first(), series.last()) else {
            return Kept { rise: 0.0, fall: 0.0, half: 0.0, end: 0.0 };
        };
        let rise = last - first;
        let (mut peak, mut fall) = (first, 0.0f64);
        for &(_, y) in series {
            peak = peak.max(y);
            fall = fall.max(peak - y);
        }
        let half = series.iter().find(|(_, y)| y - first >= 0.5 * rise);
        let end = series.iter().rfind(|(_, y)| y - first < NEARLY_ALL * rise);
        let part = |point: Option<&(f64, f64)>| {
            point
                .map_or(0.0, |&(x, _)| if until > from { (x - from) / (until - from) } else { 0.0 })
        };
        Kept { rise, fall, half: part(half), end: part(end) }
    }

    /// True if nearly none of the growth was given back.
    pub(crate) fn is_without_falls(&self) -> bool {
        self.fall <= NO_FALL * self.rise
    }

    /// True if the process may be leaking: neither a bound nor chance explains the growth.
    pub(super) fn may_be_a_leak(&self, noise: f64, deviations: f64) -> bool {
        let min = if self.is_without_falls() { DEVIATIONS_MIN } else { DEVIATIONS_MIN_WITH_FALLS };
        self.rise > noise
            && self.fall <= FALL_MAX * self.rise
            && self.half >= HALF_MIN
            && self.end >= END_MIN
            && deviations >= min
    }
}
