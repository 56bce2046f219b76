//! Rule `interruption`: a run that the user ended proves nothing.

use leakbench_model::Verdict;
use leakbench_model::text::{counted, duration_ms, grouped};

use super::{Finding, Rule};
use crate::ledger::Ledger;

pub(super) const RULE: Rule<Ledger> = Rule { name: "interruption", judge };

fn judge(ledger: &Ledger) -> Vec<Finding> {
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
        Finding::error(RULE.name, Verdict::Interrupted, message)
    });
    finding.into_iter().collect()
}
