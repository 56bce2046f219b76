//! Rule `coverage`: too few samples of a resource, and unobserved processes, prove nothing.

use leakbench_model::Verdict;
use leakbench_model::text::{counted, grouped};

use super::{Evidence, sample_summary, unobserved_children};
use crate::judge::{Finding, Rule};
use crate::observation::Scope;
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
    if ledger.is_too_short() {
        let advice = if ledger.exited() {
            "it must run for longer, or be sampled more often (--interval)"
        } else {
            "observe for longer or sample more often (--interval)"
        };
        return vec![inconclusive(format!(
            "{}, and a trend needs {}: {advice}",
            sample_summary(ledger),
            Trend::POINTS_MIN,
        ))];
    }
    if accounts.iter().any(|account| account.class.is_some()) {
        let unclassified = accounts.iter().filter(|account| account.class.is_none());
        // The page lists what has too few samples.
        let unclassified = unclassified.filter(|account| !account.resource.is_sparse());
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

/// A leak of a process that was not sampled is not seen.
fn children(ledger: &ObservationLedger) -> Option<Finding> {
    let max = ledger.unobserved_children_max();
    let message = format!("up to {}", unobserved_children(max));
    (max > 0).then(|| match ledger.start.scope {
        Scope::Alone => Finding::note(RULE.name, message),
        Scope::Family | Scope::Process => inconclusive(format!(
            "{message}: --tree observes them too, --no-tree judges the process alone"
        )),
    })
}
