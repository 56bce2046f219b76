//! Heat maps of a sweep: one for each measure, by the values of the swept flags.

use super::grid::row_verdict;
use super::{Chart, Plot, Tone};
use crate::comparison::{Comparison, Kind, Row, RunSummary, Swept};
use leakbench_model::text::grouped;
use leakbench_model::{Resource, Verdict};

/// One number by the values of swept flags.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heat {
    /// The number's name: `images lingering at the end`.
    pub what: String,
    /// The flags of the columns.
    pub across: Axis,
    /// The flags of the rows. A sweep of one flag has none here, and one row.
    pub down: Axis,
    /// Rows of cells, `down` by `across`.
    pub cells: Vec<Vec<HeatCell>>,
}

impl Heat {
    /// The strength of a cell's colour, from 0 to 1; `None` if it was not measured. Of counts that
    /// should be 0, its square root distinguishes small ones from 0. Other numbers are between the
    /// least and the greatest.
    pub fn share(&self, cell: &HeatCell) -> Option<f64> {
        let value = cell.value.filter(|value| value.is_finite())?;
        let values = self.cells.iter().flatten().filter_map(|cell| cell.value);
        let (min, max) = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| {
                (min.min(value), max.max(value))
            });
        let share = match cell.tone {
            Tone::Series(_) => (value - min) / (max - min),
            _ => (value / max).max(0.0).sqrt(),
        };
        Some(if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 })
    }
}

/// Flags of one side of a grid, and the combinations of their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Axis {
    /// Names without dashes, the outermost first.
    pub flags: Vec<String>,
    /// A value for each flag, as given on the command line. The last flag changes fastest.
    pub values: Vec<Vec<String>>,
}

impl Axis {
    /// The headings of a flag: each value with the number of combinations that it spans.
    pub fn headings(&self, flag: usize) -> Vec<(&str, usize)> {
        let runs = self.values.chunk_by(|a, b| a.iter().zip(b).take(flag + 1).all(|(a, b)| a == b));
        runs.map(|run| (run[0].get(flag).map_or("", String::as_str), run.len())).collect()
    }

    /// The heading of a flag that begins at a combination, with its span; `None` if it began before.
    pub fn heading_at(&self, flag: usize, combination: usize) -> Option<(&str, usize)> {
        let mut begin = 0;
        for (value, span) in self.headings(flag) {
            if begin == combination {
                return Some((value, span));
            }
            begin += span;
        }
        None
    }
}

/// The cell of a combination of values.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatCell {
    /// The number; `None` if it was not measured.
    pub value: Option<f64>,
    /// The text of the cell: `942`, `refused`.
    pub text: String,
    /// The meaning of its colour.
    pub tone: Tone,
    /// The name of the row.
    pub name: String,
}

/// Columns of a grid at most, if the flags allow it.
const COLUMNS_MAX: usize = 8;

/// A number of each row.
struct Measure {
    id: &'static str,
    title: &'static str,
    reads: &'static str,
    value: fn(&Row) -> Option<f64>,
    text: fn(f64) -> String,
}

/// Beside the lingering images, which come first.
const MEASURES: [Measure; 4] = [
    Measure {
        id: "heat-late",
        title: "Images released late",
        reads: "Images that the kernel released after the drop had returned.",
        value: |row| Some(with_images(row)?.images.late as f64),
        text: whole,
    },
    Measure {
        id: "heat-mappings",
        title: "Mappings at the end",
        reads: "With every module dropped. Slots that were used keep theirs.",
        value: |row| Some(row.worst()?.at_end.of(Resource::Mappings)? as f64),
        text: whole,
    },
    Measure {
        id: "heat-memory",
        title: "Resident memory at the end",
        reads: "With every module dropped.",
        value: |row| Some(row.worst()?.at_end.of(Resource::RssBytes)? as f64),
        text: |bytes| Resource::RssBytes.amount(bytes as u64),
    },
    Measure {
        id: "heat-rate",
        title: "Cycles a second",
        reads: "The median of rounds. Barriers and settle times are outside it.",
        value: Row::rate_per_s,
        text: whole,
    },
];

const WHAT: &str = "images lingering at the end";

/// A map for each measure that differs between combinations. None if nothing is swept.
pub(super) fn heat_maps(comparison: &Comparison) -> Vec<Chart> {
    let Some((down, across)) = sides(comparison) else { return Vec::new() };
    let chart =
        |id: &str, title: &str, reads: &str, what: &str, cell: &dyn Fn(&Row) -> HeatCell| {
            let cells = down.values.iter().map(|first| {
                let cells =
                    across.values.iter().map(|second| match find(comparison, first, second) {
                        Some(row) => cell(row),
                        None => absent("not run".to_owned(), String::new()),
                    });
                cells.collect()
            });
            let heat = Heat {
                what: what.to_owned(),
                across: across.clone(),
                down: down.clone(),
                cells: cells.collect(),
            };
            let reads = format!("{reads} The stronger the colour, the more.");
            Chart { id: id.to_owned(), title: title.to_owned(), reads, plot: Plot::Heat(heat) }
        };
    let reads = "Images of dropped modules that the kernel still keeps.";
    let lingering = chart("heat", "Images lingering at the end", reads, WHAT, &lingering);
    let others = MEASURES.iter().filter(|measure| differs(comparison, measure)).map(|measure| {
        let cell = |row: &Row| match (measure.value)(row) {
            Some(value) => HeatCell {
                value: Some(value),
                text: (measure.text)(value),
                tone: Tone::Series(0),
                name: row.name.clone(),
            },
            None => absent(row_verdict(row), row.name.clone()),
        };
        chart(measure.id, measure.title, measure.reads, &measure.title.to_lowercase(), &cell)
    });
    std::iter::once(lingering).chain(others).collect()
}

/// The flags of the rows and of the columns of a sweep: as many columns as fit, the last flags.
pub(super) fn sides(comparison: &Comparison) -> Option<(Axis, Axis)> {
    let swept = comparison.swept.as_slice();
    if comparison.kind != Kind::Sweep || swept.is_empty() {
        return None;
    }
    let columns = |flags: &[Swept]| flags.iter().map(|flag| flag.values.len()).product::<usize>();
    let last = swept.len() - 1;
    let fits = (1..last).find(|&at| columns(&swept[at..]) <= COLUMNS_MAX);
    let (down, across) = swept.split_at(fits.unwrap_or(last));
    Some((axis(down), axis(across)))
}

/// The row of a combination.
pub(super) fn find<'a>(
    comparison: &'a Comparison,
    down: &[String],
    across: &[String],
) -> Option<&'a Row> {
    comparison.rows.iter().find(|row| row.values.iter().eq(down.iter().chain(across)))
}

fn axis(swept: &[Swept]) -> Axis {
    let flags = swept.iter().map(|flag| flag.flag.clone()).collect();
    Axis { flags, values: combinations(swept) }
}

fn whole(value: f64) -> String {
    grouped(value.round() as u64)
}

/// The run of a row that shows its counts, if it made images.
fn with_images(row: &Row) -> Option<&RunSummary> {
    row.worst().filter(|run| run.images.made > 0)
}

/// Returns whether a measure differs between rows by enough to be looked at.
fn differs(comparison: &Comparison, measure: &Measure) -> bool {
    const FACTOR_MIN: f64 = 1.1;
    let values = || comparison.rows.iter().filter_map(|row| (measure.value)(row));
    let (min, max) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    max > min * FACTOR_MIN
}

fn absent(text: String, name: String) -> HeatCell {
    HeatCell { value: None, text, tone: Tone::Neutral, name }
}

fn lingering(row: &Row) -> HeatCell {
    let images = with_images(row).map(|run| run.images);
    let word = || row_verdict(row);
    let (value, text) = match (row.verdict(), images) {
        (Some(Verdict::Clean | Verdict::Leak), Some(images)) => {
            (Some(images.lingering as f64), grouped(images.lingering))
        }
        // The number alone would not say that the run did not end well.
        (_, Some(images)) => (Some(images.lingering as f64), word()),
        (_, None) => (None, word()),
    };
    HeatCell { value, text, tone: tone(row), name: row.name.clone() }
}

/// The tone of a row's verdict.
pub(super) fn tone(row: &Row) -> Tone {
    match row.verdict() {
        Some(Verdict::Clean) => Tone::Good,
        Some(Verdict::Leak | Verdict::SubjectDied) => Tone::Bad,
        Some(Verdict::Inconclusive | Verdict::Interrupted) => Tone::Warning,
        None => Tone::Neutral,
    }
}

/// Every combination of values, in which the last flag changes fastest; without flags the empty one.
fn combinations(swept: &[Swept]) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = vec![Vec::new()];
    for flag in swept {
        let longer = all.iter().flat_map(|values| {
            flag.values
                .iter()
                .map(|value| [values.as_slice(), std::slice::from_ref(value)].concat())
        });
        all = longer.collect();
    }
    all
}
