//! Policy `throughput`: cycles a second as a part of those of baseline runs that the same job made,
//! never an absolute time. A ratio alone is noise on a busy machine, so that it fails only where
//! the windows between looks are slower too, with a large effect.

use super::{Against, Answer, Checked, Told, figure};
use crate::gate::Evidence;
use crate::gate::budget::Rule;
use crate::gate::effect::{Effect, cliffs_delta};
use crate::gate::policy::MIN_RATIO;
use crate::gate::runs::{Run, What};
use leakbench_model::Verdict;
use leakbench_model::text::{counted, grouped};
use leakbench_recording::ledger::Ledger;

/// Fewer windows say nothing of how much rates vary.
const WINDOWS_MIN: usize = 8;

pub(super) fn check(rule: &Rule, run: &Run<'_>, against: Against<'_>) -> Checked {
    let What::Run(recorded) = run.what else {
        return Err(Answer::other_kind("an observed process has no cycles"));
    };
    let Some(least) = rule.bound(MIN_RATIO) else {
        return Err(Answer::missing("it has no bound"));
    };
    let identity = run.identity();
    let baselines: Vec<&Ledger> = against
        .runs
        .iter()
        .filter_map(|other| match other.what {
            What::Run(of) if other.identity() == identity => Some(&of.ledger),
            _ => None,
        })
        .collect();
    if baselines.is_empty() {
        let why = format!("no baseline run of `{identity}` was given (--against DIR)");
        return Err(Answer::Missing { key: Some(MIN_RATIO), why });
    }
    let (whole, windows) = (whole_rate(&recorded.ledger), windows(&recorded.ledger));
    let mut base_rates: Vec<f64> = baselines.iter().filter_map(|of| whole_rate(of)).collect();
    let base_windows: Vec<f64> = baselines.iter().flat_map(|of| self::windows(of)).collect();
    let (Some(rate), Some(base)) = (whole, median(&mut base_rates)) else {
        let why = "a run did not do all its cycles, or took no time that can be told";
        return Ok(Answer::untold(rule, why));
    };
    let ratio = rate / base;
    let seen = format!(
        "{} cycles a second, {} of the {} of {}",
        grouped(rate.round() as u64),
        figure(ratio),
        grouped(base.round() as u64),
        counted(baselines.len() as u64, "baseline run"),
    );
    let few = windows.len().min(base_windows.len());
    let (verdict, told) = if few < WINDOWS_MIN {
        let why = format!(
            "too few windows between looks to tell it from noise ({few}, of {WINDOWS_MIN} needed): \
             run more cycles, or with more --barriers"
        );
        (Verdict::Inconclusive, why)
    } else {
        let delta = cliffs_delta(&windows, &base_windows);
        let effect = Effect::of(delta);
        // A window that is faster is no reason for a run to be slower.
        let slower = delta < 0.0 && effect == Effect::Large;
        let verdict = if ratio < least && slower { Verdict::Leak } else { Verdict::Clean };
        let effect = effect.as_str();
        (verdict, format!("effect {effect} (Cliff's delta {})", signed(delta)))
    };
    Ok(Answer::Told(Told {
        verdict,
        measured: Some(figure(ratio)),
        allowed: format!("at least {} of the baseline runs", figure(least)),
        message: format!("{seen}, budget {}: {told}", figure(least)),
        evidence: evidence(run, &recorded.ledger),
    }))
}

/// Cycles a second of a run that did all of them: a part says little of the whole.
fn whole_rate(ledger: &Ledger) -> Option<f64> {
    let whole = ledger.cycles == ledger.start.scenario.cycles.get();
    ledger.rate_per_s().filter(|rate| whole && *rate > 0.0)
}

/// Rates of each subject between one look and the next.
fn windows(ledger: &Ledger) -> Vec<f64> {
    let pairs = ledger.subjects.iter().flat_map(|subject| subject.samples.windows(2));
    let rates = pairs.filter_map(|pair| {
        let ms = pair[1].at_ms.checked_sub(pair[0].at_ms).filter(|&ms| ms > 0)?;
        let cycles = pair[1].counts.cycles.checked_sub(pair[0].counts.cycles)?;
        (cycles > 0).then(|| cycles as f64 * 1e3 / ms as f64)
    });
    rates.collect()
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

fn signed(delta: f64) -> String {
    format!("{delta:.2}").replace('-', "−")
}

fn evidence(run: &Run<'_>, ledger: &Ledger) -> Vec<Evidence> {
    let lasts = ledger.subjects.iter().filter_map(|subject| {
        let last = subject.samples.last()?;
        let cycles = counted(last.counts.cycles, "cycle");
        let what = format!("subject {} had done {cycles} after {} ms", subject.number, last.at_ms);
        Some(Evidence { path: run.path.clone(), line: last.line, what })
    });
    lasts.collect()
}
