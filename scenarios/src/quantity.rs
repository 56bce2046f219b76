//! Numbers with units, as flags and scenario files take them: counts (`10k`, `1M`, `10_000`), times
//! (`250ms`, `1.5s`, `2m`) and sizes (`64KiB`). Every number of the command line is parsed here.

use std::num::NonZeroU64;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The units of one kind of quantity.
pub(crate) struct Units {
    /// The quantity, with examples: `a whole number, such as 3000, 10_000, 10k or 1M`.
    pub(crate) what: &'static str,
    /// Each unit in the smallest one.
    units: &'static [(&'static str, u64)],
}

pub(crate) const COUNT: Units = Units {
    what: "a whole number, such as 3000, 10_000, 10k or 1M",
    units: &[("k", 1_000), ("K", 1_000), ("M", 1_000_000), ("G", 1_000_000_000)],
};

/// In ns.
pub(crate) const TIME: Units = Units {
    what: "a time, such as 250ms, 1.5s, 2m, 8h or 1d",
    units: &[
        ("ms", NS_PER_MS),
        ("s", NS_PER_S),
        ("m", 60 * NS_PER_S),
        ("h", 3_600 * NS_PER_S),
        ("d", 86_400 * NS_PER_S),
    ],
};

pub(crate) const BYTES: Units = Units {
    what: "a number of bytes, such as 4096 or 64KiB",
    units: &[
        ("B", 1),
        ("K", 1 << 10),
        ("k", 1 << 10),
        ("KiB", 1 << 10),
        ("M", 1 << 20),
        ("MiB", 1 << 20),
        ("G", 1 << 30),
        ("GiB", 1 << 30),
    ],
};

const NS_PER_MS: u64 = 1_000_000;
const NS_PER_S: u64 = 1_000_000_000;

impl Units {
    /// Parses a number and its unit; a number alone is in units of `bare`. The result is in the
    /// smallest unit.
    ///
    /// # Errors
    /// In words: the text is no such quantity, or is not a whole number of the smallest unit.
    fn parse(&self, text: &str, bare: u64) -> Result<u128, String> {
        self.parsed(text, bare).ok_or_else(|| format!("expected {}", self.what))
    }

    fn parsed(&self, text: &str, bare: u64) -> Option<u128> {
        let is_number = |c: char| c.is_ascii_digit() || c == '_' || c == '.';
        let (number, unit) = text.split_at(text.find(|c| !is_number(c)).unwrap_or(text.len()));
        let scale = match unit.trim_start() {
            "" => bare,
            unit => self.units.iter().find(|(name, _)| *name == unit)?.1,
        };
        let number = number.replace('_', "");
        let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
        let digits = whole.to_owned() + fraction;
        // Exact, since floating point would make 0.3k cycles into 299. Leading zeroes are no octal.
        let value = digits.parse::<u128>().ok()?.checked_mul(scale.into())?;
        let divisor = 10_u128.checked_pow(fraction.len().try_into().ok()?)?;
        value.is_multiple_of(divisor).then_some(value / divisor)
    }

    /// As [`Units::parse`], but for quantities without a bare unit of their own.
    pub(crate) fn parse_u64(&self, text: &str) -> Result<u64, String> {
        let too_large = |_| format!("at most {}", u64::MAX);
        self.parse(text, 1)?.try_into().map_err(too_large)
    }
}

/// Parses a count: `3000`, `10_000`, `10k`, `1.5M`.
///
/// # Errors
/// In words: the text is no whole number.
pub fn parse_count(text: &str) -> Result<u64, String> {
    COUNT.parse_u64(text)
}

/// Parses a time: `250ms`, `1.5s`, `2m`, `8h`, `1d`; a bare number is in seconds.
///
/// # Errors
/// In words: the text is no time, or is too long.
pub fn parse_time(text: &str) -> Result<Duration, String> {
    duration(TIME.parse(text, NS_PER_S)?)
}

fn duration(ns: u128) -> Result<Duration, String> {
    let per_s = u128::from(NS_PER_S);
    let seconds = u64::try_from(ns / per_s).map_err(|_| "the time is too long".to_owned())?;
    // A remainder is less than a second.
    Ok(Duration::new(seconds, (ns % per_s) as u32))
}

/// `text` in whole units of `unit_ns`, which is also the unit of a bare number.
fn parse_whole(text: &str, unit_ns: u64, unit: &str) -> Result<u64, String> {
    let (ns, unit_ns) = (TIME.parse(text, unit_ns)?, u128::from(unit_ns));
    if !ns.is_multiple_of(unit_ns) {
        return Err(format!("expected a whole number of {unit}"));
    }
    (ns / unit_ns).try_into().map_err(|_| "the time is too long".to_owned())
}

/// A time in whole ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// The time.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// Parses a time; a bare number is in ms.
    pub(crate) fn parse(text: &str) -> Result<Millis, String> {
        parse_whole(text, NS_PER_MS, "ms").map(Millis)
    }
}

/// A time of at least one second, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seconds(pub NonZeroU64);

impl Seconds {
    /// The time.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0.get())
    }

    /// Parses a time; a bare number is in seconds.
    pub(crate) fn parse(text: &str) -> Result<Seconds, String> {
        at_least_one(parse_whole(text, NS_PER_S, "seconds")?).map(Seconds)
    }
}

/// `number`, unless it is 0.
pub(crate) fn at_least_one(number: u64) -> Result<NonZeroU64, String> {
    NonZeroU64::new(number).ok_or_else(|| "must be at least 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_decimal_units() {
        for (text, count) in [
            ("0", 0),
            ("007", 7),
            ("3000", 3_000),
            ("10_000", 10_000),
            ("10k", 10_000),
            ("10K", 10_000),
            ("1M", 1_000_000),
            ("1.5M", 1_500_000),
            (".3k", 300),
            ("2G", 2_000_000_000),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse_count(text), Ok(count), "{text}");
        }
        for text in ["", "k", ".", "_", "1.5", "1.2345k", "-1", "+1", "1e3", "10KiB", "10x", "1k2"]
        {
            assert_eq!(parse_count(text), Err(format!("expected {}", COUNT.what)), "{text}");
        }
        let too_large = Err("at most 18446744073709551615".to_owned());
        assert_eq!(parse_count("18446744073709551616"), too_large);
        assert_eq!(parse_count("18446744073709551615G"), too_large);
        assert!(parse_count(&"9".repeat(60)).is_err());
    }

    #[test]
    fn times_have_units_and_bare_numbers_are_seconds() {
        for (text, ms) in [
            ("500ms", 500),
            ("1s", 1_000),
            ("1.5s", 1_500),
            (".5s", 500),
            ("0.3s", 300),
            ("5", 5_000),
            ("0.25", 250),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(parse_time(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in
            ["", "s", "-1s", "1x", "1e3s", "infs", "nans", "1..2s", "9999999999999999999d", "1sm"]
        {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bare_numbers_of_a_flag_have_its_unit() {
        assert_eq!(Millis::parse("250"), Ok(Millis(250)));
        assert_eq!(Millis::parse("5s"), Ok(Millis(5_000)));
        assert_eq!(Millis::parse("18446744073709551615"), Ok(Millis(u64::MAX)));
        assert!(Millis::parse("1.5").expect_err("half a ms").contains("whole number of ms"));
        let seconds = |number| Ok(Seconds(NonZeroU64::new(number).expect("not zero")));
        assert_eq!(Seconds::parse("60"), seconds(60));
        assert_eq!(Seconds::parse("2m"), seconds(120));
        assert_eq!(Seconds::parse("3000ms"), seconds(3));
        assert!(
            Seconds::parse("250ms").expect_err("too short").contains("whole number of seconds")
        );
        assert_eq!(Seconds::parse("0s"), Err("must be at least 1".to_owned()));
    }
}
