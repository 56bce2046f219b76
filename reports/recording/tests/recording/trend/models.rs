//! Models of real programs: servers, heaps and slow leaks, sampled each second.

use leakbench_model::Resource;
use leakbench_recording::trend::TrendClass;

use super::Rates;
use crate::dice::Dice;

const MIB: f64 = (1 << 20) as f64;

/// A stationary server: about 50 connections, which come at random and stay for `stay_s` on average.
/// `leak_every_s` adds descriptors that are never closed.
fn server(dice: &mut Dice, n: usize, stay_s: f64, leak_every_s: f64) -> Vec<f64> {
    const CONNECTIONS: f64 = 50.0;
    let between_s = stay_s / CONNECTIONS;
    let mut ends: Vec<f64> =
        (0..dice.poisson(CONNECTIONS)).map(|_| dice.exponential(stay_s)).collect();
    let mut next = dice.exponential(between_s);
    let leaked = slow(dice, n, leak_every_s);
    let connections = (0..n).map(|second| {
        let now = second as f64;
        while next <= now {
            ends.push(next + dice.exponential(stay_s));
            next += dice.exponential(between_s);
        }
        ends.retain(|&end| end > now);
        ends.len() as f64
    });
    connections.zip(leaked).map(|(connections, leaked)| connections + leaked).collect()
}

/// One descriptor, at random each `every_s` seconds on average, is never closed.
fn slow(dice: &mut Dice, n: usize, every_s: f64) -> Vec<f64> {
    slow_until(dice, n, every_s, f64::INFINITY)
}

/// A slow leak that pauses after `until_s`.
fn slow_until(dice: &mut Dice, n: usize, every_s: f64, until_s: f64) -> Vec<f64> {
    let mut next = dice.exponential(every_s);
    let mut leaked = 5.0;
    let amounts = (0..n).map(|second| {
        while next <= (second as f64).min(until_s) {
            leaked += 1.0;
            next += dice.exponential(every_s);
        }
        leaked
    });
    amounts.collect()
}

/// Bytes of a heap that is collected down to a floor, at intervals that vary by half.
fn heap(dice: &mut Dice, n: usize, collect_every_s: f64) -> Vec<f64> {
    let mut from = -dice.unit() * collect_every_s;
    let mut until = from + collect_every_s * dice.between(0.5, 1.5);
    let amounts = (0..n).map(|second| {
        let now = second as f64;
        while now >= until {
            from = until;
            until = from + collect_every_s * dice.between(0.5, 1.5);
        }
        MIB * (50.0 + 100.0 * (now - from) / collect_every_s + 0.25 * dice.normal())
    });
    amounts.collect()
}

/// Bytes of jobs side by side, such as of `make -j`: each grows to 60 MiB, ends, and the next begins.
fn jobs(dice: &mut Dice, n: usize, lanes: usize) -> Vec<f64> {
    let mut total = vec![0.0; n];
    for _ in 0..lanes {
        let (mut from, mut life) = (-dice.between(0.0, 3.0), dice.between(3.0, 9.0));
        for (second, total) in total.iter_mut().enumerate() {
            let now = second as f64;
            while now >= from + life {
                from += life;
                life = dice.between(3.0, 9.0);
            }
            *total += MIB * (5.0 + 60.0 * (now - from) / life);
        }
    }
    total
}

/// Classifies models and prints a row.
fn row(name: &str, resource: Resource, n: usize, model: impl Fn(&mut Dice) -> Vec<f64>) -> Rates {
    let rates = Rates::of(TRIALS, n as u64, resource.noise() as f64, model);
    println!("{n:4} s  {name:48} {rates}");
    rates
}

const TRIALS: u64 = 400;

/// Prints the rates as a table: `-- --nocapture` shows it.
#[test]
fn healthy_programs_are_not_called_leaks() {
    println!("leak/inconclusive % of {TRIALS}, healthy");
    let mut all = Vec::new();
    for n in [60, 300] {
        for stay_s in [5.0, 20.0, 60.0, 120.0, 300.0] {
            let name = format!("server, connections stay {stay_s} s");
            let model = |dice: &mut Dice| server(dice, n, stay_s, f64::INFINITY);
            all.push(row(&name, Resource::Fds, n, model));
        }
    }
    for n in [60, 120, 360] {
        for every_s in [5.0, 10.0, 20.0, 40.0] {
            let name = format!("heap, collected each {every_s} s");
            all.push(row(&name, Resource::RssBytes, n, |dice| heap(dice, n, every_s)));
        }
        for lanes in [2, 4] {
            let name = format!("{lanes} lanes of jobs");
            all.push(row(&name, Resource::RssBytes, n, |dice| jobs(dice, n, lanes)));
        }
    }
    let leak = all.iter().map(|rates| rates.leak).sum::<f64>() / all.len() as f64;
    let inconclusive = all.iter().map(|rates| rates.inconclusive).sum::<f64>() / all.len() as f64;
    println!("mean {}", Rates { leak, inconclusive });
    assert!(leak <= 0.005, "false alarms: {leak}");
    assert!(all.iter().all(|rates| rates.leak <= 0.0075), "false alarms of one model");
    assert!(inconclusive <= 0.03, "healthy programs without a verdict: {inconclusive}");
}

/// In a minute, connections that stay for minutes seem to remember less than they do.
#[test]
fn servers_with_long_connections_are_not_called_leaks_in_a_minute() {
    let stays = [20.0, 60.0, 120.0, 300.0];
    let noise = Resource::Fds.noise() as f64;
    let rates = |leak_every_s: f64| {
        stays.map(|stay_s| {
            Rates::of(2_000, 1, noise, |dice| server(dice, 60, stay_s, leak_every_s)).leak
        })
    };
    let mean = |leaks: [f64; 4]| leaks.iter().sum::<f64>() / stays.len() as f64;
    let alarms = rates(f64::INFINITY);
    assert!(mean(alarms) <= 0.004, "false alarms: {alarms:?}");
    // The control: the same servers with a leak.
    let found = rates(0.5);
    assert!(mean(found) >= 0.95, "found: {found:?}");
}

#[test]
fn slow_leaks_are_never_clean() {
    println!("leak/inconclusive % of {TRIALS}, slow leaks");
    for n in [60, 120, 300] {
        for every_s in [5.0, 8.0, 10.0, 12.0, 15.0, 20.0, 30.0, 60.0] {
            let leaked = n as f64 / every_s;
            let name = format!("one descriptor each {every_s} s");
            let rates = row(&name, Resource::Fds, n, |dice| slow(dice, n, every_s));
            if leaked >= 12.0 {
                assert!(rates.not_clean() >= 0.95, "{name} in {n} s: {rates}");
            }
        }
    }
    for part in [0.67, 0.75, 0.9] {
        for every_s in [0.2, 1.0, 3.0] {
            let name = format!("one each {every_s} s, until {part} of the time");
            let model = |dice: &mut Dice| slow_until(dice, 60, every_s, 60.0 * part);
            let rates = row(&name, Resource::Fds, 60, model);
            assert!(
                rates.not_clean() >= if every_s < 2.0 { 0.95 } else { 0.75 },
                "{name}: {rates}"
            );
        }
    }
}

#[test]
fn leaks_are_found_below_live_connections() {
    println!("leak/inconclusive % of {TRIALS}, leaks below live connections");
    for (n, stay_s, leak_every_s, min) in [
        (60, 5.0, 0.5, 0.6),
        (60, 60.0, 0.5, 0.95),
        (300, 5.0, 2.0, 0.9),
        (300, 60.0, 2.0, 0.95),
        (300, 60.0, 0.5, 0.99),
    ] {
        let name = format!("one each {leak_every_s} s, connections stay {stay_s} s");
        let model = |dice: &mut Dice| server(dice, n, stay_s, leak_every_s);
        let rates = row(&name, Resource::Fds, n, model);
        assert!(rates.leak >= min, "{name} in {n} s: {rates}");
    }
}

/// A start of nine units, as of an interpreter and its libraries, then a slow leak of one.
#[test]
fn a_start_does_not_hide_a_slow_leak() {
    for start in [0.0, 1.0, 9.0, 90.0] {
        let grown = |second: usize| match second {
            0 => 0.0,
            _ => MIB * (start + 0.04 * second as f64),
        };
        let series: Vec<f64> = (0..60).map(grown).collect();
        let noise = Resource::AnonymousBytes.noise() as f64;
        let class = super::class(&super::points(&series), noise);
        assert!(
            matches!(class, TrendClass::Leak | TrendClass::Inconclusive),
            "{start} MiB at the start: {class:?}"
        );
        // The control: nothing after the start.
        let steady: Vec<f64> = (0..60).map(|second| grown(second.min(1))).collect();
        let class = super::class(&super::points(&steady), noise);
        assert!(matches!(class, TrendClass::Bounded | TrendClass::Flat), "{class:?}");
    }
}

/// As of a warm virtual machine that still compiles now and then.
#[test]
fn a_warm_up_and_three_steps_are_no_leak() {
    let heights = |second: usize| match second {
        0..20 => 80.0 + second as f64 * 1.2,
        20..30 => 104.0,
        30..44 => 105.3,
        44..56 => 107.0,
        _ => 108.0,
    };
    let series: Vec<f64> = (0..60).map(|second| MIB * heights(second)).collect();
    let class = super::class(&super::points(&series), Resource::AnonymousBytes.noise() as f64);
    assert_ne!(class, TrendClass::Leak);
}
