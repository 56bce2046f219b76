//! `time-to-release`: the time from the beginning of a drop to the release of its image, as three
//! quantiles. Off by default: on a busy machine, time proves nothing.

use leakbench_model::text::{counted, duration_ns};

use super::images::with_images;
use crate::gate::budget::{MeasuredRuns, PolicySetting, Suggestion};
use crate::gate::measurement::{Measurement, NotMeasured, Reading};
use crate::gate::numbers::{rounded_up, toml_integer};
use crate::gate::policy::{Key, LimitKind, Numbers, Policy, Unit};
use crate::gate::runs::Run;
use crate::gate::{Evidence, PolicyLevel};

const P50: &str = "p50-us";
const P99: &str = "p99-us";
const MAX: &str = "max-us";
/// `gate init` allows so many times the measured time.
const HEADROOM: u64 = 10;

pub(super) const POLICY: Policy = Policy {
    name: "time-to-release",
    about: "time from the beginning of a drop to the release of the image",
    unit: Unit::Microseconds,
    level: PolicyLevel::Off,
    keys: &[key(P50, "median at most {}"), key(P99, "p99 at most {}"), key(MAX, "max at most {}")],
    exempts_resources: false,
    needs_baseline_runs: false,
    sentence: "{value} from drop to release, budget {limit}",
    measure,
    suggest,
};

const fn key(name: &'static str, words: &'static str) -> Key {
    Key { name, limit: LimitKind::Maximum, numbers: Numbers::NotNegative, default: None, words }
}

fn measure(_: &PolicySetting, run: &Run<'_>, _: &[Run<'_>]) -> Result<Measurement, NotMeasured> {
    let ledger = &with_images(run)?.ledger;
    let times = &ledger.release;
    let (Some(p50), Some(p99), Some(max)) = (times.p50_ns, times.p99_ns, times.max_ns) else {
        let why = "no release has a known time".to_owned();
        return Err(NotMeasured::Inconclusive(why));
    };
    let readings = [(P50, "median", p50), (P99, "p99", p99), (MAX, "max", max)];
    let readings = readings.map(|(key, name, ns)| {
        Reading::exact(key, ns as f64 / 1e3, format!("{name} {}", duration_ns(ns)))
    });
    let timed = ledger.subjects.iter().filter(|subject| subject.release.count() > 0);
    let evidence = timed.filter_map(|subject| {
        let barrier = subject.barriers.last()?;
        let count = counted(subject.release.count(), "release");
        let what = format!("barrier of subject {}: times of {count}", subject.number);
        Some(Evidence { path: run.path.clone(), line: barrier.line, what })
    });
    let text: Vec<&str> = readings.iter().map(|reading| reading.text.as_str()).collect();
    Ok(Measurement {
        value: Some(p99 as f64 / 1e3),
        text: text.join(", "),
        readings: readings.to_vec(),
        details: Vec::new(),
        evidence: evidence.collect(),
    })
}

fn suggest(policy: &Policy, runs: &MeasuredRuns<'_>) -> Option<Suggestion> {
    if runs.leaked {
        return None;
    }
    let p99_us = runs.largest()?;
    let p99_ns = (p99_us * 1e3).round() as u64;
    let allowed_us = rounded_up(p99_ns.saturating_mul(HEADROOM).div_ceil(1_000));
    let comment = "Off: on a busy machine, time alone proves nothing. Ten times the measured time:";
    Some(Suggestion {
        measured: format!("p99 {}", policy.unit.shown(p99_us)),
        comments: vec![comment.to_owned()],
        level: PolicyLevel::Off,
        bounds: vec![(P99, toml_integer(allowed_us))],
    })
}
