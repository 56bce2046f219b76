//! `lingering-by-reason`: images that linger at the end, by the holder that explains them. A key is
//! the name of a [`Reason`]. Inconclusive if images without a listed holder could exceed a limit.

use leakbench_model::text::{counted, grouped, sum};
use leakbench_model::{Holder, LingeringImage, Reason, SlotState};

use super::images::{at_end, with_end, with_images};
use crate::gate::PolicyLevel;
use crate::gate::budget::PolicySetting;
use crate::gate::measurement::{Measurement, NotMeasured, Reading};
use crate::gate::policy::{Key, LimitKind, Numbers, Policy, Unit};
use crate::gate::runs::Run;
use crate::recorded::RecordedRun;

pub(super) const POLICY: Policy = Policy {
    name: "lingering-by-reason",
    about: "images that linger at the end, by their holder",
    unit: Unit::Count,
    level: PolicyLevel::Off,
    keys: &[
        key(Reason::InUseSlot),
        key(Reason::QueuedSlot),
        key(Reason::AffineSlot),
        key(Reason::ColdSlot),
        key(Reason::UnknownSlot),
        key(Reason::OtherMapping),
        key(Reason::DescriptorOnly),
        key(Reason::NotInSubject),
    ],
    exempts_resources: false,
    needs_baseline_runs: false,
    sentence: "{value}, budget {limit}",
    measure,
    // A run without a leak has no reasons; of one with a leak, no budget is made.
    suggest: |_, _| None,
};

const fn key(reason: Reason) -> Key {
    Key {
        name: reason.as_str(),
        limit: LimitKind::Maximum,
        numbers: Numbers::Whole,
        default: None,
        words: "{key} at most {}",
    }
}

fn measure(
    setting: &PolicySetting,
    run: &Run<'_>,
    _: &[Run<'_>],
) -> Result<Measurement, NotMeasured> {
    let recorded = with_images(run)?;
    let needs_states = |key: &str| {
        let reason = key.parse::<Reason>();
        reason.is_ok_and(|reason| reason.is_slot() && reason != Reason::UnknownSlot)
    };
    let mut bounds = setting.bounds.iter();
    if let Some(bound) = bounds.find(|bound| needs_states(bound.key))
        && !reports_states(recorded)
    {
        let why = "the subject does not report the states of its slots".to_owned();
        return Err(NotMeasured::Missing { key: Some(bound.key), why });
    }
    with_end(recorded)?;
    let ledger = &recorded.ledger;
    let unlisted = ledger.images.lingering.saturating_sub(ledger.lingering_listed());
    let unexplained = unlisted.saturating_add(ledger.images.unknown);
    let readings = setting.policy.keys.iter().map(|key| {
        let groups = ledger.held_by.iter().filter(|group| group.reason.as_str() == key.name);
        let images = sum(groups.map(|group| group.images));
        Reading {
            key: key.name,
            proved: images as f64,
            possible: images.saturating_add(unexplained) as f64,
            text: format!("{} lingering with reason {}", counted(images, "image"), key.name),
        }
    });
    let groups = ledger.held_by.iter();
    let groups: Vec<String> =
        groups.map(|group| format!("{} {}", group.reason, grouped(group.images))).collect();
    let details = match unexplained {
        0 => Vec::new(),
        images => vec![format!("{} more have no listed holder", grouped(images))],
    };
    Ok(Measurement {
        value: None,
        text: if groups.is_empty() { "none".to_owned() } else { groups.join(", ") },
        readings: readings.collect(),
        details,
        evidence: at_end(run, recorded),
    })
}

/// The state of any slot is known.
fn reports_states(run: &RecordedRun) -> bool {
    let known = |image: &LingeringImage| {
        image.holders.iter().any(
            |holder| matches!(holder, Holder::Slot { state, .. } if *state != SlotState::Unknown),
        )
    };
    run.ledger.subjects.iter().any(|subject| {
        subject.barriers.iter().any(|barrier| barrier.slots.is_some())
            || subject.lingering.iter().any(known)
    })
}
