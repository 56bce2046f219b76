//! `throughput`: the rate of cycles as a ratio to that of baseline runs, which the same job made:
//! never an absolute time. A ratio alone is noise on a busy machine: the policy fails only if the
//! windows between samples are slower too, with a large effect.

use leakbench_model::text::{counted, grouped};
use leakbench_recording::ledger::{Ledger, SubjectSample};

use super::effect::{Effect, cliffs_delta};
use crate::gate::budget::{MeasuredRuns, PolicySetting, Suggestion};
use crate::gate::measurement::{Measurement, NotMeasured, Reading};
use crate::gate::numbers::figure;
use crate::gate::policy::{Key, LimitKind, Numbers, Policy, Unit};
use crate::gate::runs::{Run, Source};
use crate::gate::{Evidence, PolicyLevel};

const MIN_RATIO: &str = "min-ratio";
/// Two runs of one job differ by less.
const RATIO_MIN: f64 = 0.9;
/// Fewer windows do not show how much rates vary.
const WINDOWS_MIN: usize = 8;

pub(super) const POLICY: Policy = Policy {
    name: "throughput",
    about: "rate of cycles as a ratio to baseline runs of the same job",
    unit: Unit::Ratio,
    level: PolicyLevel::Off,
    keys: &[Key {
        name: MIN_RATIO,
        limit: LimitKind::Minimum,
        numbers: Numbers::Positive,
        default: Some(RATIO_MIN),
        words: "at least {} of the baseline runs",
    }],
    exempts_resources: false,
    needs_baseline_runs: true,
    sentence: "{value}, budget {limit}",
    measure,
    suggest,
};

fn measure(
    _: &PolicySetting,
    run: &Run<'_>,
    baseline_runs: &[Run<'_>],
) -> Result<Measurement, NotMeasured> {
    let Source::Run(recorded) = run.source else {
        return Err(NotMeasured::other_kind("an observed process has no cycles"));
    };
    let identity = run.identity();
    let same = baseline_runs.iter().filter_map(|other| match other.source {
        Source::Run(of) if other.identity() == identity => Some(&of.ledger),
        _ => None,
    });
    let same: Vec<&Ledger> = same.collect();
    if same.is_empty() {
        let why = format!("no baseline run of `{identity}` was given (--against DIR)");
        return Err(NotMeasured::Missing { key: Some(MIN_RATIO), why });
    }
    // Of an older recording, rates include barriers.
    let is_older = |of: &Ledger| of.cycle_time_us().is_none();
    if same.iter().any(|of| is_older(of) != is_older(&recorded.ledger)) {
        let why =
            "the time of barriers was recorded of one run alone: make the baseline runs again";
        return Err(NotMeasured::Inconclusive(why.to_owned()));
    }
    let mut base_rates: Vec<f64> = same.iter().filter_map(|of| whole_rate(of)).collect();
    let (Some(rate), Some(base)) = (whole_rate(&recorded.ledger), median(&mut base_rates)) else {
        let why = "a run did not finish its cycles, or has no measurable duration";
        return Err(NotMeasured::Inconclusive(why.to_owned()));
    };
    let windows = windows(&recorded.ledger);
    let base_windows: Vec<f64> = same.iter().flat_map(|of| self::windows(of)).collect();
    let ratio = rate / base;
    let [rate, base] = [rate, base].map(|of| grouped(of.round() as u64));
    let runs = counted(same.len() as u64, "baseline run");
    let text = format!("{rate} cycles/s, {} of the {base} cycles/s of {runs}", figure(ratio));
    let (proved, possible, detail) = compared(ratio, &windows, &base_windows);
    Ok(Measurement {
        value: Some(ratio),
        text: figure(ratio),
        readings: vec![Reading { key: MIN_RATIO, proved, possible, text }],
        details: vec![detail],
        evidence: evidence(run, &recorded.ledger),
    })
}

/// The ratio that the windows prove and the one that they leave possible, and the effect in words.
/// Infinite stands for no slowdown, and 0 for any.
fn compared(ratio: f64, windows: &[f64], base_windows: &[f64]) -> (f64, f64, String) {
    let few = windows.len().min(base_windows.len());
    if few < WINDOWS_MIN {
        let detail = format!(
            "{} between samples, and at least {WINDOWS_MIN} are needed to tell a slower run from \
             noise: run more cycles, or with more --barriers",
            counted(few as u64, "window"),
        );
        return (f64::INFINITY, 0.0, detail);
    }
    let delta = cliffs_delta(windows, base_windows);
    let effect = Effect::of(delta);
    let signed = format!("{delta:.2}").replace('-', "−");
    let detail = format!("effect {} (Cliff's delta {signed})", effect.as_str());
    // Faster windows do not make a run slower.
    let is_slower = delta < 0.0 && effect == Effect::Large;
    let proved = if is_slower { ratio } else { f64::INFINITY };
    (proved, proved, detail)
}

/// The rate of a run that did all its cycles: a part of a run does not show the rate of the whole.
fn whole_rate(ledger: &Ledger) -> Option<f64> {
    let is_whole = ledger.cycles == ledger.start.scenario.cycles.get();
    ledger.rate_per_s().filter(|rate| is_whole && *rate > 0.0)
}

/// The rates of each subject between a sample and the next, in cycles a second.
fn windows(ledger: &Ledger) -> Vec<f64> {
    let pairs = ledger.subjects.iter().flat_map(|subject| subject.samples.windows(2));
    let rates = pairs.filter_map(|pair| {
        let us = time_us(&pair[1]).checked_sub(time_us(&pair[0])).filter(|&us| us > 0)?;
        let cycles = pair[1].counts.cycles.checked_sub(pair[0].counts.cycles)?;
        (cycles > 0).then(|| cycles as f64 * 1e6 / us as f64)
    });
    rates.collect()
}

/// The time in which cycles ran; of an older recording, the time since the run began.
fn time_us(sample: &SubjectSample) -> u64 {
    sample.running_us.unwrap_or_else(|| sample.at_ms.saturating_mul(1_000))
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

fn evidence(run: &Run<'_>, ledger: &Ledger) -> Vec<Evidence> {
    let lasts = ledger.subjects.iter().filter_map(|subject| {
        let last = subject.samples.last()?;
        let cycles = counted(last.counts.cycles, "cycle");
        let what =
            format!("last sample of subject {}: {cycles} in {} ms", subject.number, last.at_ms);
        Some(Evidence { path: run.path.clone(), line: last.line, what })
    });
    lasts.collect()
}

fn suggest(_: &Policy, runs: &MeasuredRuns<'_>) -> Option<Suggestion> {
    let rate = runs.runs.iter().find_map(|run| match run.source {
        Source::Run(run) => run.ledger.rate_per_s(),
        Source::Observation(_) => None,
    })?;
    Some(Suggestion {
        measured: format!("{} cycles/s, on this machine only", grouped(rate as u64)),
        comments: vec![
            "Off: it needs runs of the version before, made by the same job. Set the level"
                .to_owned(),
            "\"error\" and give them with --against DIR, which is refused while this is off."
                .to_owned(),
        ],
        level: PolicyLevel::Off,
        bounds: vec![(MIN_RATIO, RATIO_MIN.to_string())],
    })
}
