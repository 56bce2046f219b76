//! `lingering-peak`: images that linger at the barrier with the most of them, each subject at its
//! own worst barrier. Inconclusive if images of unknown fate could exceed the limit.

use leakbench_model::LingeringImage;
use leakbench_model::text::{counted, grouped, sum};
use leakbench_recording::ledger::{LingeringBarrier, SubjectLedger};

use super::images::{barrier, listed, reading, with_images, with_unknown};
use crate::gate::budget::{PolicySetting, Suggestion};
use crate::gate::measurement::{Measurement, NotMeasured};
use crate::gate::policy::{Key, Policy, Unit};
use crate::gate::runs::Run;
use crate::gate::{Evidence, PolicyLevel};

pub(super) const POLICY: Policy = Policy {
    name: "lingering-peak",
    about: "images that linger at the barrier with the most of them",
    unit: Unit::Count,
    level: PolicyLevel::Error,
    keys: &[Key::max(Some(0.0)), Key::over_baseline()],
    exempts_resources: false,
    needs_baseline_runs: false,
    sentence: "{value}, budget {limit}",
    measure,
    suggest: Suggestion::none_allowed,
};

fn measure(_: &PolicySetting, run: &Run<'_>, _: &[Run<'_>]) -> Result<Measurement, NotMeasured> {
    let recorded = with_images(run)?;
    let subjects = &recorded.ledger.subjects;
    if subjects.iter().all(|subject| subject.barriers.is_empty()) {
        return Err(NotMeasured::Inconclusive("no subject reached a barrier".to_owned()));
    }
    let worst: Vec<(u32, &LingeringBarrier)> =
        subjects.iter().filter_map(|of| Some((of.number, of.worst.as_ref()?))).collect();
    let lingering = sum(worst.iter().map(|(_, barrier)| barrier.lingering));
    let unknown = recorded.ledger.images.unknown;
    let images = with_unknown(lingering, unknown);
    let text = match worst.as_slice() {
        [] => format!("{images} lingering at any barrier"),
        [(subject, barrier)] => format!(
            "{images} lingering at the barrier of subject {subject} after {}",
            counted(barrier.after_cycle, "cycle"),
        ),
        several => {
            format!("{images} lingering at the worst barriers of {} subjects", several.len())
        }
    };
    let examples = subjects
        .iter()
        .flat_map(|subject| examples(subject).iter().map(|image| (subject.number, image)));
    Ok(Measurement {
        value: Some(lingering as f64),
        text: grouped(lingering),
        readings: vec![reading(lingering, unknown, text)],
        details: listed(recorded, examples, lingering),
        evidence: evidence(run, subjects, &worst),
    })
}

/// The images listed at a subject's worst barrier.
fn examples(subject: &SubjectLedger) -> &[LingeringImage] {
    subject.worst.as_ref().map_or(&[], |worst| &worst.listed)
}

/// The worst barriers; if no image lingered, the last ones.
fn evidence(
    run: &Run<'_>,
    subjects: &[SubjectLedger],
    worst: &[(u32, &LingeringBarrier)],
) -> Vec<Evidence> {
    if worst.is_empty() {
        let lasts = subjects.iter().filter_map(|subject| {
            let last = subject.barriers.last()?;
            Some(barrier(run, last.line, subject.number, last.cycles, last.lingering))
        });
        return lasts.collect();
    }
    let line = |(subject, worst): &(u32, &LingeringBarrier)| {
        barrier(run, worst.line, *subject, worst.after_cycle, worst.lingering)
    };
    worst.iter().map(line).collect()
}
