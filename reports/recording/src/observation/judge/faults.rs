//! Rule `faults`: calls of the command that failed on purpose. A fault that met no call tests nothing, so the
//! observation is inconclusive.

use super::Evidence;
use crate::judge::faults::of_counts;
use crate::judge::{Finding, Rule};

pub(super) const RULE: Rule<Evidence> = Rule { name: "faults", judge };

fn judge(Evidence { ledger, .. }: &Evidence) -> Vec<Finding> {
    let faults = ledger.exit.as_ref().map_or(&[][..], |exit| &exit.faults);
    of_counts("the command", faults)
}
