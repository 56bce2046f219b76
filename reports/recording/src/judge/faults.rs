//! Rule `faults`: what calls that failed on purpose did to a subject. Steps may fail in a cycle in which a call
//! failed. If steps fail in later cycles, the runtime did not recover: it lost what such a step needs, such as a slot.
//! A fault that met no call tests nothing, so the run is inconclusive.

use leakbench_model::text::{counted, grouped};
use leakbench_model::{FaultCount, Verdict, When};

use super::{Finding, Rule};
use crate::ledger::{Ledger, SubjectLedger};

pub(super) const RULE: Rule<Ledger> = Rule { name: "faults", judge };

fn judge(ledger: &Ledger) -> Vec<Finding> {
    ledger.subjects.iter().flat_map(of_subject).collect()
}

fn of_subject(subject: &SubjectLedger) -> Vec<Finding> {
    let number = subject.number;
    let faults = subject.exit.as_ref().map_or(&[][..], |exit| &exit.faults);
    let mut findings = of_counts(&format!("subject {number}"), faults);
    let failed = &subject.failed_steps;
    if failed.under_faults > 0 {
        let message = format!(
            "{} of subject {number} failed in cycles in which a call failed on purpose, and these cycles were \
             given up{}",
            counted(failed.under_faults, "step"),
            first(failed.under_faults, failed.first_under_faults.as_deref()),
        );
        findings.push(Finding::note(RULE.name, message));
    }
    if failed.later > 0 {
        let message = format!(
            "subject {number} did not recover from calls that failed on purpose: {} failed in later cycles{}",
            counted(failed.later, "step"),
            first(failed.later, failed.first_later.as_deref()),
        );
        findings.push(Finding::error(RULE.name, Verdict::SubjectDied, message));
    }
    findings
}

/// The calls of each fault. `who` made them.
pub(crate) fn of_counts(who: &str, counts: &[FaultCount]) -> Vec<Finding> {
    counts.iter().map(|count| of_fault(who, *count)).collect()
}

fn of_fault(who: &str, FaultCount { fault, calls, injected }: FaultCount) -> Finding {
    let call = fault.call;
    if fault.when == When::Never {
        let message = format!("{who} made {} of {call}", counted(calls, "call"));
        return Finding::note(RULE.name, message);
    }
    if injected == 0 {
        let message = format!(
            "{fault} met no call: {who} made {} of {call}; choose an earlier one",
            counted(calls, "call")
        );
        return Finding::error(RULE.name, Verdict::Inconclusive, message);
    }
    let message = format!(
        "{} of {} of {call} by {who} failed on purpose with {}",
        grouped(injected),
        counted(calls, "call"),
        fault.error,
    );
    Finding::note(RULE.name, message)
}

/// `: instantiating, module 3: no memory`, of several failures with a word that there are more.
fn first(failures: u64, words: Option<&str>) -> String {
    let Some(words) = words else { return String::new() };
    match failures {
        1 => format!(": {words}"),
        _ => format!("; the first: {words}"),
    }
}
