//! Axes: scales, the round numbers that mark them, and their labels.

use leakbench_model::Unit;
use leakbench_model::text::grouped;

/// A linear scale: amount `from` is at pixel `start`, `to` at `end`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// Widens an empty range.
    pub(super) fn new((from, to): (f64, f64), (start, end): (f64, f64)) -> Scale {
        let to = if to > from { to } else { from + from.abs().max(1.0) };
        Scale { from, to, start, end }
    }

    /// The pixel of an amount; one outside the range is at the edge.
    pub(super) fn at(&self, amount: f64) -> f64 {
        let share = (amount / self.to - self.from / self.to) / (1.0 - self.from / self.to);
        self.start + share.clamp(0.0, 1.0) * (self.end - self.start)
    }
}

/// A logarithmic scale of times.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogScale(Scale);

impl LogScale {
    /// Both amounts positive.
    pub(super) fn new((from, to): (f64, f64), pixels: (f64, f64)) -> LogScale {
        // A linear scale needs positive numbers, so the logarithms are shifted.
        let [from, to] = [from, to].map(shifted);
        LogScale(Scale::new((from, to), pixels))
    }

    /// The pixel of an amount; one outside the range is at the edge.
    pub(super) fn at(&self, amount: f64) -> f64 {
        self.0.at(shifted(amount))
    }
}

fn shifted(amount: f64) -> f64 {
    amount.max(1e-12).log10() + 12.0
}

/// About `count` round numbers from 0 to at least `max`. The last one is the end of the axis.
pub(super) fn ticks(max: f64, count: f64, unit: Unit) -> Vec<f64> {
    let max = if max.is_finite() && max > 0.0 { max } else { 1.0 };
    let step = match unit {
        Unit::Count => nice_whole(max / count),
        Unit::Bytes => {
            let min = (max / count).max(1.0);
            let size = 1024_f64.powf((min.ln() / 1024_f64.ln()).floor());
            let step = nice_binary(min / size) * size;
            step.max(1.0)
        }
    };
    // The axis ends at `max` or later.
    let steps = (max / step - 1e-9).ceil().clamp(1.0, 50.0) as usize;
    (0..=steps).map(|number| number as f64 * step).collect()
}

/// About `count` round times from 0 to at most `until_s`.
pub(super) fn time_ticks(until_s: f64, count: f64) -> Vec<f64> {
    const MINUTE: f64 = 60.0;
    const HOUR: f64 = 3_600.0;
    const DAY: f64 = 86_400.0;
    const STEPS: [f64; 14] = [
        15.0,
        30.0,
        MINUTE,
        2.0 * MINUTE,
        5.0 * MINUTE,
        10.0 * MINUTE,
        15.0 * MINUTE,
        30.0 * MINUTE,
        HOUR,
        2.0 * HOUR,
        4.0 * HOUR,
        6.0 * HOUR,
        12.0 * HOUR,
        DAY,
    ];
    let until_s = if until_s.is_finite() && until_s > 0.0 { until_s } else { 1.0 };
    let min = until_s / count;
    let step = if min <= 10.0 {
        nice(min)
    } else {
        let known = STEPS.into_iter().find(|&step| step >= min);
        known.unwrap_or_else(|| nice(min / DAY) * DAY)
    };
    let steps = (until_s / step + 1e-9).floor().clamp(0.0, 50.0) as usize;
    (0..=steps).map(|number| number as f64 * step).collect()
}

/// Round numbers for a logarithmic axis: powers of ten and, if they are few, 2 and 5 times those.
pub(super) fn log_ticks(from: f64, to: f64) -> Vec<f64> {
    let decades = (to / from).log10();
    let between: &[f64] = if decades <= 2.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let first = from.log10().floor() as i32;
    let last = to.log10().ceil() as i32;
    let every = ((last - first) / 10 + 1).max(1) as usize;
    (first..=last)
        .step_by(every)
        .flat_map(|power| between.iter().map(move |digit| digit * 10_f64.powi(power)))
        .filter(|&tick| tick >= from * 0.999 && tick <= to * 1.001)
        .collect()
}

/// The smallest of 1, 2, 5, 10, … that is at least `min`.
fn nice(min: f64) -> f64 {
    let power = 10_f64.powf(min.log10().floor());
    let digit = [1.0, 2.0, 5.0, 10.0].into_iter().find(|digit| digit * power >= min * 0.999_999);
    digit.unwrap_or(10.0) * power
}

/// As [`nice`], of whole numbers; 25, 250, … are round as well.
fn nice_whole(min: f64) -> f64 {
    let step = nice(min).max(1.0);
    if step >= 50.0 && step / 2.0 >= min && nice(step / 2.0) > step / 2.0 {
        step / 2.0
    } else {
        step
    }
}

fn nice_binary(min: f64) -> f64 {
    let known = [
        1.0, 2.0, 4.0, 5.0, 8.0, 10.0, 16.0, 20.0, 32.0, 50.0, 64.0, 100.0, 128.0, 200.0, 256.0,
        512.0,
    ];
    known.into_iter().find(|&step| step >= min * 0.999_999).unwrap_or(1024.0)
}

/// An amount in few characters: `65,530`, `1.2M`, `41.2 MiB`.
pub(super) fn amount(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Count if value < 99_999.5 => {
            let whole = value.max(0.0).round();
            if (value - whole).abs() > 0.05 { trimmed(value, 1) } else { grouped(whole as u64) }
        }
        Unit::Count => {
            const SIZES: [(f64, &str); 6] =
                [(1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
            in_units(value, &SIZES, "")
        }
        Unit::Bytes => {
            const SIZES: [(f64, &str); 6] = [
                (1_152_921_504_606_846_976.0, " EiB"),
                (1_125_899_906_842_624.0, " PiB"),
                (1_099_511_627_776.0, " TiB"),
                (1_073_741_824.0, " GiB"),
                (1_048_576.0, " MiB"),
                (1_024.0, " KiB"),
            ];
            in_units(value, &SIZES, " B")
        }
    }
}

/// A label of an axis: [`amount`], with `10k` for ten thousand.
pub(super) fn mark(value: f64, unit: Unit) -> String {
    if unit == Unit::Count && (9_999.5..99_999.5).contains(&value) {
        return format!("{}k", trimmed(value / 1e3, 1));
    }
    amount(value, unit)
}

/// A time since the beginning, with as many digits as distinguish it from the next `step`.
pub(super) fn time(at_s: f64, step: f64) -> String {
    const SIZES: [(f64, &str); 6] = [
        (86_400.0, " d"),
        (3_600.0, " h"),
        (60.0, " min"),
        (1.0, " s"),
        (1e-3, " ms"),
        (1e-6, " µs"),
    ];
    if at_s <= 0.0 {
        return "0".to_owned();
    }
    let (size, name) = match step {
        step if step >= 15.0 => {
            let fit = SIZES.into_iter().take(3).find(|(size, _)| step >= *size);
            fit.unwrap_or(if step >= 15.0 && at_s >= 60.0 { SIZES[2] } else { SIZES[3] })
        }
        step if step >= 0.05 => SIZES[3],
        step if step >= 5e-5 => SIZES[4],
        _ => SIZES[5],
    };
    format!("{}{name}", trimmed(at_s / size, 2))
}

/// The label of a time on a logarithmic axis: `10 µs`.
pub(super) fn short_time_ns(ns: f64) -> String {
    const SIZES: [(f64, &str); 4] = [(1e9, " s"), (1e6, " ms"), (1e3, " µs"), (1.0, " ns")];
    // 9.9999 µs is 10 µs.
    in_units(ns * 1.000_01, &SIZES, " ns")
}

fn in_units(value: f64, sizes: &[(f64, &str)], smallest: &str) -> String {
    let fit = sizes.iter().find(|(size, _)| value >= *size * 0.999_5);
    let (size, name) = fit.copied().unwrap_or((1.0, smallest));
    let value = value / size;
    if value >= 9_999.5 {
        return format!("{}{name}", grouped(value as u64));
    }
    format!("{}{name}", trimmed(value, if value >= 99.95 { 0 } else { 1 }))
}

/// A number with at most `decimals` decimals, without zeros at its end.
fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_written_short() {
        let counts = [0.0, 1.0, 0.5, 942.0, 65_530.0, 100_000.0, 1_234_567.0, 1e7, 1.8e19]
            .map(|value| amount(value, Unit::Count));
        assert_eq!(counts, ["0", "1", "0.5", "942", "65,530", "100k", "1.2M", "10M", "18E"]);
        let bytes =
            [0.0, 512.0, 1_024.0, 43_200_512.0, 1.8e19].map(|value| amount(value, Unit::Bytes));
        assert_eq!(bytes, ["0 B", "512 B", "1 KiB", "41.2 MiB", "15.6 EiB"]);
        let times = [1.0, 500.0, 1e3, 1e4, 2.5e6, 9.999_999e8, 6e10].map(short_time_ns);
        assert_eq!(times, ["1 ns", "500 ns", "1 µs", "10 µs", "2.5 ms", "1 s", "60 s"]);
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks(942.0, 5.0, Unit::Count), [0.0, 200.0, 400.0, 600.0, 800.0, 1_000.0]);
        assert_eq!(ticks(0.0, 5.0, Unit::Count), [0.0, 1.0]);
        assert_eq!(ticks(3.0, 5.0, Unit::Count), [0.0, 1.0, 2.0, 3.0]);
        let mib = ticks(41.2 * 1_048_576.0, 5.0, Unit::Bytes);
        let mib: Vec<String> = mib.into_iter().map(|at| amount(at, Unit::Bytes)).collect();
        assert_eq!(mib, ["0 B", "10 MiB", "20 MiB", "30 MiB", "40 MiB", "50 MiB"]);
        let seconds: Vec<String> =
            time_ticks(7.4, 5.0).into_iter().map(|at| time(at, 2.0)).collect();
        assert_eq!(seconds, ["0", "2 s", "4 s", "6 s"]);
        let minutes = time_ticks(3_000.0, 5.0);
        let minutes: Vec<String> = minutes.iter().map(|&at| time(at, minutes[1])).collect();
        assert_eq!(minutes, ["0", "10 min", "20 min", "30 min", "40 min", "50 min"]);
        assert_eq!(time(0.4, 0.2), "0.4 s");
        assert_eq!(time(0.04, 0.02), "40 ms");
        assert_eq!(log_ticks(900.0, 2e6), [1e3, 1e4, 1e5, 1e6]);
    }

    proptest! {
        #[test]
        fn an_axis_has_few_ticks_and_reaches_what_is_asked(
            exponent in -3.0_f64..19.3,
            count in 2.0_f64..8.0,
            is_bytes: bool,
        ) {
            let max = 10_f64.powf(exponent);
            let unit = if is_bytes { Unit::Bytes } else { Unit::Count };
            let marked = ticks(max, count, unit);
            prop_assert!((2..=20).contains(&marked.len()), "{marked:?}");
            let end = marked[marked.len() - 1];
            prop_assert!(end >= max * 0.999_999 && (end <= max * 6.0 || end <= 1.0), "{marked:?}");
            let times = time_ticks(max, count);
            prop_assert!((1..=20).contains(&times.len()), "{times:?}");
            prop_assert!(times[times.len() - 1] <= max * 1.000_001);
            let scale = Scale::new((0.0, end), (10.0, 110.0));
            prop_assert!((10.0..=110.0).contains(&scale.at(max)));
            prop_assert_eq!(scale.at(0.0), 10.0);
            prop_assert_eq!(scale.at(end), 110.0);
        }
    }
}
