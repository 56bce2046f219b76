//! How fast a row is beside the first: timings are noisy and drift, so only runs of one round,
//! which were made close together, are set against each other.

use serde::Serialize;

use super::{Row, RunSummary};

/// Cycles a second as a part of another row's, over the rounds in which both did all cycles.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// The middle one of the rounds'.
    pub median: f64,
    /// The least of them.
    pub min: f64,
    /// The greatest of them.
    pub max: f64,
    /// How many rounds.
    pub rounds: usize,
}

impl Ratio {
    /// `row` to `first`; `None` where no round has both.
    pub(super) fn of(row: &Row, first: &Row) -> Option<Ratio> {
        let ratios = row.runs.iter().filter_map(|run| {
            let first = first.runs.iter().find(|other| other.round == run.round)?;
            Some(run.whole_rate_per_s()? / first.whole_rate_per_s()?)
        });
        let ratios: Vec<f64> = ratios.collect();
        Some(Ratio {
            median: median(&ratios)?,
            min: ratios.iter().copied().reduce(f64::min)?,
            max: ratios.iter().copied().reduce(f64::max)?,
            rounds: ratios.len(),
        })
    }
}

impl RunSummary {
    /// Cycles a second of a run that did all of them: a part says little of the whole.
    pub(super) fn whole_rate_per_s(&self) -> Option<f64> {
        self.rate_per_s.filter(|rate| self.cycles == self.cycles_asked && *rate > 0.0)
    }
}

/// The middle value, or what lies between the two middle ones.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 100.0]), Some(3.0));
    }
}
