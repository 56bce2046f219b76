//! The report as data: a pure function of a ledger and its judgement. [`crate::draw`] makes pictures
//! of it, [`crate::render`] pages and texts. Runs, observations and comparisons have one shape, so
//! each format is written once.

mod chart;
mod comparison;
mod facts;
mod figures;
mod grid;
mod heat;
mod holders;
mod lines;
mod lingering;
mod marks;
pub(crate) mod next_steps;
mod observation;
mod panels;
mod peaks;
mod proof;
mod run;
mod slots;
mod spreads;
mod survival;
mod suspect;
mod theory;
mod timeline;
mod times;
mod unmeasured;

pub use chart::{Chart, Plot};
pub(crate) use facts::reproduce_command;
pub(crate) use grid::{comparison_matrix, comparison_table, refusals};
pub use heat::{Axis, Heat, HeatCell};
pub(crate) use holders::lingering_image;
pub use lines::{Fit, FitLimit, LimitLine, Lines, Point, Series, Style};
pub use marks::{Mark, MarkKind};
pub use next_steps::{Means, NextStep};
pub(crate) use observation::{example_words, examples, title as title_of_observation};
#[cfg(test)]
pub(crate) use observation::{tone_of_class, tones_of_series};
pub use panels::{Panel, Panels};
pub use peaks::{Peak, Peaks};
pub use proof::{Proof, Stretch};
pub(crate) use run::title as title_of_run;
pub use slots::{SlotMaps, SlotRow, SlotRows};
pub use spreads::{Spread, Spreads};
pub use survival::{AgeBin, Survival};
pub use suspect::{Forecast, SuspectCard};
pub use times::{TimeBin, Times};

use std::path::{Path, PathBuf};

use crate::recorded::{Recorded, RecordedKind};
use leakbench_model::{Reason, Verdict};
use leakbench_recording::judge::Finding;

/// A report. Its texts may contain names from processes and files: they are data, never markup, and
/// not yet [`crate::render::printable`].
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Its subject: `builtin, strategy random over 1,000 slots, on drop keep, …`.
    pub title: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The verdict in a sentence.
    pub headline: String,
    /// The three main numbers.
    pub figures: Vec<Figure>,
    /// The leaks of an observed process, the worst first.
    pub suspects: Vec<SuspectCard>,
    /// The charts, the main one first.
    pub charts: Vec<Chart>,
    /// What to do next, the most helpful first.
    pub next: Vec<NextStep>,
    /// The findings of the judge, errors first.
    pub findings: Vec<Finding>,
    /// Lingering images; `None` if nothing made images.
    pub lingering: Option<LingeringTable>,
    /// Other tables: the rows of a comparison, the resources of an observed process.
    pub tables: Vec<Table>,
    /// Command, scenario, machine and runtime, in groups.
    pub facts: Vec<FactGroup>,
    /// Missing measurements, a sentence each.
    pub unmeasured: Vec<String>,
    /// The path that names the recording to a command of leakbench; `None` if it is unknown.
    pub recording: Option<PathBuf>,
}

impl Report {
    /// The report of a run, an observation or a comparison.
    pub fn of(recorded: &Recorded) -> Report {
        let report = match &recorded.what {
            RecordedKind::Run(run) => Report::of_run(&run.ledger, &run.judgement),
            RecordedKind::Observation(diagnosis) => Report::of_observation(diagnosis),
            RecordedKind::Comparison(comparison) => Report::of_comparison(comparison),
        };
        Report { recording: recorded.path().map(Path::to_owned), ..report }
    }
}

/// A main number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Its name: `lingering at the end`.
    pub label: String,
    /// The number with its unit: `942`, `13.8 µs`.
    pub value: String,
    /// The number to compare it with: `of 3,000 images`.
    pub beside: String,
    /// The meaning of its colour.
    pub tone: Tone,
}

/// The meaning of a colour. The palette has the colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tone {
    /// Neither good nor bad.
    Neutral,
    /// A good result.
    Good,
    /// A warning.
    Warning,
    /// A leak or a failure.
    Bad,
    /// One of several series, by number.
    Series(u8),
}

/// Lingering images, the longest-lingering first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LingeringTable {
    /// The first images, at most [`LingeringTable::ROWS_MAX`].
    pub rows: Vec<LingeringRow>,
    /// The number of all lingering images.
    pub total: u64,
    /// Facts that rows and total do not show, in a sentence or two: the barrier of the list if it is
    /// not the last one, and the number of images of unknown fate.
    pub caveat: Option<String>,
}

impl LingeringTable {
    /// Rows at most: a browser sorts these without a pause.
    pub const ROWS_MAX: usize = 1_000;
}

/// A lingering image.
#[derive(Clone, Debug, PartialEq)]
pub struct LingeringRow {
    /// The number of the process in the run.
    pub subject: u32,
    /// Inode number.
    pub inode: u64,
    /// The module's number in the run.
    pub module: u64,
    /// The cycle of the run in which the module was created, which has its number; `None` if it is
    /// unknown, or before the first cycle.
    pub created_at_cycle: Option<u64>,
    /// The cycle of the run in which the module was dropped.
    pub dropped_at_cycle: u64,
    /// Time from the drop to the barrier that listed it, in ms.
    pub age_ms: u64,
    /// Its holders: `slot 731 (affine)`, `fd 17`.
    pub holders: Vec<String>,
    /// The number of all holders.
    pub holders_total: u64,
    /// The reason why it lingers.
    pub reason: Reason,
    /// The line of the recording that lists it, from 1.
    pub line: usize,
}

/// A table of texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Its anchor, unique among charts and tables: lower-case letters and dashes.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The meaning of the columns, in a sentence; empty if their names suffice.
    pub note: String,
    /// In order.
    pub columns: Vec<Column>,
    /// Cells in the order of columns.
    pub rows: Vec<Vec<String>>,
    /// The meaning of each row's colour, which a [`Column::coloured`] shows; empty without colours.
    pub tones: Vec<Tone>,
    /// True if the page folds it and other formats omit it: nothing in it needs attention.
    pub is_folded: bool,
}

/// A column of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub name: String,
    /// True if its cells are numbers, which are aligned to the right and sorted as numbers.
    pub is_number: bool,
    /// Order in which a narrow terminal leaves columns out, the greatest first; 0 for never.
    pub spare: u8,
    /// True if a narrow terminal shortens its cells before it leaves out columns.
    pub shrinks: bool,
    /// True if the page shows the row's colour in it.
    pub is_coloured: bool,
    /// True if its cells have names and paths, of which the page leaves out the middle.
    pub has_paths: bool,
}

impl Column {
    /// A column of words, aligned to the left.
    pub fn words(name: &str) -> Column {
        Column { name: name.to_owned(), ..Column::default() }
    }

    /// A column of numbers, aligned to the right.
    pub fn numbers(name: &str) -> Column {
        Column { is_number: true, ..Column::words(name) }
    }

    /// The same column, left out where there is no room; those of greater `order` first.
    pub fn spare(self, order: u8) -> Column {
        Column { spare: order, ..self }
    }

    /// The same column, with the colour of the row.
    pub fn coloured(self) -> Column {
        Column { is_coloured: true, ..self }
    }

    /// The same column, with names and paths.
    pub fn paths(self) -> Column {
        Column { has_paths: true, ..self }
    }

    /// The same column, whose cells a narrow terminal shortens.
    pub fn shrinks(self) -> Column {
        Column { shrinks: true, ..self }
    }
}

/// Facts that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactGroup {
    /// `reproduce`, `scenario`, `machine`.
    pub name: String,
    /// Each fact's name and value.
    pub facts: Vec<(String, String)>,
}
