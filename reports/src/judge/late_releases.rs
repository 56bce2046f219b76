//! Policy `late-releases`: an image should be gone when the drop of its module returns. One that
//! follows within the settle time is no leak; it is worth knowing.

use super::{Finding, Level};
use crate::ledger::Ledger;
use crate::words::{counted, duration_ms, duration_ns, grouped};

const POLICY: &str = "late-releases";

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
    // The slowest is known only where the time of each is.
    let all_timed = ledger.release.count >= images.released();
    if let Some(max_ns) = ledger.release.max_ns.filter(|_| all_timed) {
        message += &format!(", at most {} after it began", duration_ns(max_ns));
        let settle_ms = ledger.start.scenario.settle_ms;
        if max_ns > settle_ms.saturating_mul(1_000_000) {
            level = Level::Warn;
            message += &format!(": beyond the {} that late ones may take", duration_ms(settle_ms));
        }
    }
    vec![Finding::aside(POLICY, level, message)]
}
