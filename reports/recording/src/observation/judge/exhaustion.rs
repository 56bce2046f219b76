//! Rule `exhaustion`: a resource that reached its limit cannot grow further and looks flat, but
//! is a leak.

use leakbench_model::Verdict;

use super::Evidence;
use crate::judge::{Finding, Rule};

pub(super) const RULE: Rule<Evidence> = Rule { name: "exhaustion", judge };

fn judge(evidence: &Evidence) -> Vec<Finding> {
    let findings = evidence.accounts.exhausted().filter_map(|account| {
        let limit = account.limit.as_ref()?;
        let resource = account.resource;
        let stay = if resource.is_singular() { "stays" } else { "stay" };
        let (peak, max) = (resource.amount(account.peak), resource.amount(limit.max));
        let message = format!(
            "{} reached {peak} of {max} ({}) and {stay} there",
            resource.noun(),
            limit.name
        );
        Some(Finding::error(RULE.name, Verdict::Leak, message))
    });
    findings.collect()
}
