//! Policy `time-to-release`.

use super::lingering::with_images;
use super::{Answer, Checked, Told, verdict};
use crate::gate::Evidence;
use crate::gate::budget::{Bound, Rule};
use crate::gate::runs::Run;
use leakbench_model::text::{counted, duration_ns};
use leakbench_recording::ledger::ReleaseTimes;

pub(super) fn check(rule: &Rule, run: &Run<'_>) -> Checked {
    let ledger = &with_images(run)?.ledger;
    let times = &ledger.release;
    let mut exceeds = false;
    let (mut measured, mut told) = (Vec::new(), Vec::new());
    for bound in &rule.bounds {
        let Some((name, ns)) = time(bound, times) else {
            return Ok(Answer::untold(rule, "of no image is it known how long its release took"));
        };
        let most_ns = bound.value * 1e3;
        exceeds |= ns as f64 > most_ns;
        let (took, budget) = (duration_ns(ns), duration_ns(most_ns as u64));
        measured.push(format!("{name} {took}"));
        told.push(format!("{name} {took}, budget {budget}"));
    }
    let timed = ledger.subjects.iter().filter(|subject| subject.release.count() > 0);
    let evidence = timed.filter_map(|subject| {
        let barrier = subject.barriers.last()?;
        let count = counted(subject.release.count(), "release");
        let what = format!("barrier of subject {}: times of {count}", subject.number);
        Some(Evidence { path: run.path.clone(), line: barrier.line, what })
    });
    Ok(Answer::Told(Told {
        verdict: verdict(exceeds),
        measured: Some(measured.join(", ")),
        allowed: rule.allowed(),
        message: format!("from drop to release: {}", told.join("; ")),
        evidence: evidence.collect(),
    }))
}

fn time(bound: &Bound, times: &ReleaseTimes) -> Option<(&'static str, u64)> {
    match bound.key {
        "p50-us" => Some(("median", times.p50_ns?)),
        "p99-us" => Some(("p99", times.p99_ns?)),
        _ => Some(("longest", times.max_ns?)),
    }
}
