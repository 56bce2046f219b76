//! Rule `late-releases`: the kernel should release an image before the drop of its module returns.
//!
//! A release within the settle time is no leak, but is reported. The recorded time of a release is
//! an upper bound: the subject learns of it at a later drop or at a barrier.

use leakbench_model::text::{counted, duration_ms, duration_ns, grouped, sum};

use super::{Finding, Rule};
use crate::ledger::Ledger;

pub(super) const RULE: Rule<Ledger> = Rule { name: "late-releases", judge };

fn judge(ledger: &Ledger) -> Vec<Finding> {
    let images = &ledger.images;
    if images.late == 0 {
        return Vec::new();
    }
    let was = if images.late == 1 { "was" } else { "were" };
    let mut message = format!(
        "{} of {} {was} released after the drop of the module had returned",
        grouped(images.late),
        counted(images.made, "image"),
    );
    let timed = || ledger.subjects.iter().filter(|subject| subject.late_timed > 0);
    // The times of late releases are among those of all releases, so the maximum of all is an
    // upper bound only: it may be of a slow drop.
    let Some(max_ns) = timed().filter_map(|subject| subject.release.max_ns()).max() else {
        return vec![Finding::note(RULE.name, message)];
    };
    let settle_ms = ledger.start.scenario.settle_ms.0;
    let (max, allowed) = (duration_ns(max_ns), duration_ms(settle_ms));
    message += &format!(", up to {max} after the drop (allowed: {allowed})");
    let late_timed = sum(timed().map(|subject| subject.late_timed));
    if late_timed < images.late {
        message += &format!("; {} have no recorded time", grouped(images.late - late_timed));
    }
    if max_ns > settle_ms.saturating_mul(1_000_000) {
        vec![Finding::warning(RULE.name, message)]
    } else {
        vec![Finding::note(RULE.name, message)]
    }
}
