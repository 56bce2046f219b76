//! Comparisons of runs: the same steps on several runtimes, or one runtime under every combination
//! of some flags. Rows, ratios and the verdict are functions of the runs' ledgers.

mod common;
mod file;
mod headline;
mod ratio;
mod summary;

pub(crate) use common::Common;
pub(crate) use file::ComparisonFile;
pub use file::{COMPARISON_FILE, COMPARISON_VERSION};
pub use ratio::Ratio;
pub use summary::RunSummary;

use serde::{Deserialize, Serialize};

use leakbench_model::Verdict;

leakbench_model::names! {
    /// The kind of comparison.
    Kind ("kind of comparison") {
        /// A row for each runtime.
        Compare = "compare",
        /// A row for each combination of flags' values.
        Sweep = "sweep",
    }
}

/// A flag with several values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Swept {
    /// Its name without dashes.
    pub flag: String,
    /// Its values as given, in that order.
    pub values: Vec<String>,
}

/// A comparison of the runs that were done.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The kind of comparison.
    pub kind: Kind,
    /// Its command line.
    pub command: String,
    /// The requested number of runs of each row.
    pub rounds: u32,
    /// The flags whose values the rows combine, in the order of [`Row::values`].
    pub swept: Vec<Swept>,
    /// A row for each subject or combination. Ratios are to the first.
    pub rows: Vec<Row>,
    /// True if the user ended it before every run was done.
    pub interrupted: bool,
}

/// A subject, or a combination of choices, with its runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its name, unique among rows.
    pub name: String,
    /// The runtime as named on the command line.
    pub subject: String,
    /// Its value of each swept flag, in order.
    pub values: Vec<String>,
    /// Its runs, one in each round.
    pub runs: Vec<RunSummary>,
    /// The reason why it has no runs, or no more.
    pub refusal: Option<Refusal>,
}

/// The reason why a row could not be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "kind", content = "reason", rename_all = "kebab-case")]
pub enum Refusal {
    /// The runtime lacks a requested choice, as known before any run.
    NotOffered(String),
    /// The runtime refused during its setup.
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

    /// Returns whether it was refused at its start, so that its result is unknown.
    pub(crate) fn refused_at_start(&self) -> bool {
        matches!(self.refusal, Some(Refusal::AtStart(_)))
    }

    /// The run that shows the row's counts: of those with the gravest verdict the one with most
    /// lingering images, the earliest of equals. It is one run and no average, so a recording has
    /// every number.
    pub fn worst(&self) -> Option<&RunSummary> {
        let gravity = |run: &&RunSummary| (run.verdict, run.images.lingering);
        // `max_by_key` takes the last of equals.
        self.runs.iter().rev().max_by_key(gravity)
    }

    /// Cycles a second: the median of the runs that completed their cycles.
    pub fn rate_per_s(&self) -> Option<f64> {
        ratio::median(&self.rates_per_s().collect::<Vec<f64>>())
    }

    /// Cycles a second of each run that completed its cycles.
    pub(crate) fn rates_per_s(&self) -> impl Iterator<Item = f64> {
        self.runs.iter().filter_map(RunSummary::whole_rate_per_s)
    }
}

impl Comparison {
    /// The gravest verdict of all runs; `Interrupted` if the comparison was; at least `Inconclusive`
    /// if a row was refused at its start. `None` without runs.
    pub fn verdict(&self) -> Option<Verdict> {
        let interrupted = self.interrupted.then_some(Verdict::Interrupted);
        let ran = self.rows.iter().filter_map(Row::verdict).chain(interrupted).max()?;
        let refused = self.rows.iter().any(Row::refused_at_start);
        Some(if refused { ran.max(Verdict::Inconclusive) } else { ran })
    }

    /// Cycles a second of row `index` relative to the first row, round by round.
    pub fn ratio(&self, index: usize) -> Option<Ratio> {
        Ratio::of(self.rows.get(index)?, self.rows.first()?)
    }

    /// The ratios of the rounds of [`Self::ratio`].
    pub(crate) fn ratios_of_rounds(&self, index: usize) -> Vec<f64> {
        let rows = self.rows.get(index).zip(self.rows.first());
        rows.map(|(row, first)| ratio::of_rounds(row, first).collect()).unwrap_or_default()
    }

    /// The verdict with its reasons, in one printable line:
    /// `LEAK — 2 of 3 subjects: wasmtime@3 (940 of 3,000 images linger), …`.
    pub fn headline(&self) -> String {
        headline::of(self)
    }
}
