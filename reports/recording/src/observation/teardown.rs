//! The teardown of a process: what it gives back between its last work and its exit.
//!
//! A process that leaks gives everything back when it ends, often over several samples. That part of
//! a series says nothing about the growth before.

/// Maximum duration of a teardown, as a part of the observation. A longer fall is a phase of work.
const DURATION_MAX: f64 = 0.25;

/// Number of leading points before the teardown: those up to the last fall that runs into the end of
/// the series without a rise. All points if there is no such fall, or it lasts too long.
pub(super) fn begin(series: &[(f64, f64)]) -> usize {
    let rises = |pair: &[(f64, f64)]| pair[1].1 > pair[0].1;
    let top = series.windows(2).rposition(rises).map_or(0, |index| index + 1);
    let Some(&(_, high)) = series.get(top) else {
        return series.len();
    };
    // Equal amounts at the top belong to the work.
    let fall = series[top..].iter().position(|&(_, y)| y < high).map(|index| top + index);
    let (Some(fall), Some(first), Some(last)) = (fall, series.first(), series.last()) else {
        return series.len();
    };
    let duration = last.0 - series[fall - 1].0;
    if duration <= DURATION_MAX * (last.0 - first.0) { fall } else { series.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin_of(amounts: &[u32]) -> usize {
        let series: Vec<(f64, f64)> =
            (0u32..).zip(amounts).map(|(x, &y)| (f64::from(x), f64::from(y))).collect();
        begin(&series)
    }

    #[test]
    fn a_fall_into_the_end_is_cut() {
        assert_eq!(begin_of(&[1, 2, 3, 4, 5, 6, 7, 8, 4, 0]), 8);
        assert_eq!(begin_of(&[1, 2, 3, 4, 5, 6, 8, 8, 4, 4]), 8, "equal amounts at the end");
        assert_eq!(begin_of(&[9, 9, 9, 9, 9, 9, 9, 9, 9, 3]), 9);
    }

    #[test]
    fn other_series_are_whole() {
        for whole in [
            &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10][..],
            &[7; 10],
            &[1, 2, 3, 4, 5, 4, 3, 2, 1, 0],
            &[1, 9, 1, 9, 1, 9, 1, 9, 1, 9],
            &[5],
            &[],
        ] {
            assert_eq!(begin_of(whole), whole.len(), "{whole:?}");
        }
    }
}
