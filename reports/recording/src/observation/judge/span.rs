//! Rule `span`: growth that a longer observation would classify keeps the verdict from being clean.
//! So does memory that fills what is mapped: only its end shows that it stays there.

use leakbench_model::text::coarse_s;
use leakbench_model::{Resource, Verdict};

use super::Evidence;
use crate::judge::{Finding, Rule};
use crate::observation::accounts::{Account, Accounts};
use crate::observation::ledger::ObservationLedger;

pub(super) const RULE: Rule<Evidence> = Rule { name: "span", judge };

fn judge(Evidence { accounts, ledger, .. }: &Evidence) -> Vec<Finding> {
    let findings = open_questions(accounts, ledger).map(|Question { what, span_s }| {
        let message = format!("{what}: {}", advice(ledger, span_s));
        Finding::error(RULE.name, Verdict::Inconclusive, message)
    });
    findings.collect()
}

/// The duration in seconds that answers all open questions of the rule; `None` without one.
pub(super) fn decisive_s(accounts: &Accounts, ledger: &ObservationLedger) -> Option<u64> {
    open_questions(accounts, ledger).map(|question| question.span_s).max()
}

/// Growth that a longer observation would classify.
struct Question {
    /// The growth, in a clause.
    what: String,
    /// The duration that classifies it, in seconds, as a person would type it.
    span_s: u64,
}

fn open_questions(
    accounts: &Accounts,
    ledger: &ObservationLedger,
) -> impl Iterator<Item = Question> {
    let is_undecided =
        |resource: Resource| accounts.get(resource).is_some_and(Account::is_undecided);
    // A kind grows together with its total: one question.
    let undecided = accounts.iter().filter(move |account| {
        account.is_undecided() && !account.resource.total().is_some_and(is_undecided)
    });
    let undecided = undecided.filter_map(|account| {
        let (resource, trend) = (account.resource, account.trend?);
        let (first, last) = match account.age_ms {
            None => (account.first, account.last),
            Some(_) => (trend.first as u64, trend.last as u64),
        };
        let what = format!(
            "{} rose from {} to {} in {}, which proves neither a leak nor a bound",
            account.growing(),
            resource.amount(first),
            resource.amount(last),
            coarse_s(ledger.observed_ms().div_ceil(1_000)),
        );
        Some(Question { what, span_s: rounded_up(trend.decisive_span?) })
    });
    // Page tables that fill are bounded by a small part of an address space that does not grow.
    let fills =
        |account: &&Account| account.fills() && account.resource != Resource::PageTablesBytes;
    let filling = accounts.iter().filter(fills).filter_map(|account| {
        let (resource, ceiling) = (account.resource, account.limit.as_ref()?.max);
        let span_s = ledger.observed_ms() as f64 / 1e3 + FILLED_MARGIN * account.seconds_to_limit?;
        let what = format!(
            "{} fills what is mapped, {} of {}, and may stay there",
            resource.noun(),
            resource.amount(account.last),
            resource.amount(ceiling),
        );
        Some(Question { what, span_s: rounded_up(span_s) })
    });
    undecided.chain(filling)
}

/// Of the time until all is filled, the part to observe: some time after it shows that it stays.
const FILLED_MARGIN: f64 = 1.5;

/// The duration to observe for, in seconds, in words.
fn advice(ledger: &ObservationLedger, span_s: u64) -> String {
    let span = coarse_s(span_s);
    match ledger.exited() {
        true => format!("it must run for {span}"),
        false => format!("observe for {span} (--duration {span_s}s)"),
    }
}

/// A duration that a person would type: whole tens of seconds, or minutes.
fn rounded_up(seconds: f64) -> u64 {
    let seconds = seconds.ceil() as u64;
    seconds.next_multiple_of(if seconds < 120 { 10 } else { 60 })
}
