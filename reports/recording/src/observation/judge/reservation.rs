//! Rule `reservation`: address space that grows while the memory in it does not is only noted.

use super::{Evidence, forecast_clause, growth_clause};
use crate::judge::{Finding, Rule};
use crate::observation::accounts::{Account, ResourceClass};

pub(super) const RULE: Rule<Evidence> = Rule { name: "reservation", judge };

fn judge(evidence: &Evidence) -> Vec<Finding> {
    let reserved = |account: &&Account| account.class == Some(ResourceClass::Reservation);
    let findings = evidence.accounts.iter().filter(reserved).filter_map(|account| {
        let mut message =
            growth_clause(account)? + ", and resident memory does not: it is only reserved";
        if let (Some(limit), Some(seconds)) = (&account.limit, account.seconds_to_limit) {
            message += &forecast_clause(limit, seconds);
        }
        Some(Finding::note(RULE.name, message))
    });
    findings.collect()
}
