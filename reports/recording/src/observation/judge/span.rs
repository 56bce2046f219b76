//! Rule `span`: growth that a longer observation would classify keeps the verdict from being clean.
//! So does memory that fills what is mapped: only its end shows that it stays there.

use leakbench_model::text::coarse_s;
use leakbench_model::{Resource, Verdict};

use super::Evidence;
use crate::judge::{Finding, Rule};
use crate::observation::accounts::Account;
use crate::observation::ledger::ObservationLedger;

pub(super) const RULE: Rule<Evidence> = Rule { name: "span", judge };

fn judge(Evidence { accounts, ledger, .. }: &Evidence) -> Vec<Finding> {
    let is_undecided =
        |resource: Resource| accounts.get(resource).is_some_and(Account::is_undecided);
    // A kind grows together with its total: one finding.
    let undecided = accounts.iter().filter(|account| {
        account.is_undecided() && !account.resource.total().is_some_and(is_undecided)
    });
    let undecided = undecided.filter_map(|account| {
        let (resource, trend) = (account.resource, account.trend?);
        let (first, last) = match account.age_ms {
            None => (account.first, account.last),
            Some(_) => (trend.first as u64, trend.last as u64),
        };
        Some(format!(
            "{} rose from {} to {} in {}, which proves neither a leak nor a bound: {}",
            account.growing(),
            resource.amount(first),
            resource.amount(last),
            coarse_s(ledger.observed_ms().div_ceil(1_000)),
            advice(ledger, trend.decisive_span?),
        ))
    });
    // Page tables that fill are bounded by a small part of an address space that does not grow.
    let fills =
        |account: &&Account| account.fills() && account.resource != Resource::PageTablesBytes;
    let filling = accounts.iter().filter(fills).filter_map(|account| {
        let (resource, ceiling) = (account.resource, account.limit.as_ref()?.max);
        let span_s = ledger.observed_ms() as f64 / 1e3 + FILLED_MARGIN * account.seconds_to_limit?;
        Some(format!(
            "{} fills what is mapped, {} of {}, and may stay there: {}",
            resource.noun(),
            resource.amount(account.last),
            resource.amount(ceiling),
            advice(ledger, span_s),
        ))
    });
    let inconclusive = |message| Finding::error(RULE.name, Verdict::Inconclusive, message);
    undecided.chain(filling).map(inconclusive).collect()
}

/// Of the time until all is filled, the part to observe: some time after it shows that it stays.
const FILLED_MARGIN: f64 = 1.5;

/// The duration to observe for, in seconds, in words.
fn advice(ledger: &ObservationLedger, span_s: f64) -> String {
    let span_s = rounded_up(span_s.ceil() as u64);
    let span = coarse_s(span_s);
    match ledger.exited() {
        true => format!("it must run for {span}"),
        false => format!("observe for {span} (--duration {span_s}s)"),
    }
}

/// A duration that a person would type: whole tens of seconds, or minutes.
fn rounded_up(seconds: u64) -> u64 {
    seconds.next_multiple_of(if seconds < 120 { 10 } else { 60 })
}
