//! Rule `late-releases`: the kernel should release an image before the drop of its module returns.
//!
//! A release within the settle time is no leak, but is reported. The recorded time of a release is
//! an upper bound: the subject learns of it at a later drop or at a barrier.
//!
//! A reading by leakbench delays a release. If there was none beside the drop, the subject searches itself
//! for a holder. One that holds nothing of the image is not the cause: another program reads it, or the
//! kernel held it for a moment. Otherwise the runtime may have a race. That is inconclusive, unless a
//! barrier has found a leak. A runtime behind a pipe may have a garbage collector, which is late by
//! design.

use leakbench_model::text::{counted, duration_ms, duration_ns, grouped, sum};

use leakbench_model::Verdict;
use leakbench_scenarios::SubjectName;

use super::{Finding, Rule};
use crate::ledger::{Ledger, SubjectLedger};

pub(super) const RULE: Rule<Ledger> = Rule { name: "late-releases", judge };

fn judge(ledger: &Ledger) -> Vec<Finding> {
    if ledger.images.late == 0 {
        return Vec::new();
    }
    unexplained(ledger).into_iter().chain(held_outside(ledger)).chain([all(ledger)]).collect()
}

/// Releases that were late though nothing is known to have read the subject.
fn unexplained(ledger: &Ledger) -> Option<Finding> {
    let is_command = matches!(ledger.start.scenario.subject, SubjectName::Command(_));
    let lingered = ledger.subjects.iter().any(|subject| subject.worst.is_some());
    let unexplained = sum(ledger.subjects.iter().filter_map(SubjectLedger::late_unexplained));
    if is_command || lingered || unexplained == 0 {
        return None;
    }
    let held = |subject: &SubjectLedger| subject.counts.late_held_inside;
    let cause = match sum(ledger.subjects.iter().filter_map(held)) {
        0 => "the runtime has a race, or another program reads the subject".to_owned(),
        held => format!(
            "a descriptor or a mapping of the subject still held {} when the drop had returned, so the \
             runtime has a race",
            counted(held, "image"),
        ),
    };
    let message = format!(
        "{} of {} {} released late though leakbench read nothing meanwhile: {cause}; more --barriers would \
         find an image that lingers",
        grouped(unexplained),
        counted(ledger.images.made, "image"),
        was(unexplained),
    );
    Some(Finding::error(RULE.name, Verdict::Inconclusive, message))
}

/// Releases that were late since something outside of the subject held the image.
fn held_outside(ledger: &Ledger) -> Option<Finding> {
    let outside = sum(ledger.subjects.iter().filter_map(|it| it.counts.late_held_outside));
    (outside > 0).then(|| {
        let message = format!(
            "{} of {} {} held when the drop had returned, and by nothing in the subject: another program \
             reads it, or the kernel held it for a moment",
            grouped(outside),
            counted(ledger.images.made, "image"),
            was(outside),
        );
        Finding::note(RULE.name, message)
    })
}

fn was(number: u64) -> &'static str {
    if number == 1 { "was" } else { "were" }
}

fn all(ledger: &Ledger) -> Finding {
    let images = &ledger.images;
    let mut message = format!(
        "{} of {} {} released after the drop of the module had returned",
        grouped(images.late),
        counted(images.made, "image"),
        was(images.late),
    );
    let timed = || ledger.subjects.iter().filter(|subject| subject.late_timed > 0);
    // The times of late releases are among those of all releases, so the maximum of all is an
    // upper bound only: it may be of a slow drop.
    let Some(max_ns) = timed().filter_map(|subject| subject.release.max_ns()).max() else {
        return Finding::note(RULE.name, message);
    };
    let settle_ms = ledger.start.scenario.settle_ms.0;
    let (max, allowed) = (duration_ns(max_ns), duration_ms(settle_ms));
    message += &format!(", up to {max} after the drop (allowed: {allowed})");
    let late_timed = sum(timed().map(|subject| subject.late_timed));
    if late_timed < images.late {
        message += &format!("; {} have no recorded time", grouped(images.late - late_timed));
    }
    if max_ns > settle_ms.saturating_mul(1_000_000) {
        Finding::warning(RULE.name, message)
    } else {
        Finding::note(RULE.name, message)
    }
}
