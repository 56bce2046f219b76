//! Policy `late-releases`: an image should be gone when the drop of its module returns. One that
//! follows within the settle time is no leak; it is worth knowing. When it followed is known only as
//! the moment at which it was heard of: at the drop of a later module, or at a barrier.

use super::{Finding, Level};
use crate::ledger::Ledger;
use leakbench_model::text::{counted, duration_ms, duration_ns, grouped, sum};

pub(super) const POLICY: &str = "late-releases";

pub(super) fn judge(ledger: &Ledger) -> Vec<Finding> {
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
    let mut level = Level::Note;
    let timed = || ledger.subjects.iter().filter(|subject| subject.late_timed > 0);
    // Times of late releases are kept among those of all, so the longest of all is a bound, and
    // no more: a drop may itself have taken that long.
    if let Some(max_ns) = timed().filter_map(|subject| subject.release.max_ns()).max() {
        message += &format!(", heard of at most {} after it began", duration_ns(max_ns));
        if sum(timed().map(|subject| subject.late_timed)) < images.late {
            message += " as far as timed";
        }
        let settle_ms = ledger.start.scenario.settle_ms;
        if max_ns > settle_ms.saturating_mul(1_000_000) {
            level = Level::Warn;
            message +=
                &format!(": that may be beyond the {} that late ones have", duration_ms(settle_ms));
        }
    }
    vec![Finding::aside(POLICY, level, message)]
}
