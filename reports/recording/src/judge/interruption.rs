//! Policy `interruption`: a run that its user ended is judged as no more than that.

use super::{Finding, Verdict};
use crate::ledger::Ledger;
use leakbench_model::text::{counted, duration_ms, grouped};

pub(super) const POLICY: &str = "interruption";

pub(super) fn judge(ledger: &Ledger) -> Vec<Finding> {
    let finding = ledger.interrupted_at_ms.map(|at_ms| {
        let images = &ledger.images;
        let mut message = format!(
            "after {} and {} of {} cycles; the kernel released {} of {}",
            duration_ms(at_ms),
            grouped(ledger.cycles),
            grouped(ledger.start.scenario.cycles.get()),
            grouped(images.released()),
            counted(images.made, "image"),
        );
        if images.lingering > 0 {
            message += &format!(", {} lingering", grouped(images.lingering));
        }
        Finding::error(POLICY, Verdict::Interrupted, message)
    });
    finding.into_iter().collect()
}
