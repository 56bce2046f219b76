//! Ratios of rates to the first row. Timings drift, so only runs of one round, which ran close
//! together, are compared.

use serde::Serialize;

use super::{Row, RunSummary};

/// Cycles a second relative to another row, over the rounds in which both completed all cycles.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ratio {
    /// The median over rounds.
    pub median: f64,
    /// The smallest ratio of a round.
    pub min: f64,
    /// The largest ratio of a round.
    pub max: f64,
    /// The number of rounds.
    pub rounds: usize,
}

impl Ratio {
    /// `row` to `first`; `None` if no round has both.
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
    /// Cycles a second of a run that completed its cycles: the rate of a part may differ.
    pub(super) fn whole_rate_per_s(&self) -> Option<f64> {
        self.rate_per_s.filter(|rate| self.cycles == self.cycles_asked && *rate > 0.0)
    }
}

/// The median; the mean of the two middle values if their number is even.
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
