//! Rule `remarks`: reports the observer's remarks. Some of them prevent the verdict clean.

use leakbench_model::Verdict;

use super::Evidence;
use crate::judge::{Finding, Rule};

pub(super) const RULE: Rule<Evidence> = Rule { name: "remarks", judge };

fn judge(evidence: &Evidence) -> Vec<Finding> {
    let findings = evidence.ledger.remarks.iter().map(|remark| {
        let what = remark.what.clone();
        match remark.prevents_clean {
            true => Finding::error(RULE.name, Verdict::Inconclusive, what),
            false => Finding::note(RULE.name, what),
        }
    });
    findings.collect()
}
