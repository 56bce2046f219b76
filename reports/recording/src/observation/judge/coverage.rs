//! Rule `coverage`: too few samples of a resource, and unobserved processes, prove nothing.

use leakbench_model::Verdict;
use leakbench_model::text::{counted, duration_ms, grouped};

use super::{Evidence, sample_summary, unobserved_children};
use crate::judge::{Finding, Rule};
use crate::observation::accounts::Account;
use crate::observation::ledger::ObservationLedger;
use crate::trend::Trend;

pub(super) const RULE: Rule<Evidence> = Rule { name: "coverage", judge };

fn judge(evidence: &Evidence) -> Vec<Finding> {
    let ledger = &evidence.ledger;
    let mut findings = trends(evidence);
    if ledger.end.is_none() {
        findings.push(inconclusive(
            "the recording has no end: the observer did not complete the observation".to_owned(),
        ));
    }
    findings.extend(children(ledger));
    findings
}

fn inconclusive(message: String) -> Finding {
    Finding::error(RULE.name, Verdict::Inconclusive, message)
}

fn trends(Evidence { ledger, accounts, .. }: &Evidence) -> Vec<Finding> {
    let judged = ledger.judged().len();
    if judged < Trend::POINTS_MIN {
        return vec![inconclusive(format!(
            "{} in {}, and a trend needs {}: observe for longer or sample more often (--interval)",
            counted(judged as u64, "sample"),
            duration_ms(ledger.observed_ms()),
            Trend::POINTS_MIN,
        ))];
    }
    if accounts.iter().any(|account| account.class.is_some()) {
        let unclassified = accounts.iter().filter(|account| account.class.is_none());
        return unclassified.map(|account| unclassified_resource(account, judged)).collect();
    }
    if accounts.iter().any(|account| account.samples >= Trend::POINTS_MIN) {
        let samples = counted(judged as u64, "sample");
        return vec![inconclusive(format!("{samples} are bunched in time, so there is no trend"))];
    }
    vec![inconclusive(format!("no resource could be read in {}", sample_summary(ledger)))]
}

fn unclassified_resource(account: &Account, judged: usize) -> Finding {
    let noun = account.resource.noun();
    let message = if account.samples < Trend::POINTS_MIN {
        let (read, all) = (grouped(account.samples as u64), counted(judged as u64, "sample"));
        format!("{noun} could be read in only {read} of {all}")
    } else {
        format!("{noun} cannot be classified, because resident memory could not be read")
    };
    Finding::warning(RULE.name, message)
}

/// Resources that a process passes on to its children are not sampled without them.
fn children(ledger: &ObservationLedger) -> Option<Finding> {
    let max = ledger.unobserved_children_max();
    let message = format!("up to {}: --tree observes them too", unobserved_children(max));
    (max > 0).then(|| Finding::warning(RULE.name, message))
}
