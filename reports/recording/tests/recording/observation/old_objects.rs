//! Leaks below the traffic of a server, which the ages of its objects show.

use leakbench_model::{Resource, Verdict};
use leakbench_recording::observation::*;

use super::{class, diagnosed};
use crate::dice::Dice;
use crate::fixtures::observation::{attached, sampled, with};

const TRIALS: u64 = 200;

/// When an object comes and when it goes, in seconds.
type Life = (f64, f64);

/// About 50 connections, which come at random and stay for `stay_s` on average.
fn traffic(dice: &mut Dice, span_s: u64, stay_s: f64) -> Vec<Life> {
    const CONNECTIONS: f64 = 50.0;
    let here = 0..dice.poisson(CONNECTIONS);
    let mut lives: Vec<Life> = here.map(|_| (-1.0, dice.exponential(stay_s))).collect();
    let mut next = dice.exponential(stay_s / CONNECTIONS);
    while next < span_s as f64 {
        lives.push((next, next + dice.exponential(stay_s)));
        next += dice.exponential(stay_s / CONNECTIONS);
    }
    lives
}

/// Objects that come until `until_s` and never go, one each `every_s` seconds on average.
fn kept(dice: &mut Dice, every_s: f64, until_s: f64) -> Vec<Life> {
    let mut lives = Vec::new();
    let mut next = dice.exponential(every_s);
    while next < until_s {
        lives.push((next, f64::INFINITY));
        next += dice.exponential(every_s);
    }
    lives
}

/// The observation of a process with these sockets, sampled each second.
fn observed(span_s: u64, lives: &[Life]) -> ObservationRecording {
    let at = |now: f64, age: f64| {
        let counts = |&&(from, until): &&Life| from + age <= now && now < until;
        lives.iter().filter(counts).count() as u64
    };
    let age_s = (span_s as f64 * AGE_MAX).floor();
    let times: Vec<u64> = (age_s as u64..span_s).collect();
    let last = (span_s - 1) as f64;
    let old = times.iter().map(|&second| at(second as f64, age_s)).collect();
    let old_objects = OldObjects {
        at_ms: (span_s - 1) * 1_000,
        age_ms: age_s as u64 * 1_000,
        times_ms: times.iter().map(|second| second * 1_000).collect(),
        counts: [(Resource::SocketFds, old)].into(),
        young: [(Resource::SocketFds, at(last, 0.0) - at(last, age_s))].into(),
    };
    let recording = sampled(span_s, |second| {
        let sockets = at(second as f64, 0.0);
        vec![(Resource::SocketFds, sockets), (Resource::Fds, sockets)]
    });
    with(recording, ObservationRecord::OldObjects(old_objects))
}

/// Parts of the trials that are a leak, and that are inconclusive.
fn rates(span_s: u64, model: impl Fn(&mut Dice) -> Vec<Life>) -> (f64, f64) {
    let (mut leaks, mut inconclusive) = (0, 0);
    for trial in 0..TRIALS {
        let mut dice = Dice(trial.wrapping_mul(0x1234_5678_9abc_def1) ^ span_s);
        let diagnosis = diagnosed(&observed(span_s, &model(&mut dice)));
        match diagnosis.judgement.verdict {
            Verdict::Leak => leaks += 1,
            Verdict::Inconclusive => inconclusive += 1,
            verdict => assert_eq!(verdict, Verdict::Clean),
        }
    }
    let part = |number: u32| f64::from(number) / TRIALS as f64;
    (part(leaks), part(inconclusive))
}

/// Prints the rates as a table: `-- --nocapture` shows it.
#[test]
fn leaks_below_traffic_are_found_by_their_age() {
    println!("leak/inconclusive % of {TRIALS}, leaks below 50 connections");
    for (span_s, stay_s, every_s, leak_min, found_min) in [
        (60, 2.0, 4.0, 0.2, 0.45),
        (60, 2.0, 2.0, 0.6, 0.9),
        (60, 2.0, 0.5, 0.98, 1.0),
        (60, 5.0, 0.5, 0.95, 0.98),
        (60, 20.0, 0.5, 0.95, 0.98),
        (300, 20.0, 4.0, 0.85, 0.95),
        (300, 60.0, 4.0, 0.65, 0.9),
    ] {
        let (leak, inconclusive) = rates(span_s, |dice| {
            let mut lives = traffic(dice, span_s, stay_s);
            lives.extend(kept(dice, every_s, span_s as f64));
            lives
        });
        println!(
            "{span_s:4} s  one each {every_s} s below connections of {stay_s} s  {:5.1}/{:<5.1}",
            100.0 * leak,
            100.0 * inconclusive
        );
        assert!(leak >= leak_min, "{span_s} s, {stay_s} s, one each {every_s} s: {leak}");
        assert!(leak + inconclusive >= found_min, "{span_s} s, {stay_s} s, {every_s} s");
    }
}

#[test]
fn healthy_servers_have_old_objects_too() {
    println!("leak/inconclusive % of {TRIALS}, healthy servers with the ages of their objects");
    let mut sums = (0.0, 0.0);
    let models = [60, 300].into_iter().flat_map(|span_s| {
        [2.0, 5.0, 20.0, 60.0, 120.0, 300.0].into_iter().map(move |stay_s| (span_s, stay_s))
    });
    let count = models.clone().count() as f64;
    for (span_s, stay_s) in models {
        let (leak, inconclusive) = rates(span_s, |dice| traffic(dice, span_s, stay_s));
        println!(
            "{span_s:4} s  connections of {stay_s} s  {:5.1}/{:<5.1}",
            100.0 * leak,
            100.0 * inconclusive
        );
        assert!(leak <= 0.02, "{span_s} s, {stay_s} s: {leak}");
        sums = (sums.0 + leak, sums.1 + inconclusive);
    }
    assert!(sums.0 / count <= 0.005, "false alarms: {}", sums.0 / count);
    assert!(sums.1 / count <= 0.06, "without a verdict: {}", sums.1 / count);
}

/// Objects that came in the first half are old for the rest of the time, but no more come.
#[test]
fn a_pool_that_is_full_is_no_leak() {
    let (leak, inconclusive) = rates(60, |dice| kept(dice, 0.5, 30.0));
    assert!(leak <= 0.01 && inconclusive <= 0.3, "{leak} {inconclusive}");
    // The control: they never stop to come.
    let (leak, _) = rates(60, |dice| kept(dice, 0.5, 60.0));
    assert!(leak >= 0.95, "{leak}");
}

#[test]
fn the_verdict_names_the_age() {
    // One each two seconds, which the total shows to chance only.
    let named = (0..9).find_map(|seed| {
        let mut lives = traffic(&mut Dice(seed), 60, 2.0);
        lives.extend((0..30).map(|n| (2.0 * f64::from(n), f64::INFINITY)));
        let diagnosis = diagnosed(&observed(60, &lives));
        diagnosis.account(Resource::SocketFds)?.age_ms.map(|_| diagnosis)
    });
    let diagnosis = named.expect("one of nine");
    assert_eq!(class(&diagnosis, Resource::SocketFds), Some(ResourceClass::Leak));
    let message = &diagnosis.judgement.findings[0].message;
    assert!(message.starts_with("socket descriptors older than 10.0 s grow by "), "{message}");
    let account = diagnosis.account(Resource::SocketFds);
    let rate = account.and_then(Account::rate_per_s);
    assert!(rate.is_some_and(|rate| (rate - 0.5).abs() < 0.1), "{rate:?}");
    let short = account.and_then(Account::growth_in_short).unwrap_or_default();
    assert!(short.ends_with("/min older than 10.0 s"), "{short}");
    // Without ages, nothing is said of them.
    let steady = diagnosed(&attached(|second| vec![(Resource::SocketFds, 2 * second)]));
    assert!(steady.judgement.findings[0].message.starts_with("socket descriptors grow by "));
    let account = steady.account(Resource::SocketFds);
    assert!(account.and_then(Account::growth_in_short).is_some_and(|short| short.ends_with("/s")));
}
