//! What a ledger proves. Pure: each policy reads the ledger and says what it finds, one file a
//! policy; the verdict is the gravest that any finding supports.

mod coverage;
mod died_at;
mod finding;
pub mod growth;
mod interruption;
mod late_releases;
mod leftovers;
mod lingering_images;
mod subject_exit;
mod witnesses;

pub use died_at::{KernelLimit, limit_reached};
pub use finding::{Finding, Level};
pub use growth::Growth;
pub use subject_exit::ending;

use leakbench_model::Verdict;

use crate::ledger::Ledger;

/// A policy's name, and how it reads a ledger and says what it finds.
type Policy = (&'static str, fn(&Ledger) -> Vec<Finding>);

/// Every policy. Among findings of one level, those of an earlier policy are told first.
const POLICIES: &[Policy] = &[
    (interruption::POLICY, interruption::judge),
    (subject_exit::POLICY, subject_exit::judge),
    (died_at::POLICY, died_at::judge),
    (lingering_images::POLICY, lingering_images::judge),
    (witnesses::POLICY, witnesses::judge),
    (coverage::POLICY, coverage::judge),
    (growth::POLICY, growth::judge),
    (leftovers::POLICY, leftovers::judge),
    (late_releases::POLICY, late_releases::judge),
];

/// The policies that judge a run, also those that find nothing: all, but that growth is judged only
/// where there is little else to judge by.
pub fn rules(ledger: &Ledger) -> impl Iterator<Item = &'static str> {
    let by_growth = growth::applies(ledger);
    let names = POLICIES.iter().map(|(name, _)| *name);
    names.filter(move |name| by_growth || *name != growth::POLICY)
}

/// A verdict and what it rests on.
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
        Judgement::from_findings(POLICIES.iter().flat_map(|(_, judge)| judge(ledger)).collect())
    }

    /// What the findings come to; those of one level stay in their order.
    pub fn from_findings(mut findings: Vec<Finding>) -> Judgement {
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
