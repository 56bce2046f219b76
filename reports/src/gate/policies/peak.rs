//! `peak-*`: the largest amount of a resource in any sample. Each subject's own peak is taken, and
//! all are added, as in every report of a peak.

use leakbench_model::Resource;
use leakbench_recording::ledger::Ledger;
use leakbench_recording::observation::ObservationLedger;

use super::samples;
use crate::gate::budget::{MeasuredRuns, PolicySetting, Suggestion};
use crate::gate::measurement::{Measurement, NotMeasured, Reading};
use crate::gate::numbers::{rounded_up, toml_integer};
use crate::gate::policy::{Key, MAX, Policy, Unit};
use crate::gate::runs::{Run, Source};
use crate::gate::{Evidence, PolicyLevel};

/// `gate init` allows half as much again: other machines have other libraries, limits and timing.
const HEADROOM_PERCENT: u64 = 150;
const KEYS: &[Key] = &[Key::max(None), Key::over_baseline()];

pub(super) const fn policy(resource: Resource) -> Policy {
    Policy {
        name: "peak-{}",
        about: "{} at the peak, added over all processes",
        unit: Unit::Resource(resource),
        level: PolicyLevel::Off,
        keys: KEYS,
        exempts_resources: false,
        needs_baseline_runs: false,
        sentence: "{value} at the peak, budget {limit}",
        measure,
        suggest,
    }
}

fn measure(
    setting: &PolicySetting,
    run: &Run<'_>,
    _: &[Run<'_>],
) -> Result<Measurement, NotMeasured> {
    let resource = setting.policy.resource();
    let resource = resource.ok_or_else(|| NotMeasured::missing("it has no resource"))?;
    let peak = match run.source {
        Source::Run(recorded) => recorded.ledger.peak.of(resource),
        Source::Observation(diagnosis) => {
            let samples = diagnosis.ledger.samples.iter();
            samples.filter_map(|sample| sample.amounts.of(resource)).max()
        }
    };
    let peak = peak.ok_or_else(|| NotMeasured::missing("it was not read"))?;
    let mut text = resource.counted(peak);
    let evidence = match run.source {
        Source::Run(recorded) => {
            if let subjects @ 2.. = recorded.ledger.subjects.len() {
                text += &format!(" (added over {subjects} subjects)");
            }
            of_run(run, &recorded.ledger, resource)
        }
        Source::Observation(diagnosis) => of_observation(run, &diagnosis.ledger, resource, peak),
    };
    Ok(Measurement {
        value: Some(peak as f64),
        text: resource.amount(peak),
        readings: vec![Reading::exact(MAX, peak as f64, text)],
        details: Vec::new(),
        evidence,
    })
}

/// Each subject's first sample at its peak. A peak at rest has none.
fn of_run(run: &Run<'_>, ledger: &Ledger, resource: Resource) -> Vec<Evidence> {
    let lines = ledger.subjects.iter().filter_map(|subject| {
        let peak = subject.peak.of(resource)?;
        let mut samples = subject.samples.iter();
        let sample = samples.find(|sample| sample.footprint.of(resource) == Some(peak))?;
        let place = samples::described(subject.number, sample);
        let what = format!("{place}: {}", resource.counted(peak));
        Some(Evidence { path: run.path.clone(), line: sample.line, what })
    });
    lines.collect()
}

fn of_observation(
    run: &Run<'_>,
    ledger: &ObservationLedger,
    resource: Resource,
    peak: u64,
) -> Vec<Evidence> {
    let mut samples = ledger.samples.iter().zip(&ledger.sample_lines);
    let at_peak = samples.find(|(sample, _)| sample.amounts.of(resource) == Some(peak));
    let line = at_peak.map(|(sample, &line)| Evidence {
        path: run.path.clone(),
        line,
        what: format!("sample at {} ms: {}", sample.at_ms, resource.counted(peak)),
    });
    line.into_iter().collect()
}

fn suggest(policy: &Policy, runs: &MeasuredRuns<'_>) -> Option<Suggestion> {
    let (resource, peak) = (policy.resource()?, runs.largest()? as u64);
    let allowed = if runs.leaked {
        rounded_up(peak)
    } else {
        // Half of a small amount is less than its noise.
        let half_more = peak.saturating_mul(HEADROOM_PERCENT) / 100;
        rounded_up(half_more.max(peak.saturating_add(resource.noise())))
    };
    let comment = if runs.leaked {
        "No more than in a run that leaked: make this file again from one that did not.".to_owned()
    } else {
        format!("With headroom for other machines: {}.", resource.amount(allowed))
    };
    Some(Suggestion {
        measured: resource.counted(peak),
        comments: vec![comment],
        level: PolicyLevel::Error,
        bounds: vec![(MAX, toml_integer(allowed))],
    })
}
