//! Rule `span`: growth that a longer observation would classify keeps the verdict from being clean.

use leakbench_model::text::coarse_s;
use leakbench_model::{Resource, Verdict};

use super::Evidence;
use crate::judge::{Finding, Rule};
use crate::observation::accounts::Account;

pub(super) const RULE: Rule<Evidence> = Rule { name: "span", judge };

fn judge(Evidence { accounts, ledger, .. }: &Evidence) -> Vec<Finding> {
    let is_undecided =
        |resource: Resource| accounts.get(resource).is_some_and(Account::is_undecided);
    // A kind grows together with its total: one finding.
    let undecided = accounts.iter().filter(|account| {
        account.is_undecided() && !account.resource.total().is_some_and(is_undecided)
    });
    let findings = undecided.filter_map(|account| {
        let (resource, trend) = (account.resource, account.trend?);
        let span_s = rounded_up(trend.decisive_span?.ceil() as u64);
        let message = format!(
            "{} rose from {} to {} in {}, which proves neither a leak nor a bound: {}",
            resource.noun(),
            resource.amount(account.first),
            resource.amount(account.last),
            coarse_s(ledger.observed_ms().div_ceil(1_000)),
            if ledger.exited() {
                format!("it must run for {}", coarse_s(span_s))
            } else {
                format!("observe for {} (--duration {span_s}s)", coarse_s(span_s))
            },
        );
        Some(Finding::error(RULE.name, Verdict::Inconclusive, message))
    });
    findings.collect()
}

/// A duration that a person would type: whole tens of seconds, or minutes.
fn rounded_up(seconds: u64) -> u64 {
    seconds.next_multiple_of(if seconds < 120 { 10 } else { 60 })
}
