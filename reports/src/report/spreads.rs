//! Numbers of several rows with their spread over rounds, and the rates of a comparison as such.

use super::{Chart, Plot, Tone};
use crate::comparison::{Comparison, Kind, Row};
use leakbench_model::text::grouped;

/// Numbers of several rows on one scale.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spreads {
    /// At most [`Spreads::ROWS_MAX`].
    pub rows: Vec<Spread>,
    /// The number of rows that are not shown.
    pub rest: u64,
    /// A number to compare them with: 1 for ratios.
    pub reference: Option<f64>,
    /// True for a logarithmic scale, on which all numbers are positive.
    pub is_logarithmic: bool,
}

/// The numbers of a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spread {
    /// The row's name: `wasmtime@3`.
    pub name: String,
    /// The number of its colour among series.
    pub series: u8,
    /// The number of each round.
    pub rounds: Vec<f64>,
    /// Their median or mean.
    pub middle: f64,
    /// The confidence interval of the mean, if that is known.
    pub interval: Option<(f64, f64)>,
    /// The middle in words: `0.98 [0.93, 1.04], within noise`.
    pub text: String,
}

/// A reference is this far from the ends of its scale at least, as a factor.
const BESIDE_REFERENCE: f64 = 1.02;
/// An interval may widen the scale of the rounds by this factor.
const WIDER_MAX: f64 = 4.0;
/// Space at both ends of a scale, as a share of it.
const MARGIN: f64 = 0.04;
/// Numbers that differ by more than this factor need a logarithmic scale.
const LINEAR_MAX: f64 = 20.0;
/// Ticks of a scale at most.
const TICKS_MAX: usize = 7;

impl Spreads {
    /// Rows at most.
    pub const ROWS_MAX: usize = 40;

    /// The place of a number on the scale, from 0 to 1.
    pub fn share(&self, value: f64) -> f64 {
        let (from, to) = self.ends();
        let share = if self.is_logarithmic {
            (value.max(f64::MIN_POSITIVE) / from).ln() / (to / from).ln()
        } else {
            (value - from) / (to - from)
        };
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Round numbers within the scale.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        let (from, to) = self.ends();
        let steps = |step: f64| {
            let first = (from / step).ceil() as i64;
            (first..first + 2 * TICKS_MAX as i64)
                .map(move |n| n as f64 * step)
                .take_while(move |tick| *tick <= to * (1.0 + 1e-9))
        };
        let ticks: Vec<f64> = if self.is_logarithmic && to / from >= 4.0 {
            let decades = || from.log10().floor() as i32..=to.log10().ceil() as i32;
            let of = |digits: &'static [f64]| {
                let all = decades()
                    .flat_map(move |power| digits.iter().map(move |it| it * 10_f64.powi(power)));
                all.filter(|tick| (from..=to).contains(tick)).collect::<Vec<f64>>()
            };
            let fine = of(&[1.0, 2.0, 5.0]);
            if fine.len() <= TICKS_MAX { fine } else { of(&[1.0]) }
        } else {
            let least = (to - from) / 5.0;
            let power = 10_f64.powf(least.log10().floor());
            let digit = [1.0, 2.0, 5.0, 10.0].into_iter().find(|digit| digit * power >= least);
            steps(digit.unwrap_or(10.0) * power).collect()
        };
        let every = ticks.len().div_ceil(TICKS_MAX).max(1);
        ticks.into_iter().step_by(every).map(|tick| (tick, number(tick))).collect()
    }

    /// The ends of the scale.
    fn ends(&self) -> (f64, f64) {
        // Beyond these, the ends of the scale would not be numbers.
        const USABLE: std::ops::Range<f64> = 1e-300..1e300;
        let usable = |value: &f64| USABLE.contains(value) || *value == 0.0 && !self.is_logarithmic;
        let rounds = self.rows.iter().flat_map(|row| row.rounds.iter().chain([&row.middle]));
        let rounds = || rounds.clone().copied().filter(usable);
        let beside = self.reference.map(|it| [it / BESIDE_REFERENCE, it * BESIDE_REFERENCE]);
        let (low, high) = rounds()
            .chain(beside.into_iter().flatten())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        if low > high {
            return (0.5, 2.0);
        }
        let intervals = || self.rows.iter().filter_map(|row| row.interval);
        let low =
            intervals().map(|it| it.0.max(low / WIDER_MAX)).filter(usable).fold(low, f64::min);
        let high =
            intervals().map(|it| it.1.min(high * WIDER_MAX)).filter(usable).fold(high, f64::max);
        if self.is_logarithmic {
            let margin = (high / low).powf(MARGIN).max(1.0 + 1e-6);
            (low / margin, high * margin)
        } else {
            (0.0, (high * (1.0 + MARGIN)).max(f64::MIN_POSITIVE))
        }
    }
}

/// With as many decimals as it needs: `0.05`, `1`, `2,000`.
fn number(value: f64) -> String {
    if value >= 1_000.0 {
        return grouped(value.round() as u64);
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The rates of a comparison of subjects, and their ratios to the first.
pub(super) fn of_comparison(comparison: &Comparison) -> Vec<Chart> {
    if comparison.kind != Kind::Compare {
        return Vec::new();
    }
    ratios(comparison).into_iter().chain(rates(comparison)).collect()
}

/// The number of a row's colour.
pub(super) fn series_of(index: usize) -> u8 {
    u8::try_from(index % usize::from(u8::MAX)).unwrap_or(0)
}

/// The tone of a row's colour.
pub(super) fn tone_of(index: usize) -> Tone {
    Tone::Series(series_of(index))
}

fn rates(comparison: &Comparison) -> Option<Chart> {
    let spread = |(index, row): (usize, &Row)| {
        let rounds: Vec<f64> = row.rates_per_s().collect();
        let middle = row.rate_per_s()?;
        let median = if rounds.len() > 1 { "median " } else { "" };
        Some(Spread {
            name: row.name.clone(),
            series: series_of(index),
            rounds,
            middle,
            interval: None,
            text: format!("{median}{}", grouped(middle.round() as u64)),
        })
    };
    let rows: Vec<Spread> = comparison.rows.iter().enumerate().filter_map(spread).collect();
    let middles = || rows.iter().map(|row| row.middle);
    let is_logarithmic =
        middles().fold(0.0, f64::max) > LINEAR_MAX * middles().fold(f64::INFINITY, f64::min);
    let reads = match is_logarithmic {
        true => "Each dot is a round, the upright line is the median. The scale is logarithmic.",
        false => "Each dot is a round, the upright line is the median.",
    };
    chart("rates", "Cycles a second", reads.to_owned(), rows, None, is_logarithmic)
}

fn ratios(comparison: &Comparison) -> Option<Chart> {
    let first = comparison.rows.first()?;
    let spread = |(index, row): (usize, &Row)| {
        let ratio = comparison.ratio(index)?;
        Some(Spread {
            name: row.name.clone(),
            series: series_of(index),
            rounds: comparison.ratios_of_rounds(index),
            middle: ratio.mean,
            interval: ratio.ci_low.zip(ratio.ci_high),
            text: ratio.to_string(),
        })
    };
    let rows = comparison.rows.iter().enumerate().skip(1).filter_map(spread).collect();
    let title = format!("Cycles a second, ratio to {}", first.name);
    let reads = "Each dot is a round. The bar is the 95 % confidence interval of the geometric mean: if \
                 it contains 1, the difference is within noise.";
    chart("ratios", &title, reads.to_owned(), rows, Some(1.0), true)
}

fn chart(
    id: &str,
    title: &str,
    reads: String,
    mut rows: Vec<Spread>,
    reference: Option<f64>,
    is_logarithmic: bool,
) -> Option<Chart> {
    let rest = rows.len().saturating_sub(Spreads::ROWS_MAX) as u64;
    rows.truncate(Spreads::ROWS_MAX);
    (!rows.is_empty()).then(|| Chart {
        id: id.to_owned(),
        title: title.to_owned(),
        reads,
        plot: Plot::Spreads(Spreads { rows, rest, reference, is_logarithmic }),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spreads(rounds: &[f64], reference: Option<f64>, is_logarithmic: bool) -> Spreads {
        let row = Spread { rounds: rounds.to_vec(), middle: rounds[0], ..Spread::default() };
        Spreads { rows: vec![row], rest: 0, reference, is_logarithmic }
    }

    #[test]
    fn ticks_are_round_and_include_the_reference() {
        let texts = |it: &Spreads| it.ticks().into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        let ratios = spreads(&[0.04, 0.05], Some(1.0), true);
        assert_eq!(texts(&ratios), ["0.05", "0.1", "0.2", "0.5", "1"]);
        let close = spreads(&[0.93, 1.04], Some(1.0), true);
        assert_eq!(texts(&close), ["0.95", "1"]);
        assert!(close.share(0.93) < close.share(1.0) && close.share(1.0) < close.share(1.04));
        let rates = spreads(&[4_483.0, 3_000.0], None, false);
        assert_eq!(texts(&rates), ["0", "1,000", "2,000", "3,000", "4,000"]);
        assert_eq!(rates.share(0.0), 0.0);
    }

    /// Two rounds have an interval of many decades.
    #[test]
    fn a_wide_interval_does_not_hide_the_rounds() {
        let mut ratios = spreads(&[0.9, 1.1], Some(1.0), true);
        ratios.rows[0].interval = Some((1e-6, 1e6));
        assert!(ratios.share(1.1) - ratios.share(0.9) > 0.05, "{ratios:?}");
        assert_eq!((ratios.share(1e-6), ratios.share(1e6)), (0.0, 1.0));
    }

    proptest! {
        #[test]
        fn every_number_is_on_the_scale(
            rounds in prop::collection::vec(-12.0_f64..12.0, 1..8),
            is_logarithmic: bool,
        ) {
            let rounds: Vec<f64> = rounds.into_iter().map(|power| 10_f64.powf(power)).collect();
            let spreads = spreads(&rounds, Some(1.0), is_logarithmic);
            for &round in &rounds {
                prop_assert!((0.0..=1.0).contains(&spreads.share(round)));
            }
            let ticks = spreads.ticks();
            prop_assert!(ticks.len() <= TICKS_MAX, "{ticks:?}");
            let mut sorted = rounds.clone();
            sorted.sort_by(f64::total_cmp);
            prop_assert!(sorted.windows(2).all(|it| spreads.share(it[0]) <= spreads.share(it[1])));
        }
    }
}
