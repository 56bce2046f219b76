//! An estimated number with its confidence interval, and how both are printed.

use std::fmt;

use crate::text::grouped;

/// An estimated number with the ends of its 95 % confidence interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// The number, within the interval.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Estimate {
    /// The same in a unit of which `factor` make up one of the present unit.
    pub fn scaled(self, factor: f64) -> Estimate {
        let Estimate { value, low, high } = self;
        Estimate { value: value * factor, low: low * factor, high: high * factor }
    }

    /// True if zero is outside the interval.
    fn excludes_zero(self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// `12.0 ± 0.2`, or `12.0 [11.8, 12.5]` if the interval is not symmetric. A number below 100 has as
/// many decimals as the precision says (`{:.2}`; without, one), and a greater one has none.
///
/// An interval that excludes zero does so in print too, with more decimals where it needs them.
impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Estimate { value, low, high } = *self;
        let number = |value| Number { value, decimals: f.precision().unwrap_or(1) };
        let shown = number(value);
        // As many decimals as the number has.
        let decimals = if shown.has_decimals() { shown.decimals } else { 0 };
        let [below, above] = [value - low, high - value].map(|value| Number { value, decimals });
        let apart_from_zero = shown.rounded().abs() > below.rounded();
        if below.rounded() == above.rounded() && (apart_from_zero || !self.excludes_zero()) {
            return write!(f, "{shown} ± {below}");
        }
        let [value, low, high] = [value, low, high].map(|end| number(end).visible());
        write!(f, "{value} [{low}, {high}]")
    }
}

/// A number to print.
#[derive(Clone, Copy)]
struct Number {
    value: f64,
    /// Of numbers that are printed as less than 100.
    decimals: usize,
}

impl Number {
    /// Decimals at most: a smaller number is as good as zero.
    const DECIMALS_MAX: usize = 6;

    fn has_decimals(self) -> bool {
        self.decimals > 0 && (self.value.abs() * self.unit()).round() < 100.0 * self.unit()
    }

    /// Steps of the last decimal in one.
    fn unit(self) -> f64 {
        10_f64.powi(self.decimals as i32)
    }

    /// The number that is printed.
    fn rounded(self) -> f64 {
        match self.has_decimals() {
            true => (self.value * self.unit()).round() / self.unit(),
            false => self.value.round(),
        }
    }

    /// With as many more decimals as it needs to differ from zero.
    fn visible(mut self) -> Number {
        while self.value != 0.0 && self.rounded() == 0.0 && self.decimals < Self::DECIMALS_MAX {
            self.decimals += 1;
        }
        self
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = self.rounded();
        // No minus before a zero.
        let sign = if rounded < 0.0 { "-" } else { "" };
        match self.has_decimals() {
            true => write!(f, "{sign}{:.*}", self.decimals, rounded.abs()),
            false => write!(f, "{sign}{}", grouped(rounded.abs() as u64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn printed(value: f64, low: f64, high: f64) -> String {
        Estimate { value, low, high }.to_string()
    }

    #[test]
    fn a_symmetric_interval_has_its_half_width() {
        assert_eq!(printed(12.0, 11.8, 12.2), "12.0 ± 0.2");
        assert_eq!(printed(12.0, 12.0, 12.0), "12.0 ± 0.0");
        assert_eq!(printed(0.0, 0.0, 0.0), "0.0 ± 0.0");
        assert_eq!(printed(0.0, -1.0, 1.0), "0.0 ± 1.0");
        assert_eq!(printed(-12.0, -12.2, -11.8), "-12.0 ± 0.2");
        assert_eq!(printed(1234.0, 1110.6, 1357.4), "1,234 ± 123");
        assert_eq!(printed(99.96, 99.86, 100.06), "100 ± 0");
        // Equal in print.
        assert_eq!(printed(12.0, 11.81, 12.2), "12.0 ± 0.2");
    }

    #[test]
    fn another_interval_has_its_ends() {
        assert_eq!(printed(19.6, 19.3, 20.0), "19.6 [19.3, 20.0]");
        assert_eq!(printed(1234.0, 0.3, 1300.0), "1,234 [0.3, 1,300]");
        assert_eq!(printed(1.0, -0.01, 3.0), "1.0 [-0.01, 3.0]");
    }

    #[test]
    fn an_interval_without_zero_has_none_in_print() {
        assert_eq!(printed(0.14, 0.06, 0.22), "0.1 [0.1, 0.2]");
        assert_eq!(printed(0.05, 0.04, 0.06), "0.1 ± 0.0");
        assert_eq!(printed(0.04, 0.03, 0.05), "0.04 [0.03, 0.1]");
        assert_eq!(printed(1.0, 0.01, 2.0), "1.0 [0.01, 2.0]");
        assert_eq!(printed(-0.04, -0.05, -0.03), "-0.04 [-0.1, -0.03]");
    }

    #[test]
    fn a_precision_is_a_number_of_decimals() {
        let estimate = Estimate { value: 0.934, low: 0.694, high: 0.961 };
        assert_eq!(format!("{estimate:.2}"), "0.93 [0.69, 0.96]");
        assert_eq!(format!("{:.2}", Estimate { value: 1.0, low: 0.98, high: 1.02 }), "1.00 ± 0.02");
    }

    /// The ends of an interval as printed.
    fn ends(text: &str) -> (f64, f64) {
        let number = |text: &str| text.replace(',', "").parse::<f64>().expect("a number");
        if let Some((value, half_width)) = text.split_once(" ± ") {
            let (value, half_width) = (number(value), number(half_width));
            return (value - half_width, value + half_width);
        }
        let (_, interval) = text.split_once(" [").expect("an interval");
        let (low, high) = interval.trim_end_matches(']').split_once(", ").expect("two ends");
        (number(low), number(high))
    }

    proptest! {
        #[test]
        fn the_sign_of_an_interval_is_that_in_print(
            value in -1e6_f64..1e6,
            below in prop_oneof![Just(0.0), 0.0..1.0, 0.0..1e6],
            above in prop_oneof![Just(0.0), 0.0..1.0, 0.0..1e6],
            size in -4_i32..=0,
        ) {
            let scale = 10_f64.powi(size * 2);
            let estimate = Estimate { value, low: value - below, high: value + above }.scaled(scale);
            let text = estimate.to_string();
            let (low, high) = ends(&text);
            if estimate.low > 1e-6 {
                prop_assert!(low > 0.0, "{estimate:?}: {text}");
            }
            if estimate.high < -1e-6 {
                prop_assert!(high < 0.0, "{estimate:?}: {text}");
            }
            prop_assert!(low <= high);
        }
    }
}
