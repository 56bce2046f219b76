//! Rule `lingering-images`: no image of a dropped module may linger at any barrier.
//!
//! A barrier waits for late releases before it counts. So an image that lingers there is proof of
//! a leak, even if it was released later or the recording ends there.

use leakbench_model::text::{counted, grouped, third_person};
use leakbench_model::{Reason, Verdict};

use super::{Finding, Rule};
use crate::ledger::{ImagesByReason, Ledger, SlotsByState, SubjectLedger};

pub(super) const RULE: Rule<Ledger> = Rule { name: "lingering-images", judge };

fn judge(ledger: &Ledger) -> Vec<Finding> {
    let mut findings = Vec::new();
    let images = &ledger.images;
    if images.lingering > 0 {
        let message = format!(
            "{} of {} {}{}",
            grouped(images.lingering),
            counted(images.made, "image"),
            third_person(images.lingering, "linger"),
            held_by_in(ledger),
        );
        findings.push(Finding::error(RULE.name, Verdict::Leak, message));
    }
    findings.extend(ledger.subjects.iter().filter_map(earlier));
    findings
}

/// Images that lingered at an earlier barrier, if more than at the end.
fn earlier(subject: &SubjectLedger) -> Option<Finding> {
    let worst = subject.worst.as_ref()?;
    let at_end = subject.images.lingering;
    if worst.lingering <= at_end {
        return None;
    }
    let lingered = format!(
        "{} of subject {} lingered at the barrier after cycle {}",
        counted(worst.lingering, "image"),
        subject.number,
        grouped(worst.after_cycle),
    );
    let listed = || worst.listed.iter();
    let slots = SlotsByState::of(listed().map(|image| (subject.number, image)));
    let holders = holders(&slots, &ImagesByReason::of(listed()));
    let holders = holders.map_or(String::new(), |holders| format!(", held by {holders}"));
    if at_end > 0 {
        let message = format!("{lingered}{holders}, more than at the end");
        return Some(Finding::note(RULE.name, message));
    }
    let message = if subject.reached_last_barrier() {
        let comma = if holders.is_empty() { "" } else { "," };
        format!("{lingered}{holders}{comma} and were released later")
    } else {
        format!("{lingered}{holders}; later releases were not observed")
    };
    Some(Finding::error(RULE.name, Verdict::Leak, message))
}

/// `, held by 951 affine slots` or, if not all images are listed, `; the 2,000 listed are held by
/// 2,000 affine slots`.
fn held_by_in(ledger: &Ledger) -> String {
    let Some(holders) = holders(&ledger.slots_holding, &ledger.held_by) else {
        return "; their holders were not recorded".to_owned();
    };
    let listed = ledger.lingering_listed();
    if listed < ledger.images.lingering {
        let are = if listed == 1 { "is" } else { "are" };
        return format!("; the {} listed {are} held by {holders}", grouped(listed));
    }
    format!(", held by {holders}")
}

/// `895 affine slots and 8 queued slots`; `None` without a holder.
fn holders(slots: &[SlotsByState], images: &[ImagesByReason]) -> Option<String> {
    let slots = slots.iter();
    let mut parts: Vec<String> =
        slots.map(|holding| Reason::of_slot(holding.state).counted(holding.slots)).collect();
    for group in images.iter().filter(|group| !group.reason.is_slot()) {
        parts.push(format!("{} ({})", group.reason.plural(), counted(group.images, "image")));
    }
    match parts.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        [first @ .., last] => Some(format!("{} and {last}", first.join(", "))),
    }
}
