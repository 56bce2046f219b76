//! Policy `lingering-images`: no image of a dropped module may linger at any barrier.
//!
//! A barrier waits for late releases before it counts, so what lingers there is proved, also
//! where it was released later, and also where nothing is known of the time after.

use super::{Finding, Level, Verdict};
use crate::ledger::{Ledger, SubjectLedger};
use leakbench_model::Reason;
use leakbench_model::text::{counted, grouped, third_person};

pub(super) const POLICY: &str = "lingering-images";

pub(super) fn judge(ledger: &Ledger) -> Vec<Finding> {
    let mut findings = Vec::new();
    let images = &ledger.images;
    if images.lingering > 0 {
        let message = format!(
            "{} of {} {}{}",
            grouped(images.lingering),
            counted(images.made, "image"),
            third_person(images.lingering, "linger"),
            held_by(ledger),
        );
        findings.push(Finding::error(POLICY, Verdict::Leak, message));
    }
    findings.extend(ledger.subjects.iter().filter_map(earlier));
    findings
}

/// What lingered in mid-run and not at the end.
fn earlier(subject: &SubjectLedger) -> Option<Finding> {
    let worst = subject.worst.as_ref()?;
    let still = subject.images.lingering;
    if worst.lingering <= still {
        return None;
    }
    let what = format!(
        "{} of subject {} lingered at the barrier after cycle {}",
        counted(worst.lingering, "image"),
        subject.number,
        grouped(worst.after_cycle),
    );
    if still > 0 {
        let message = format!("{what}, more than at the end");
        return Some(Finding::aside(POLICY, Level::Note, message));
    }
    let message = if subject.reached_last_barrier() {
        format!("{what} and were released later")
    } else {
        format!("{what}; whether they were released later was not seen")
    };
    Some(Finding::error(POLICY, Verdict::Leak, message))
}

/// `, held by 951 affine slots`, `, held by 469 affine slots and 15 queued slots`; where only some
/// are listed, of those alone: `; the 2,000 listed are held by 2,000 affine slots`.
fn held_by(ledger: &Ledger) -> String {
    let slots = ledger.slots_holding.iter();
    let mut parts: Vec<String> =
        slots.map(|holding| Reason::of_slot(holding.state).counted(holding.slots)).collect();
    for group in ledger.held_by.iter().filter(|group| !group.reason.is_slot()) {
        parts.push(format!("{} ({})", group.reason.plural(), counted(group.images, "image")));
    }
    let listed = ledger.lingering_listed();
    let text = match parts.as_slice() {
        [] => return ", held by holders that were not recorded".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    };
    if listed < ledger.images.lingering {
        let are = if listed == 1 { "is" } else { "are" };
        return format!("; the {} listed {are} held by {text}", grouped(listed));
    }
    format!(", held by {text}")
}
