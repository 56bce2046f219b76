//! Numbers and names for people, in findings and reports.

use std::borrow::Cow;

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The sum of recorded numbers; `u64::MAX` if it does not fit.
pub fn sum(values: impl IntoIterator<Item = u64>) -> u64 {
    values.into_iter().fold(0, u64::saturating_add)
}

/// A number with its noun: `1 image`, `2,000 images`, `2 processes`.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = match number {
        1 => "",
        _ if has_sibilant(noun) => "es",
        _ => "s",
    };
    format!("{} {noun}{plural}", grouped(number))
}

/// The noun of one, from a plural in `s`: `image`, `process`. `None` for other nouns.
pub fn singular(plural: &str) -> Option<&str> {
    let with_es = plural.strip_suffix("es").filter(|noun| has_sibilant(noun));
    with_es.or_else(|| plural.strip_suffix('s'))
}

/// True for a noun whose plural ends in `es`.
fn has_sibilant(noun: &str) -> bool {
    ["ss", "ch", "sh", "x"].into_iter().any(|end| noun.ends_with(end))
}

/// `1 image lingers`, `2 images linger`: the verb's ending is the noun's missing one.
pub fn third_person(number: u64, verb: &str) -> String {
    let ending = if number == 1 { "s" } else { "" };
    format!("{verb}{ending}")
}

/// A time in the unit that suits its size: `870 ns`, `1.2 µs`, `34 ms`, `2.0 s`.
pub fn duration_ns(ns: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1, "ns"), (1_000, "µs"), (1_000_000, "ms"), (1_000_000_000, "s")];
    let unit = UNITS.iter().rev().find(|(size, _)| ns >= *size);
    let &(size, name) = unit.unwrap_or(&UNITS[0]);
    format!("{} {name}", short(ns, size))
}

/// As [`duration_ns`], of microseconds.
pub fn duration_us(us: u64) -> String {
    duration_ns(us.saturating_mul(1_000))
}

/// As [`duration_ns`], of milliseconds.
pub fn duration_ms(ms: u64) -> String {
    match ms {
        0 => "0 ms".to_owned(),
        _ => duration_ns(ms.saturating_mul(1_000_000)),
    }
}

/// An estimated time, rounded to its unit: `80 s`, `12 min`, `3 h`, `5 days`.
pub fn coarse_s(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds.div_ceil(60)),
        7_200..172_800 => format!("{} h", seconds.div_ceil(3_600)),
        _ => counted(seconds / 86_400, "day"),
    }
}

/// A time in seconds since 1970: `2025-06-15 15:06:40 UTC`.
pub fn utc(unix_s: u64) -> String {
    let (days, seconds) = (unix_s / 86_400, unix_s % 86_400);
    // The calendar repeats every 400 years of 146,097 days; with years from March on, a leap day
    // is the last one of its year.
    let from_march_0000 = days.saturating_add(719_468);
    let (era, day) = (from_march_0000 / 146_097, from_march_0000 % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// A size in binary units: `512 bytes`, `41.2 MiB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1 << 10, "KiB"), (1 << 20, "MiB"), (1 << 30, "GiB"), (1 << 40, "TiB")];
    match UNITS.iter().rev().find(|(size, _)| number >= *size) {
        Some(&(size, name)) => format!("{} {name}", short(number, size)),
        None => counted(number, "byte"),
    }
}

/// `value / unit`, with one decimal below 100.
fn short(value: u64, unit: u64) -> String {
    if unit == 1 || value / unit >= 100 {
        return grouped(value / unit);
    }
    format!("{:.1}", value as f64 / unit as f64)
}

/// Foreign `text`, such as the name of a guest's function, made safe to print. Characters that would
/// move the cursor, break the line or reverse the reading order are escaped, `\u{1b}`, so that the
/// text cannot imitate a line of leakbench. Applying it twice changes nothing.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Control characters, line and paragraph separators, and the marks, embeddings, overrides and
/// isolates of bidirectional text.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A signal with its name, if it ends processes: `signal 9 (SIGKILL)`.
pub fn signal(number: i32) -> String {
    let name = signal_name(number).map_or(String::new(), |name| format!(" ({name})"));
    format!("signal {number}{name}")
}

/// The name of a signal that ends processes.
pub fn signal_name(signal: i32) -> Option<&'static str> {
    // Numbers as on x86-64 and AArch64 Linux.
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_characters_that_steer_a_terminal_are_escaped() {
        for plain in ["", "wasm-function[3]", "größe → 大きさ", r"C:\new", "a b\u{a0}c"] {
            assert!(matches!(printable(plain), Cow::Borrowed(same) if same == plain));
        }
        assert_eq!(printable("a\r\u{1b}[2Kverdict"), r"a\r\u{1b}[2Kverdict");
        assert_eq!(printable("a\n\t\u{7f}\u{9b}b"), r"a\n\t\u{7f}\u{9b}b");
        assert_eq!(printable("\u{202e}nimda\u{2066}\u{2028}"), r"\u{202e}nimda\u{2066}\u{2028}");
        let every: String = ('\0'..=char::MAX).collect();
        let shown = printable(&every);
        assert!(!shown.contains(steers));
        assert_eq!(printable(&shown), shown);
    }

    #[test]
    fn times_are_dates() {
        for (unix_s, expected) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_750_000_000, "2025-06-15 15:06:40 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(utc(unix_s), expected);
        }
        assert!(utc(u64::MAX).ends_with(" UTC"));
    }

    #[test]
    fn numbers_read_well() {
        let groups = [0, 7, 999, 1_000, 65_530, 1_000_000].map(grouped);
        assert_eq!(groups, ["0", "7", "999", "1,000", "65,530", "1,000,000"]);
        assert_eq!(counted(1, "image"), "1 image");
        assert_eq!(counted(0, "image"), "0 images");
        let times = [0, 870, 1_234, 250_000, 34_560_000, 2_000_000_000].map(duration_ns);
        assert_eq!(times, ["0 ns", "870 ns", "1.2 µs", "250 µs", "34.6 ms", "2.0 s"]);
        let sizes = [1, 512, 2_048, 43_200_512, 200 << 20].map(bytes);
        assert_eq!(sizes, ["1 byte", "512 bytes", "2.0 KiB", "41.2 MiB", "200 MiB"]);
    }
}
