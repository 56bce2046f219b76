//! A rate of growth in words: over time in a suitable period (a second, a minute, an hour or a day),
//! or over cycles.

use leakbench_model::{Estimate, Unit};

/// A rate of growth with its confidence interval, in a suitable unit and period.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// In the unit, per period.
    amount: Estimate,
    /// With a leading space, unless empty.
    unit: &'static str,
    period: &'static Period,
}

#[derive(Debug)]
struct Period {
    /// In seconds, or in cycles.
    length: f64,
    /// `12.0 a second`.
    words: &'static str,
    /// `12.0/s`.
    short: &'static str,
}

/// Periods of time, the shortest first.
const TIMES: [Period; 4] = [
    Period { length: 1.0, words: "a second", short: "s" },
    Period { length: 60.0, words: "a minute", short: "min" },
    Period { length: 3_600.0, words: "an hour", short: "h" },
    Period { length: 86_400.0, words: "a day", short: "d" },
];

const CYCLES: Period = Period { length: 1_000.0, words: "per 1,000 cycles", short: "1,000 cycles" };

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
    /// A rate per second, in the shortest period in which it is at least one.
    pub fn over_time(per_second: Estimate, unit: Unit) -> Rate {
        let min = match unit {
            Unit::Count => NEARLY,
            Unit::Bytes => 1_024.0 * NEARLY,
        };
        let enough = |period: &&Period| per_second.value.abs() * period.length >= min;
        let period = TIMES.iter().find(enough).unwrap_or(&TIMES[TIMES.len() - 1]);
        Rate::per(period, per_second, unit)
    }

    /// A rate per cycle, in 1,000 cycles.
    pub fn over_cycles(per_cycle: Estimate, unit: Unit) -> Rate {
        Rate::per(&CYCLES, per_cycle, unit)
    }

    fn per(period: &'static Period, rate: Estimate, unit: Unit) -> Rate {
        let rate = rate.scaled(period.length);
        let &(size, unit) = match unit {
            Unit::Count => &NO_UNIT,
            Unit::Bytes => {
                let fits = BYTES.iter().rev().find(|(size, _)| rate.value.abs() >= size * NEARLY);
                fits.unwrap_or(&BYTES[0])
            }
        };
        Rate { amount: rate.scaled(1.0 / size), unit, period }
    }

    /// The amount in its period: `12.0 ± 0.2`, `2.9 [2.8, 3.1] MiB`.
    pub fn amount(&self) -> String {
        format!("{}{}", self.amount, self.unit)
    }

    /// `12.0 ± 0.2 a second (95 % CI)`.
    pub fn in_words(&self) -> String {
        format!("{} {} (95 % CI)", self.amount(), self.period.words)
    }

    /// `12.0 a second`: of a rate whose interval is unknown.
    pub fn value_in_words(&self) -> String {
        format!("{:.1}{} {}", self.amount.value, self.unit, self.period.words)
    }

    /// `+12.0 ± 0.2/s`.
    pub fn in_short(&self) -> String {
        format!("+{}/{}", self.amount(), self.period.short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(value: f64, half_width: f64) -> Estimate {
        Estimate { value, low: value - half_width, high: value + half_width }
    }

    #[test]
    fn rates_have_a_suitable_period() {
        let short = |value, unit| Rate::over_time(estimate(value, value / 10.0), unit).in_short();
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
        let words = |rate, unit| Rate::over_time(rate, unit).in_words();
        assert_eq!(words(estimate(12.0, 0.2), Unit::Count), "12.0 ± 0.2 a second (95 % CI)");
        let rate = Estimate { high: 3_500_000.0, ..estimate(3_000_000.0, 100_000.0) };
        assert_eq!(words(rate, Unit::Bytes), "2.9 [2.8, 3.3] MiB a second (95 % CI)");
    }

    #[test]
    fn rates_over_cycles_are_per_thousand() {
        let words = |rate, unit| Rate::over_cycles(rate, unit).in_words();
        assert_eq!(
            words(estimate(3.0, 0.01), Unit::Count),
            "3,000 ± 10 per 1,000 cycles (95 % CI)"
        );
        assert_eq!(
            words(estimate(-2_048.0, 102.4), Unit::Bytes),
            "-2.0 ± 0.1 MiB per 1,000 cycles (95 % CI)"
        );
    }
}
