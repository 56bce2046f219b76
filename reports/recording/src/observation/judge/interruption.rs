//! Rule `interruption`: ending `attach` early is a normal end if there are enough samples; an
//! interrupted command did not complete.

use leakbench_model::Verdict;
use leakbench_model::text::duration_ms;

use super::{Evidence, sample_summary};
use crate::judge::{Finding, Rule};

pub(super) const RULE: Rule<Evidence> = Rule { name: "interruption", judge };

fn judge(Evidence { ledger, .. }: &Evidence) -> Vec<Finding> {
    let Some(end) = ledger.end.filter(|end| end.interrupted) else {
        return Vec::new();
    };
    let message = format!("after {} and {}", duration_ms(end.at_ms), sample_summary(ledger));
    vec![if !ledger.start.started_here && !ledger.is_too_short() {
        Finding::note(RULE.name, format!("the user ended the observation {message}"))
    } else {
        Finding::error(
            RULE.name,
            Verdict::Interrupted,
            format!("the user interrupted it {message}"),
        )
    }]
}
