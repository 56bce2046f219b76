//! Rule `growth`: no resource may grow without bound. Each suspect is a finding.

use leakbench_model::Verdict;

use super::{Evidence, forecast_clause, growth_clause};
use crate::judge::{Finding, Rule};

pub(super) const RULE: Rule<Evidence> = Rule { name: "growth", judge };

fn judge(evidence: &Evidence) -> Vec<Finding> {
    let findings = evidence.suspects.iter().filter_map(|suspect| {
        let account = evidence.accounts.get(suspect.resource)?;
        let mut message = growth_clause(account)?;
        if account.freed_at_exit {
            message += ", freed only at the exit";
        }
        if let Some(forecast) = &suspect.forecast {
            message += &forecast_clause(&forecast.limit, forecast.seconds);
        }
        Some(Finding::error(RULE.name, Verdict::Leak, message))
    });
    findings.collect()
}
