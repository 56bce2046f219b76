//! Classes of series: planted leaks are found, and other series are not called leaks.

use leakbench_recording::trend::{Trend, TrendClass};
use proptest::prelude::*;

/// Pseudo-random numbers (SplitMix64).
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Normally distributed, with deviation 1: by the central limit.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// Name of a shape, and its amounts at `n` times from 0 to 1.
type Shape = (&'static str, fn(&mut Dice, usize) -> Vec<f64>);

fn times(n: usize) -> impl Iterator<Item = f64> {
    (0..n).map(move |index| index as f64 / (n - 1) as f64)
}

/// A tooth that rises to 1 in each `period`.
fn tooth(x: f64, period: f64, phase: f64) -> f64 {
    ((x + phase) / period).fract()
}

const LEAKS: &[Shape] = &[
    ("steady, one object a sample", |_, n| (0..n).map(|index| index as f64).collect()),
    ("steady, one object every few samples", |dice, n| {
        let every = dice.between(2.0, n as f64 / 9.0);
        (0..n).map(|index| (index as f64 / every).floor()).collect()
    }),
    ("random, twenty objects or more", |dice, n| {
        let rate = dice.between(20.0, 200.0) / n as f64;
        let mut total = 0.0;
        let mut add = || {
            total += rate.floor() + f64::from(u8::from(dice.unit() < rate.fract()));
            total
        };
        (0..n).map(|_| add()).collect()
    }),
    ("steady in noise of a tenth", |dice, n| times(n).map(|x| 10.0 * x + dice.normal()).collect()),
    ("steady in noise of a twentieth", |dice, n| {
        times(n).map(|x| 20.0 * x + dice.normal()).collect()
    }),
    ("after a warm-up", |dice, n| {
        let (until, high) = (dice.between(0.05, 0.3), dice.between(10.0, 100.0));
        times(n).map(|x| high * (x / until).min(1.0) + 20.0 * x + 0.3 * dice.normal()).collect()
    }),
    ("after a warm-up that was returned", |dice, n| {
        let (until, high) = (dice.between(0.05, 0.3), dice.between(10.0, 100.0));
        times(n).map(|x| if x < until { high } else { 20.0 * x }).collect()
    }),
    ("in bursts", |dice, n| {
        let period = dice.between(0.04, 0.2);
        let phase = dice.between(0.0, period);
        times(n).map(|x| 10.0 * ((x + phase) / period).floor()).collect()
    }),
    ("under a fast sawtooth", |dice, n| {
        let (period, phase) = (dice.between(0.03, 0.1), dice.unit());
        let high = dice.between(1.0, 20.0);
        times(n).map(|x| high * tooth(x, period, phase) + 20.0 * x).collect()
    }),
    ("under a slow sawtooth", |dice, n| {
        let (period, phase) = (dice.between(0.1, 0.2), dice.unit());
        let high = dice.between(1.0, 5.0);
        times(n).map(|x| high * tooth(x, period, phase) + 20.0 * x).collect()
    }),
    ("with spikes", |dice, n| {
        let spike = |dice: &mut Dice| if dice.unit() < 0.03 { 50.0 } else { 0.0 };
        times(n).map(|x| 20.0 * x + spike(dice)).collect()
    }),
    ("with a step", |dice, n| {
        let (at, high) = (dice.unit(), dice.between(5.0, 20.0));
        times(n).map(|x| 20.0 * x + if x > at { high } else { 0.0 }).collect()
    }),
];

const NO_LEAKS: &[Shape] = &[
    ("nothing", |_, n| vec![7.0; n]),
    ("noise", |dice, n| (0..n).map(|_| dice.normal()).collect()),
    ("churn of a few", |dice, n| {
        let most = dice.between(1.0, 12.0);
        (0..n).map(|_| dice.between(0.0, most).floor()).collect()
    }),
    ("noise that remembers", |dice, n| {
        let (keeps, mut level) = (dice.between(0.3, 0.8), 0.0);
        let mut next = || {
            level = keeps * level + dice.normal();
            level
        };
        (0..n).map(|_| next()).collect()
    }),
    ("one step", |dice, n| {
        let at = dice.unit();
        times(n).map(|x| if x > at { 10.0 } else { 0.0 } + 0.1 * dice.normal()).collect()
    }),
    ("up to three steps", |dice, n| {
        let at = [dice.unit(), dice.unit(), dice.unit()];
        times(n).map(|x| at.iter().filter(|&&at| x > at).count() as f64 * 10.0).collect()
    }),
    ("one spike", |dice, n| {
        let at = dice.unit();
        times(n).map(|x| if (x - at).abs() < 0.02 { 100.0 } else { 0.1 * dice.normal() }).collect()
    }),
    ("rose for a while", |dice, n| {
        let until = dice.between(0.1, 0.75);
        times(n).map(|x| 20.0 * (x / until).min(1.0) + 0.3 * dice.normal()).collect()
    }),
    ("rose by objects for a while", |dice, n| {
        let (until, most) = (dice.between(0.1, 0.75), dice.between(5.0, 100.0));
        times(n).map(|x| (most * (x / until).min(1.0)).floor()).collect()
    }),
    ("saturates", |dice, n| {
        let pace = dice.between(0.05, 0.25);
        times(n).map(|x| 50.0 * (1.0 - (-x / pace).exp()) + 0.3 * dice.normal()).collect()
    }),
    ("saturates late", |dice, n| {
        let (middle, pace) = (dice.between(0.2, 0.5), dice.between(0.03, 0.1));
        let rise = move |x: f64| 50.0 / (1.0 + (-(x - middle) / pace).exp());
        times(n).map(|x| rise(x) + 0.3 * dice.normal()).collect()
    }),
    ("fast sawtooth", |dice, n| {
        let (period, phase) = (dice.between(0.02, 0.1), dice.unit());
        times(n).map(|x| 20.0 * tooth(x, period, phase)).collect()
    }),
    ("fast sawtooth, uneven", |dice, n| {
        let (steps, mut level) = (dice.between(120.0, 240.0) / n as f64, 0.0);
        let mut next = || {
            level += dice.between(0.0, steps);
            if level > 10.0 {
                level = dice.between(0.0, 2.0);
            }
            level
        };
        (0..n).map(|_| next()).collect()
    }),
    ("slow sawtooth", |dice, n| {
        let (period, phase) = (dice.between(0.1, 0.25), dice.unit());
        times(n).map(|x| 20.0 * tooth(x, period, phase) + 0.3 * dice.normal()).collect()
    }),
    ("very slow sawtooth", |dice, n| {
        let (period, phase) = (dice.between(0.25, 0.5), dice.unit());
        times(n).map(|x| 20.0 * tooth(x, period, phase) + 0.3 * dice.normal()).collect()
    }),
    ("falls", |dice, n| times(n).map(|x| -20.0 * x + 0.3 * dice.normal()).collect()),
    ("rose and fell", |dice, n| {
        let turn = dice.between(0.2, 0.8);
        times(n).map(|x| 20.0 * (x.min(turn) - (x - turn).max(0.0))).collect()
    }),
];

const LENGTHS: [usize; 4] = [24, 60, 120, 600];
/// Number of points of all series of one shape and length, so that each length takes equal time.
const POINTS: usize = 6_000;

/// The part of the series of a shape and a length that is classified as a leak.
fn leaking(shape: &Shape, n: usize) -> f64 {
    let trials = (POINTS / n) as u64;
    let leaks = (0..trials).filter(|&seed| {
        let mut dice = Dice(seed.wrapping_mul(0x1234_5678_9abc_def1) ^ n as u64);
        let amounts = (shape.1)(&mut dice, n);
        class(&points(&amounts), 0.0) == TrendClass::Leak
    });
    leaks.count() as f64 / trials as f64
}

fn points(amounts: &[f64]) -> Vec<(f64, f64)> {
    times(amounts.len()).zip(amounts.iter().copied()).collect()
}

fn class(points: &[(f64, f64)], noise: f64) -> TrendClass {
    Trend::of(points, noise).expect("enough points").class
}

/// Prints the rates of found leaks and of false leaks as a table: `-- --nocapture` shows it.
#[test]
fn leaks_are_found_and_other_series_are_not() {
    let mut wrong = Vec::new();
    for (kind, shapes) in [("leak", LEAKS), ("no leak", NO_LEAKS)] {
        println!("{kind:38} of 24    60   120   600 points are called leaks, %");
        for shape in shapes {
            let parts = LENGTHS.map(|n| leaking(shape, n));
            let row = parts.map(|part| format!("{:5.1}", 100.0 * part)).join(" ");
            println!("  {:38} {row}", shape.0);
            for (n, part) in LENGTHS.into_iter().zip(parts) {
                let good = match (kind, n) {
                    ("leak", ..60) => part >= 0.5,
                    ("leak", 60..120) => part >= 0.8,
                    ("leak", 120..) => part >= 0.9,
                    (_, ..60) => part <= 0.03,
                    _ => part <= 0.01,
                };
                if !good {
                    wrong.push(format!("{kind}, {}, {n} points: {part:.3}", shape.0));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
        (of(|n| if n < 35 { n } else { n - 35 } as f64), TrendClass::Leak),
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
    /// An object every few samples is a leak after any warm-up.
    #[test]
    fn a_steady_leak_is_found_after_any_warm_up(
        n in 40..400usize,
        warm_up in proptest::collection::vec(0..50u32, 1..13),
        slowness in 0.0..1.0f64,
    ) {
        let every = 1.0 + slowness * (n as f64 / 9.0 - 1.0);
        let amounts: Vec<f64> = (0..n)
            .map(|index| (index as f64 / every).floor())
            .zip(warm_up.iter().map(|&more| f64::from(more)).chain(std::iter::repeat(0.0)))
            .map(|(leaked, more)| leaked + more)
            .collect();
        prop_assert_eq!(class(&points(&amounts), 0.0), TrendClass::Leak);
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
            let rate = trend.rate;
            prop_assert!(rate.low <= rate.value && rate.value <= rate.high, "{trend:?}");
        }
    }
}
