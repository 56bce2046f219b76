//! Classes of series: planted leaks are found, and other series are not called leaks.

mod models;
mod shapes;

use leakbench_recording::trend::{Line, Trend, TrendClass};
use proptest::prelude::*;

use crate::dice::Dice;

/// `n` times from 0 to 1.
fn times(n: usize) -> impl Iterator<Item = f64> {
    (0..n).map(move |index| index as f64 / (n - 1) as f64)
}

/// Parts of the series of one kind that have a class.
#[derive(Clone, Copy)]
struct Rates {
    leak: f64,
    inconclusive: f64,
}

impl Rates {
    /// Classifies `trials` series, each made by `series` from numbers of its own.
    fn of(
        trials: u64,
        seed: u64,
        noise: f64,
        mut series: impl FnMut(&mut Dice) -> Vec<f64>,
    ) -> Rates {
        let (mut leaks, mut inconclusive) = (0u32, 0u32);
        for trial in 0..trials {
            let mut dice = Dice(trial.wrapping_mul(0x1234_5678_9abc_def1) ^ seed);
            match class(&points(&series(&mut dice)), noise) {
                TrendClass::Leak => leaks += 1,
                TrendClass::Inconclusive => inconclusive += 1,
                TrendClass::Bounded | TrendClass::Sawtooth | TrendClass::Flat => {}
            }
        }
        let part = |number: u32| f64::from(number) / trials as f64;
        Rates { leak: part(leaks), inconclusive: part(inconclusive) }
    }

    fn not_clean(&self) -> f64 {
        self.leak + self.inconclusive
    }
}

impl std::fmt::Display for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:5.1}/{:<5.1}", 100.0 * self.leak, 100.0 * self.inconclusive)
    }
}

fn points(amounts: &[f64]) -> Vec<(f64, f64)> {
    times(amounts.len()).zip(amounts.iter().copied()).collect()
}

fn class(points: &[(f64, f64)], noise: f64) -> TrendClass {
    Trend::of(points, noise).expect("enough points").class
}

#[test]
fn each_class_has_its_kind_of_series() {
    let of = |f: fn(usize) -> f64| -> Vec<f64> { (0..90).map(f).collect() };
    for (amounts, expected) in [
        (of(|_| 7.0), TrendClass::Flat),
        (of(|n| 100.0 - n as f64), TrendClass::Flat),
        (of(|n| n as f64), TrendClass::Leak),
        (of(|n| n.min(40) as f64), TrendClass::Bounded),
        (of(|n| if n < 50 { 0.0 } else { 9.0 }), TrendClass::Bounded),
        (of(|n| (n % 10) as f64), TrendClass::Sawtooth),
        (of(|n| (n % 10 + n / 10 * 3) as f64), TrendClass::Leak),
        // After a fall, the series must exceed its earlier peak.
        (of(|n| if n < 35 { 2 * n } else { n - 35 } as f64), TrendClass::Sawtooth),
        // One fall gave everything back, so the next one may do so too.
        (of(|n| if n < 35 { n } else { n - 35 } as f64), TrendClass::Inconclusive),
        // Seven objects at uneven times, none given back: chance makes one such series of 128.
        (
            of(|n| [5, 9, 30, 33, 58, 70, 80].iter().filter(|&&at| n >= at).count() as f64),
            TrendClass::Inconclusive,
        ),
        // Growth that lasted for three quarters of the time.
        (of(|n| n.min(68) as f64), TrendClass::Inconclusive),
    ] {
        let points = points(&amounts);
        assert_eq!(class(&points, 0.0), expected, "{amounts:?}");
    }
    // Growth up to the noise is flat.
    assert_eq!(class(&points(&of(|n| n as f64)), 100.0), TrendClass::Flat);
}

/// A burst that is returned does not hide a leak.
#[test]
fn a_steady_leak_is_found_under_a_burst() {
    for from in [0.4, 0.5, 0.6] {
        for height in [50.0, 400.0, 5000.0] {
            let burst = |x: f64| if (from..from + 0.12).contains(&x) { height } else { 0.0 };
            let amounts: Vec<f64> = times(120).map(|x| (120.0 * x).floor() + burst(x)).collect();
            let found = class(&points(&amounts), 3.0);
            assert_eq!(found, TrendClass::Leak, "from {from}, {height} high");
            // The control: the same burst on a constant.
            let amounts: Vec<f64> = times(120).map(|x| 7.0 + burst(x)).collect();
            assert_ne!(class(&points(&amounts), 3.0), TrendClass::Leak, "from {from}, {height}");
        }
    }
}

#[test]
fn the_rate_is_that_of_the_lower_envelope() {
    let sawtooth: Vec<(f64, f64)> =
        (0..120).map(|n| (f64::from(n), f64::from(n % 12 * 5 + n / 12 * 6))).collect();
    let trend = Trend::of(&sawtooth, 0.0).expect("enough points");
    assert_eq!(trend.class, TrendClass::Leak);
    assert!((trend.rate.value - 0.5).abs() < 0.01, "{trend:?}");
    assert_eq!((trend.first, trend.last, trend.peak, trend.span), (0.0, 109.0, 109.0, 119.0));
}

/// The line lies on the points of a steady leak, and below those of a sawtooth.
#[test]
fn the_line_has_the_rate_and_lies_on_the_envelope() {
    let steady: Vec<(f64, f64)> =
        (0..90).map(|n| (100.0 + f64::from(n), 7.0 + 2.0 * f64::from(n))).collect();
    let trend = Trend::of(&steady, 0.0).expect("enough points");
    let Line { from, time, amount } = trend.line;
    assert!((130.0..132.0).contains(&from), "after the warm-up: {trend:?}");
    assert!((150.0..170.0).contains(&time), "{trend:?}");
    assert!((amount - (7.0 + 2.0 * (time - 100.0))).abs() < 1e-9, "{trend:?}");
    assert_eq!(trend.end(), 189.0);

    let saw = |n: i32| f64::from(n % 12 * 5 + n / 12 * 6);
    let sawtooth: Vec<(f64, f64)> = (0..120).map(|n| (f64::from(n), saw(n))).collect();
    let trend = Trend::of(&sawtooth, 0.0).expect("enough points");
    let on = |x: f64| trend.line.amount + trend.rate.value * (x - trend.line.time);
    for trough in (48..120).step_by(12) {
        assert!((on(f64::from(trough)) - saw(trough)).abs() < 1.0, "{trough}: {trend:?}");
    }
}

#[test]
fn few_points_have_no_trend() {
    let many: Vec<(f64, f64)> = (0..20).map(|n| (f64::from(n), f64::from(n))).collect();
    assert_eq!(many.len(), Trend::POINTS_MIN);
    assert!(Trend::of(&many, 0.0).is_some());
    assert!(Trend::of(&many[1..], 0.0).is_none());
    let mut twice = many.clone();
    twice[7].0 = 6.0;
    assert!(Trend::of(&twice, 0.0).is_none(), "two points at one time");
    let mut unknown = many;
    unknown[3].1 = f64::NAN;
    assert!(Trend::of(&unknown, 0.0).is_none());
}

proptest! {
    /// An object every few samples is never clean after any warm-up. Nothing else proves a leak: a
    /// warm-up that was given back may be one of several.
    #[test]
    fn a_steady_leak_is_found_after_any_warm_up(
        n in 40..400usize,
        warm_up in proptest::collection::vec(0..50u32, 1..13),
        slowness in 0.0..1.0f64,
    ) {
        let every = 1.0 + slowness * (n as f64 / 11.0 - 1.0);
        let amounts: Vec<f64> = (0..n)
            .map(|index| (index as f64 / every).floor())
            .zip(warm_up.iter().map(|&more| f64::from(more)).chain(std::iter::repeat(0.0)))
            .map(|(leaked, more)| leaked + more)
            .collect();
        let found = class(&points(&amounts), 0.0);
        prop_assert!(matches!(found, TrendClass::Leak | TrendClass::Inconclusive), "{found:?}");
        let alone: Vec<f64> = (0..n).map(|index| (index as f64 / every).floor()).collect();
        prop_assert_eq!(class(&points(&alone), 0.0), TrendClass::Leak);
    }

    #[test]
    fn growth_that_stops_is_no_leak(
        steps in proptest::collection::vec(0..20u32, 14..200),
    ) {
        // It rises for seven tenths of the time.
        let mut total = 0;
        let mut amounts: Vec<f64> = steps.iter().map(|step| {
            total += step;
            f64::from(total)
        }).collect();
        amounts.resize(steps.len() * 10 / 7 + 2, f64::from(total));
        prop_assert_ne!(class(&points(&amounts), 0.0), TrendClass::Leak);
    }

    /// A series that returns to its first amount is no leak.
    #[test]
    fn returned_growth_is_no_leak(
        amounts in proptest::collection::vec(0..1_000u32, 30..300),
        every in 2..6usize,
    ) {
        let every = every.max(amounts.len() / 6);
        let amounts: Vec<f64> = amounts.iter().enumerate()
            .map(|(index, &amount)| if index % every == 0 { 0.0 } else { f64::from(amount) })
            .collect();
        prop_assert_ne!(class(&points(&amounts), 0.0), TrendClass::Leak);
    }

    #[test]
    fn neither_the_unit_of_time_nor_a_constant_changes_the_class(
        amounts in proptest::collection::vec(0..1_000u32, 20..700),
        slope in 0..50u32,
        doublings in -10..10i32,
        more in 0..1_000_000u32,
    ) {
        let plain: Vec<(f64, f64)> = amounts.iter().zip(0u32..)
            .map(|(&amount, n)| (f64::from(n), f64::from(amount + n * slope)))
            .collect();
        let unit = 2.0f64.powi(doublings);
        let changed: Vec<(f64, f64)> =
            plain.iter().map(|&(x, y)| (x * unit + 8.0 * unit, y + f64::from(more))).collect();
        let (plain, changed) = (Trend::of(&plain, 3.0), Trend::of(&changed, 3.0));
        let (plain, changed) = (plain.expect("enough"), changed.expect("enough"));
        prop_assert_eq!(plain.class, changed.class);
        prop_assert!((plain.rate.value - changed.rate.value * unit).abs() <= 1e-9 * plain.rate.value.abs());
    }

    #[test]
    fn any_series_has_a_rate_within_its_interval(
        amounts in proptest::collection::vec(any::<u64>(), 20..80),
        gaps in proptest::collection::vec(1..1_000_000u32, 80),
    ) {
        let mut at = 0.0;
        let points: Vec<(f64, f64)> = amounts.iter().zip(gaps).map(|(&amount, gap)| {
            at += f64::from(gap);
            (at, amount as f64)
        }).collect();
        // If samples are far apart, the lower envelope may have too few points.
        if let Some(trend) = Trend::of(&points, 0.0) {
            prop_assert!(trend.rate.low <= trend.rate.value && trend.rate.value <= trend.rate.high, "{trend:?}");
        }
    }
}
