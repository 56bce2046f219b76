//! The judge of observations: what the ledger, the accounts and the suspects prove.
//!
//! As for runs, each rule is one file. But growth that was observed is proved however the process
//! or the observation ended: many a process dies of its leak.

mod coverage;
mod exhaustion;
mod exit;
mod faults;
mod growth;
mod interruption;
mod remarks;
mod reservation;
mod span;

use leakbench_model::text::{coarse_s, counted, duration_ms, grouped};
use leakbench_model::{Resource, Verdict};

use super::accounts::{Account, Accounts, ResourceClass};
use super::ledger::ObservationLedger;
use super::suspects::Suspect;
use super::{Limit, ObservationRecording};
use crate::judge::{Judgement, Rule};
use crate::ledger::NoStart;
use crate::rate::Rate;

/// The rule whose findings are the suspects.
pub const GROWTH: &str = growth::RULE.name;

const RULES: [Rule<Evidence>; 9] = [
    interruption::RULE,
    exit::RULE,
    exhaustion::RULE,
    growth::RULE,
    span::RULE,
    remarks::RULE,
    coverage::RULE,
    reservation::RULE,
    faults::RULE,
];

/// The names of the rules that judge an observation, including those that find nothing. Faults are judged only
/// if there are any.
pub fn rules(ledger: &ObservationLedger) -> impl Iterator<Item = &'static str> {
    let has_faults = ledger.exit.as_ref().is_some_and(|exit| !exit.faults.is_empty());
    let names = RULES.iter().map(|rule| rule.name);
    names.filter(move |name| has_faults || *name != faults::RULE.name)
}

/// The evidence that the rules read.
#[derive(Debug)]
struct Evidence {
    ledger: ObservationLedger,
    accounts: Accounts,
    suspects: Vec<Suspect>,
}

/// A judged observation.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// The samples and what happened beside them.
    pub ledger: ObservationLedger,
    /// Trend, class and forecast of each resource.
    pub accounts: Accounts,
    /// The leaks, the worst first.
    pub suspects: Vec<Suspect>,
    /// The verdict, and the findings that it rests on.
    pub judgement: Judgement,
}

impl Diagnosis {
    /// Judges an observation.
    ///
    /// # Errors
    /// The recording was cut before its first line.
    pub fn of(recording: &ObservationRecording) -> Result<Diagnosis, NoStart> {
        let ledger = ObservationLedger::of(recording)?;
        let accounts = Accounts::of(&ledger);
        let suspects = Suspect::all(&ledger, &accounts);
        let evidence = Evidence { ledger, accounts, suspects };
        let findings = RULES.iter().flat_map(|rule| rule.findings(&evidence)).collect();
        let mut judgement = Judgement::from_findings(findings);
        if judgement.findings.iter().any(|finding| finding.supports == Some(Verdict::Leak)) {
            judgement.verdict = Verdict::Leak;
        }
        let Evidence { ledger, accounts, suspects } = evidence;
        Ok(Diagnosis { ledger, accounts, suspects, judgement })
    }

    /// Number of resources of a class.
    pub fn count(&self, class: ResourceClass) -> usize {
        self.accounts.iter().filter(|account| account.class == Some(class)).count()
    }

    /// The duration of an observation, in seconds, that would decide what this one left open because
    /// it was too short; `None` if nothing is open, or the duration is unknown.
    pub fn decisive_s(&self) -> Option<u64> {
        span::decisive_s(&self.accounts, &self.ledger)
    }

    /// The account of one resource; `None` if no sample has it.
    pub fn account(&self, resource: Resource) -> Option<&Account> {
        self.accounts.get(resource)
    }
}

/// `1 child process was not observed`, `3 child processes were not observed`.
pub fn unobserved_children(children: u64) -> String {
    let (processes, were) = if children == 1 { ("process", "was") } else { ("processes", "were") };
    format!("{} child {processes} {were} not observed", grouped(children))
}

/// `60 samples in 60 s`; `1 sample`.
pub fn sample_summary(ledger: &ObservationLedger) -> String {
    let count = counted(ledger.samples.len() as u64, "sample");
    match ledger.samples.len() {
        0 | 1 => count,
        _ => format!("{count} in {}", duration_ms(ledger.observed_ms())),
    }
}

/// `socket descriptors grow by 12.0 ± 0.2 a second (95 % CI)`; `None` without a trend.
fn growth_clause(account: &Account) -> Option<String> {
    let resource = account.resource;
    let ending = if resource.is_singular() { "s" } else { "" };
    let rate = Rate::over_time(account.trend.as_ref()?.rate, resource.unit());
    Some(format!("{} grow{ending} by {}", account.growing(), rate.in_words()))
}

/// `; RLIMIT_NOFILE (1,024) is reached in 80 s`.
fn forecast_clause(limit: &Limit, seconds: f64) -> String {
    let max = limit.resource.amount(limit.max);
    format!("; {} ({max}) is reached in {}", limit.name, coarse_s(seconds as u64))
}
