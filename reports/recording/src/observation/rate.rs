//! A rate of growth in words, with a suitable period: a second, a minute, an hour or a day.

use leakbench_model::Unit;

use crate::trend::Trend;

/// A rate with its confidence interval, in a suitable period.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// In the unit, per period.
    amount: f64,
    low: f64,
    high: f64,
    /// With a leading space, unless empty.
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
/// A unit applies from just below it, because the number is rounded up.
const NEARLY: f64 = 0.995;

impl Rate {
    /// The rate of a trend in the shortest period in which it is at least one.
    pub fn of(trend: &Trend, unit: Unit) -> Rate {
        let min = match unit {
            Unit::Count => NEARLY,
            Unit::Bytes => 1_024.0 * NEARLY,
        };
        let enough = |period: &&Period| trend.rate * period.seconds >= min;
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
    pub(crate) fn in_words(&self) -> String {
        let [amount, low, high] = [self.amount, self.low, self.high].map(number);
        format!("{amount}{} {} (95 % {low} to {high})", self.unit, self.period.words)
    }

    /// `+12.0 ± 0.2/s`, with the wider side of the interval.
    pub fn in_short(&self) -> String {
        let half_width = (self.high - self.amount).max(self.amount - self.low);
        let (amount, half_width) = (number(self.amount), number(half_width));
        format!("+{amount} ± {half_width}{}/{}", self.unit, self.period.short)
    }
}

/// With one decimal below 100.
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

    fn rate(rate: f64, half_width: f64, unit: Unit) -> Rate {
        let (ci_low, ci_high) = (rate - half_width, rate + half_width);
        let class = TrendClass::Leak;
        let trend =
            Trend { class, rate, ci_low, ci_high, first: 0.0, last: 1.0, peak: 1.0, span: 60.0 };
        Rate::of(&trend, unit)
    }

    #[test]
    fn rates_have_a_suitable_period() {
        let short = |value, unit| rate(value, value / 10.0, unit).in_short();
        assert_eq!(short(12.0, Unit::Count), "+12.0 ± 1.2/s");
        assert_eq!(short(0.9999, Unit::Count), "+1.0 ± 0.1/s");
        assert_eq!(short(1234.0, Unit::Count), "+1,234 ± 123/s");
        assert_eq!(short(0.5, Unit::Count), "+30.0 ± 3.0/min");
        assert_eq!(short(0.01, Unit::Count), "+36.0 ± 3.6/h");
        assert_eq!(short(0.0001, Unit::Count), "+8.6 ± 0.9/d");
        assert_eq!(short(0.0, Unit::Count), "+0.0 ± 0.0/d");
        assert_eq!(short(1_500_000.0, Unit::Bytes), "+1.4 ± 0.1 MiB/s");
        assert_eq!(short(1_048_575.9, Unit::Bytes), "+1.0 ± 0.1 MiB/s");
        assert_eq!(short(500.0, Unit::Bytes), "+29.3 ± 2.9 KiB/min");
        let words = rate(12.0, 0.2, Unit::Count).in_words();
        assert_eq!(words, "12.0 a second (95 % 11.8 to 12.2)");
        let words = rate(3_000_000.0, 100_000.0, Unit::Bytes).in_words();
        assert_eq!(words, "2.9 MiB a second (95 % 2.8 to 3.0)");
    }
}
