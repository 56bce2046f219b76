//! Rule `exhaustion`: a resource that reached its limit cannot grow further and looks flat, but
//! is a leak. So is growth that ended a process at its limit.

use std::collections::BTreeMap;

use leakbench_model::text::grouped;
use leakbench_model::{Estimate, Resource, Verdict};

use super::Evidence;
use crate::judge::{Finding, Rule};
use crate::observation::{LimitReached, own_limit_name};
use crate::rate::Rate;

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
    findings.chain(ends_at_limits(&evidence.ledger.limits_reached)).collect()
}

/// One finding for each limit and program: a supervisor starts its worker again and again.
fn ends_at_limits(reached: &[LimitReached]) -> impl Iterator<Item = Finding> {
    let mut alike: BTreeMap<(Resource, u64, &str), Vec<&LimitReached>> = BTreeMap::new();
    for end in reached {
        alike.entry((end.resource, end.max, &end.name)).or_default().push(end);
    }
    alike.into_values().filter_map(|ends| {
        let (first, others) = ends.split_first()?;
        let resource = first.resource;
        let (noun, limit) = (resource.noun(), own_limit_name(resource, first.max)?);
        let rate = first.rate_per_s;
        let rate = Estimate { value: rate, low: rate, high: rate };
        let mut message = format!(
            "process {} ({}) ended with {} of {} {noun} ({limit}), after growth of {}",
            first.pid,
            first.name,
            resource.amount(first.amount),
            resource.amount(first.max),
            Rate::over_time(rate, resource.unit()).value_in_words(),
        );
        if !others.is_empty() {
            let others = grouped(others.len() as u64);
            message += &format!("; {others} more of this name ended so too");
        }
        Some(Finding::error(RULE.name, Verdict::Leak, message))
    })
}
