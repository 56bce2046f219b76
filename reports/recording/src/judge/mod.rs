//! The judge: what the ledger of a run proves. Pure.
//!
//! Each [`Rule`] reads the ledger and reports [findings](Finding); there is one file for each. The
//! verdict is the gravest that a finding supports. Without such a finding the run is clean.

mod coverage;
mod died_at;
pub(crate) mod faults;
mod finding;
pub mod growth;
mod interruption;
mod late_releases;
mod leftovers;
mod lingering_images;
mod rule;
mod subject_exit;
mod witnesses;

pub use died_at::{KernelLimit, limit_reached};
pub use finding::{Finding, Level};
pub use growth::Growth;
pub use rule::Rule;
pub use subject_exit::ending;

use leakbench_model::Verdict;

use crate::ledger::Ledger;

/// Every rule. Among findings of one level, those of an earlier rule are listed first.
const RULES: [Rule<Ledger>; 10] = [
    interruption::RULE,
    subject_exit::RULE,
    died_at::RULE,
    faults::RULE,
    lingering_images::RULE,
    witnesses::RULE,
    coverage::RULE,
    growth::RULE,
    leftovers::RULE,
    late_releases::RULE,
];

/// The names of the rules that judge a run, including those that find nothing. Growth is judged
/// only with samples enough, or where it is [the evidence](growth::applies), and faults only if there are any.
pub fn rules(ledger: &Ledger) -> impl Iterator<Item = &'static str> {
    let by_growth = growth::is_judged(ledger);
    let names = RULES.iter().map(|rule| rule.name);
    let has_faults = !ledger.start.scenario.inject.is_empty();
    names
        .filter(move |name| by_growth || *name != growth::RULE.name)
        .filter(move |name| has_faults || *name != faults::RULE.name)
}

/// A verdict and the findings that it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The gravest verdict that a finding supports; clean if none supports any.
    pub verdict: Verdict,
    /// Errors first, then warnings, then notes.
    pub findings: Vec<Finding>,
}

impl Judgement {
    /// Judges a run.
    pub fn of(ledger: &Ledger) -> Judgement {
        Judgement::from_findings(RULES.iter().flat_map(|rule| rule.findings(ledger)).collect())
    }

    /// Sorts findings by level; those of one level stay in their order.
    pub(crate) fn from_findings(mut findings: Vec<Finding>) -> Judgement {
        findings.sort_by_key(|finding| finding.level);
        let verdict = findings.iter().filter_map(|finding| finding.supports).max();
        Judgement { verdict: verdict.unwrap_or(Verdict::Clean), findings }
    }

    /// The finding that decided the verdict; `None` of a clean run.
    pub fn decisive(&self) -> Option<&Finding> {
        let mut findings = self.findings.iter();
        findings.find(|finding| finding.supports == Some(self.verdict))
    }
}
