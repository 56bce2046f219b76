//! How fast something grows, as people read it: for a second, a minute, an hour or a day.

use super::Unit;
use crate::trend::Trend;

/// A growth with its confidence interval, in the period that suits it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    unit: Unit,
    period: &'static Period,
    per_s: f64,
    low_per_s: f64,
    high_per_s: f64,
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

impl Rate {
    pub(crate) fn of(trend: &Trend, unit: Unit) -> Rate {
        // Of a resource's smallest amount that is worth telling, one or more in the period.
        let least = match unit {
            Unit::Count => 1.0,
            Unit::Bytes => 1_024.0,
        };
        let enough = |period: &&Period| trend.rate * period.seconds >= least;
        Rate {
            unit,
            period: PERIODS.iter().find(enough).unwrap_or(&PERIODS[PERIODS.len() - 1]),
            per_s: trend.rate,
            low_per_s: trend.ci_low,
            high_per_s: trend.ci_high,
        }
    }

    /// `12.0 a second (95 % 11.8 to 12.2)`.
    pub(crate) fn in_words(&self) -> String {
        let [rate, low, high] = [self.per_s, self.low_per_s, self.high_per_s].map(|v| self.text(v));
        // The interval is in the rate's unit wherever that is the same.
        let low = match (low.split_once(' '), rate.split_once(' ')) {
            (Some((number, unit)), Some((_, of_rate))) if unit == of_rate => number.to_owned(),
            _ => low,
        };
        format!("{rate} {} (95 % {low} to {high})", self.period.words)
    }

    /// `+12.0/s ± 0.2`: the wider side of the interval.
    pub(crate) fn in_short(&self) -> String {
        let reach = (self.high_per_s - self.per_s).max(self.per_s - self.low_per_s);
        format!("+{}/{} ± {}", self.text(self.per_s), self.period.short, self.text(reach))
    }

    fn text(&self, per_s: f64) -> String {
        let amount = per_s * self.period.seconds;
        match self.unit {
            Unit::Count => number(amount),
            Unit::Bytes => {
                const UNITS: [(f64, &str); 5] = [
                    (1.0, "bytes"),
                    (1024.0, "KiB"),
                    (1048576.0, "MiB"),
                    (1073741824.0, "GiB"),
                    (1099511627776.0, "TiB"),
                ];
                let fits = UNITS.iter().rev().find(|(size, _)| amount.abs() >= *size);
                let (size, name) = fits.unwrap_or(&UNITS[0]);
                format!("{} {name}", number(amount / size))
            }
        }
    }
}

/// With a decimal while it says something.
fn number(value: f64) -> String {
    if value.abs() < 99.95 {
        return format!("{value:.1}");
    }
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", crate::words::grouped(value.abs().round() as u64))
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
        assert_eq!(told(12.0, Unit::Count), "+12.0/s ± 1.2");
        assert_eq!(told(1234.0, Unit::Count), "+1,234/s ± 123");
        assert_eq!(told(0.5, Unit::Count), "+30.0/min ± 3.0");
        assert_eq!(told(0.01, Unit::Count), "+36.0/h ± 3.6");
        assert_eq!(told(0.0001, Unit::Count), "+8.6/d ± 0.9");
        assert_eq!(told(0.0, Unit::Count), "+0.0/d ± 0.0");
        assert_eq!(told(1_500_000.0, Unit::Bytes), "+1.4 MiB/s ± 146 KiB");
        assert_eq!(told(500.0, Unit::Bytes), "+29.3 KiB/min ± 2.9 KiB");
        let words = rate(12.0, 0.2, Unit::Count).in_words();
        assert_eq!(words, "12.0 a second (95 % 11.8 to 12.2)");
        let words = rate(3_000_000.0, 100_000.0, Unit::Bytes).in_words();
        assert_eq!(words, "2.9 MiB a second (95 % 2.8 to 3.0 MiB)");
    }
}
