//! What a report says, as data: a pure function of a ledger and its judgement, of which
//! [`crate::draw`] makes pictures and [`crate::render`] pages and texts. Runs, observed processes
//! and comparisons all come to the same shape, so that each format is written once.

mod chart;
mod comparison;
mod facts;
mod figures;
mod grid;
mod heat;
mod holders;
mod lingering;
mod marks;
mod observation;
mod panels;
mod run;
mod slots;
mod timeline;
mod times;
mod unmeasured;

pub use chart::*;
pub(crate) use grid::{comparison_matrix, comparison_table, refusals};
pub(crate) use holders::lingering_image;
pub(crate) use observation::title as title_of_observation;
pub(crate) use run::title as title_of_run;

use crate::recorded::{Recorded, RecordedKind};
use leakbench_model::{Reason, Verdict};
use leakbench_recording::judge::Finding;

/// A report. All its texts may have names from processes and files in them: data, never markup,
/// and not yet [`crate::render::printable`].
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What it is of: `builtin, strategy random over 1,000 slots, on drop keep, …`.
    pub title: String,
    /// What it came to.
    pub verdict: Verdict,
    /// The verdict in a sentence.
    pub headline: String,
    /// The numbers that matter most, three of them.
    pub figures: Vec<Figure>,
    /// What to look at, the main picture first.
    pub charts: Vec<Chart>,
    /// What the policies found, errors first.
    pub findings: Vec<Finding>,
    /// Images that linger, where images are what it is about.
    pub lingering: Option<LingeringTable>,
    /// Other tables: the rows of a comparison, the resources of an observed process.
    pub tables: Vec<Table>,
    /// How to run it again, the scenario, the seed, the machine: in groups.
    pub facts: Vec<FactGroup>,
    /// What could not be measured, a sentence each.
    pub unmeasured: Vec<String>,
}

impl Report {
    /// What there is to say of what was recorded.
    pub fn of(recorded: &Recorded) -> Report {
        match &recorded.what {
            RecordedKind::Run(run) => Report::of_run(&run.ledger, &run.judgement),
            RecordedKind::Observation(diagnosis) => Report::of_observation(diagnosis),
            RecordedKind::Comparison(comparison) => Report::of_comparison(comparison),
        }
    }
}

/// A number that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Of what: `lingering at the end`.
    pub label: String,
    /// The number, as people read it: `942`, `13.8 us`.
    pub value: String,
    /// What to hold it against: `of 3,000 images`.
    pub beside: String,
    /// Whether it is good news.
    pub tone: Tone,
}

/// What a colour means. How it looks is for those who draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tone {
    /// Neither good nor bad.
    Neutral,
    /// As it should be.
    Good,
    /// To be looked at.
    Warning,
    /// What a leak consists of.
    Bad,
    /// One of several of a kind, told apart by number.
    Series(u8),
}

/// Images that linger, the longest-lingering first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LingeringTable {
    /// At most [`LingeringTable::ROWS_MAX`].
    pub rows: Vec<LingeringRow>,
    /// How many there are in all.
    pub total: u64,
    /// What rows and total leave open, in a sentence or two: at which barrier they were listed if
    /// not at the last, how many images nobody can tell of. `None` where they say all.
    pub caveat: Option<String>,
    /// Whether several threads made modules, in one process or several: each row's cycles are then
    /// those of its own thread.
    pub by_thread: bool,
}

impl LingeringTable {
    /// Rows at most: what a browser sorts without a pause.
    pub const ROWS_MAX: usize = 1_000;
}

/// An image that lingers.
#[derive(Clone, Debug, PartialEq)]
pub struct LingeringRow {
    /// Which of the run's processes.
    pub subject: u32,
    /// Inode number.
    pub inode: u64,
    /// The module's number in the run.
    pub module: u64,
    /// In which cycle, counted by its thread, the module was made: each thread makes the modules of
    /// its share in the order of their numbers, one a cycle. `None` where it is not known.
    pub created_at_cycle: Option<u64>,
    /// In which cycle, counted by its thread, the module was dropped.
    pub dropped_at_cycle: u64,
    /// How long before the barrier that listed it that was, in ms.
    pub age_ms: u64,
    /// Who holds it: `slot 731 (affine)`, `fd 17`.
    pub holders: Vec<String>,
    /// How many holders there are in all.
    pub holders_total: u64,
    /// Why it lingers.
    pub reason: Reason,
    /// The line of the recording that says so, from 1.
    pub line: usize,
}

/// A table of texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// An id unlike those of all charts and tables, of lower-case letters and dashes.
    pub id: String,
    /// What it shows.
    pub title: String,
    /// What its columns mean, in a sentence; empty if their names say it.
    pub note: String,
    /// In order.
    pub columns: Vec<Column>,
    /// Cells in the order of columns.
    pub rows: Vec<Vec<String>>,
}

/// A column of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub name: String,
    /// Whether it has numbers, which are aligned to the right and sorted as such.
    pub is_number: bool,
    /// Whether a narrow terminal leaves it out, and how soon: 0 for never, the greatest first.
    pub spare: u8,
}

impl Column {
    /// A column of words, aligned to the left.
    pub fn words(name: &str) -> Column {
        Column { name: name.to_owned(), is_number: false, spare: 0 }
    }

    /// A column of numbers, aligned to the right.
    pub fn numbers(name: &str) -> Column {
        Column { is_number: true, ..Column::words(name) }
    }

    /// The same column, left out where there is no room; those of greater `order` first.
    pub fn spare(self, order: u8) -> Column {
        Column { spare: order, ..self }
    }
}

/// Facts that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactGroup {
    /// `run again`, `scenario`, `machine`.
    pub name: String,
    /// Each fact's name and value.
    pub facts: Vec<(String, String)>,
}
