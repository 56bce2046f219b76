//! How fast something grows, as people read it: for a second, a minute, an hour or a day.

use super::Unit;
use crate::trend::Trend;

/// A growth with its confidence interval, in the period that suits it.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// In the unit, for the period.
    amount: f64,
    low: f64,
    high: f64,
    /// After a space, if there is one.
    unit: &'static str,
    period: &'static Period,
}

#[derive(Debug)]
struct Period {
    seconds: f64,
    /// `12.0 a second`.
    words: &'static str,
    /// `12.0/s`.
    short: &'static str,
}

const PERIODS: [Period; 4] = [
    Period { seconds: 1.0, words: "a second", short: "s" },
    Period { seconds: 60.0, words: "a minute", short: "min" },
    Period { seconds: 3_600.0, words: "an hour", short: "h" },
    Period { seconds: 86_400.0, words: "a day", short: "d" },
];

const NO_UNIT: (f64, &str) = (1.0, "");
const BYTES: [(f64, &str); 5] = [
    (1.0, " bytes"),
    (1024.0, " KiB"),
    (1048576.0, " MiB"),
    (1073741824.0, " GiB"),
    (1099511627776.0, " TiB"),
];
/// A unit is taken from just below it, so that what is rounded up to it is told in it.
const NEARLY: f64 = 0.995;

impl Rate {
    /// The rate of a trend, in the period in which it reads best.
    pub fn of(trend: &Trend, unit: Unit) -> Rate {
        // Of the smallest amount that is worth telling, one or more in the period.
        let least = match unit {
            Unit::Count => NEARLY,
            Unit::Bytes => 1_024.0 * NEARLY,
        };
        let enough = |period: &&Period| trend.rate * period.seconds >= least;
        let period = PERIODS.iter().find(enough).unwrap_or(&PERIODS[PERIODS.len() - 1]);
        let amount = trend.rate * period.seconds;
        let &(size, unit) = match unit {
            Unit::Count => &NO_UNIT,
            Unit::Bytes => {
                let fits = BYTES.iter().rev().find(|(size, _)| amount >= size * NEARLY);
                fits.unwrap_or(&BYTES[0])
            }
        };
        let in_unit = |per_s: f64| per_s * period.seconds / size;
        Rate {
            amount: in_unit(trend.rate),
            low: in_unit(trend.ci_low),
            high: in_unit(trend.ci_high),
            unit,
            period,
        }
    }

    /// `12.0 a second (95 % 11.8 to 12.2)`.
    pub fn in_words(&self) -> String {
        let [amount, low, high] = [self.amount, self.low, self.high].map(number);
        format!("{amount}{} {} (95 % {low} to {high})", self.unit, self.period.words)
    }

    /// `+12.0 ± 0.2/s`: the wider side of the interval.
    pub fn in_short(&self) -> String {
        let reach = (self.high - self.amount).max(self.amount - self.low);
        let (amount, reach) = (number(self.amount), number(reach));
        format!("+{amount} ± {reach}{}/{}", self.unit, self.period.short)
    }
}

/// With a decimal while it says something.
fn number(value: f64) -> String {
    if value.abs() < 99.95 {
        return format!("{value:.1}");
    }
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", leakbench_model::text::grouped(value.abs().round() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trend::TrendClass;

    fn rate(rate: f64, reach: f64, unit: Unit) -> Rate {
        let (ci_low, ci_high) = (rate - reach, rate + reach);
        let class = TrendClass::Leak;
        let trend =
            Trend { class, rate, ci_low, ci_high, first: 0.0, last: 1.0, peak: 1.0, span: 60.0 };
        Rate::of(&trend, unit)
    }

    #[test]
    fn rates_are_told_for_the_period_that_suits_them() {
        let told = |value, unit| rate(value, value / 10.0, unit).in_short();
        assert_eq!(told(12.0, Unit::Count), "+12.0 ± 1.2/s");
        assert_eq!(told(0.9999, Unit::Count), "+1.0 ± 0.1/s");
        assert_eq!(told(1234.0, Unit::Count), "+1,234 ± 123/s");
        assert_eq!(told(0.5, Unit::Count), "+30.0 ± 3.0/min");
        assert_eq!(told(0.01, Unit::Count), "+36.0 ± 3.6/h");
        assert_eq!(told(0.0001, Unit::Count), "+8.6 ± 0.9/d");
        assert_eq!(told(0.0, Unit::Count), "+0.0 ± 0.0/d");
        assert_eq!(told(1_500_000.0, Unit::Bytes), "+1.4 ± 0.1 MiB/s");
        assert_eq!(told(1_048_575.9, Unit::Bytes), "+1.0 ± 0.1 MiB/s");
        assert_eq!(told(500.0, Unit::Bytes), "+29.3 ± 2.9 KiB/min");
        let words = rate(12.0, 0.2, Unit::Count).in_words();
        assert_eq!(words, "12.0 a second (95 % 11.8 to 12.2)");
        let words = rate(3_000_000.0, 100_000.0, Unit::Bytes).in_words();
        assert_eq!(words, "2.9 MiB a second (95 % 2.8 to 3.0)");
    }
}
