//! Several runs beside each other: the same steps on several runtimes, or one runtime under every
//! combination of some choices. Pure, as all that is made of recordings: what a run came to is read
//! off its ledger, and rows, ratios and the verdict of the whole are functions of that.

mod file;
mod headline;
mod ratio;
mod summary;

pub(crate) use file::ComparisonFile;
pub use file::{COMPARISON_FILE, COMPARISON_VERSION};
pub use ratio::Ratio;
pub use summary::RunSummary;

use serde::{Deserialize, Serialize};

use leakbench_model::Verdict;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A row for each of some runtimes.
    Compare,
    /// A row for each combination of some flags' values.
    Sweep,
}

/// A flag of which several values were asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swept {
    /// Without its dashes.
    pub flag: String,
    /// As they were given, in that order.
    pub values: Vec<String>,
}

/// Runs beside each other, as far as they were done.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What is compared.
    pub kind: Kind,
    /// The command line that asked for it.
    pub command: String,
    /// How often each row was to be run.
    pub rounds: u32,
    /// The flags whose values the rows combine, in the order of [`Row::values`].
    pub swept: Vec<Swept>,
    /// A row for each subject or combination. Ratios are to the first.
    pub rows: Vec<Row>,
    /// Whether its user ended it before every run was done.
    pub interrupted: bool,
}

/// A subject, or a combination of choices, with its runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Unlike any other row's.
    pub name: String,
    /// The runtime, as its user names it.
    pub subject: String,
    /// Its value of each swept flag, in order.
    pub values: Vec<String>,
    /// What was run of it, a run a round.
    pub runs: Vec<RunSummary>,
    /// Why there are no runs of it, or no more.
    pub refusal: Option<Refusal>,
}

/// Why a row could not be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "reason", rename_all = "kebab-case")]
pub enum Refusal {
    /// The runtime does not have what the combination asks for; known before anything ran.
    NotOffered(String),
    /// The runtime refused when it was set up.
    AtStart(String),
}

impl Refusal {
    /// The reason, in words.
    pub fn reason(&self) -> &str {
        match self {
            Refusal::NotOffered(reason) | Refusal::AtStart(reason) => reason,
        }
    }
}

impl Row {
    /// The gravest verdict of its runs; `None` if it was not run.
    pub fn verdict(&self) -> Option<Verdict> {
        self.runs.iter().map(|run| run.verdict).max()
    }

    /// Whether it was refused as it started: what it would have shown nobody knows.
    pub(crate) fn refused_at_start(&self) -> bool {
        matches!(self.refusal, Some(Refusal::AtStart(_)))
    }

    /// The run that stands for the row wherever it shows counts: of those with the gravest verdict
    /// the one with most lingering images, the earliest of equals. One run and not an average, so
    /// that every number is one that a recording has.
    pub fn worst(&self) -> Option<&RunSummary> {
        let gravity = |run: &&RunSummary| (run.verdict, run.images.lingering);
        // Of equals `max_by_key` takes the last.
        self.runs.iter().rev().max_by_key(gravity)
    }

    /// Cycles a second: the median of the runs that did all their cycles.
    pub fn rate_per_s(&self) -> Option<f64> {
        let rates: Vec<f64> = self.runs.iter().filter_map(RunSummary::whole_rate_per_s).collect();
        ratio::median(&rates)
    }
}

impl Comparison {
    /// The gravest verdict of all runs, and interrupted if the whole was; `None` if nothing was
    /// run. Of a row that was refused as it started, one cannot tell.
    pub fn verdict(&self) -> Option<Verdict> {
        let interrupted = self.interrupted.then_some(Verdict::Interrupted);
        let ran = self.rows.iter().filter_map(Row::verdict).chain(interrupted).max()?;
        let untold = self.rows.iter().any(Row::refused_at_start);
        Some(if untold { ran.max(Verdict::Inconclusive) } else { ran })
    }

    /// Row `index`'s cycles a second as a part of the first row's, round by round.
    pub fn ratio(&self, index: usize) -> Option<Ratio> {
        Ratio::of(self.rows.get(index)?, self.rows.first()?)
    }

    /// The verdict of the whole with its reasons, in one line, [`crate::render::printable`]:
    /// `LEAK — 2 of 3 subjects: wasmtime@3 (940 of 3,000 images linger), …`.
    pub fn headline(&self) -> String {
        headline::of(self)
    }
}
