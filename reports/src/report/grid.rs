//! The table of a comparison, the same on a terminal, in Markdown and on the page.

use super::heat::tone;
use super::{Column, Table};
use crate::comparison::{Comparison, Kind, Ratio, Refusal, Row, RunSummary};
use crate::headline::verdict_word;
use leakbench_model::Resource;
use leakbench_model::text::grouped;

/// Stands for a number that was not measured.
const ABSENT: &str = "–";

const NOTE: &str = "at drop, late, lingering: images by when they were released; at the end, with \
                    every module dropped: memfd (mappings of memfds; each process has one of \
                    leakbench's own), mappings, fds, RSS in MiB; ratio: cycles/s to the first row's, \
                    the geometric mean over rounds with its 95 % CI";

/// The table with a row for each row of the comparison.
pub(crate) fn comparison_table(comparison: &Comparison) -> Table {
    let mut columns: Vec<Column> = match comparison.kind {
        Kind::Compare => vec![Column::words("subject")],
        Kind::Sweep => comparison.swept.iter().map(|swept| Column::words(&swept.flag)).collect(),
    };
    let with_unknown =
        comparison.rows.iter().filter_map(Row::worst).any(|run| run.images.unknown > 0);
    columns.extend([
        Column::words("verdict").coloured(),
        Column::numbers("at drop"),
        Column::numbers("late"),
        Column::numbers("lingering"),
    ]);
    if with_unknown {
        columns.push(Column::numbers("unknown"));
    }
    columns.extend([
        Column::numbers("memfd").spare(2),
        Column::numbers("mappings").spare(3),
        Column::numbers("fds").spare(4),
        Column::numbers("RSS").spare(1),
    ]);
    let compares = comparison.kind == Kind::Compare;
    if compares {
        columns.push(Column::numbers("peak RSS").spare(5));
    }
    columns.push(Column::numbers("cycles/s"));
    let ratio_column = Column::numbers("ratio");
    columns.push(if compares { ratio_column } else { ratio_column.spare(6) });
    let rows = comparison.rows.iter().enumerate().map(|(index, row)| {
        let mut cells = match comparison.kind {
            Kind::Compare => vec![row.name.clone()],
            Kind::Sweep => row.values.clone(),
        };
        cells.push(row_verdict(row));
        cells.extend(images(row.worst(), with_unknown));
        cells.extend(at_end(row.worst()));
        if compares {
            cells.push(mebibytes(row.worst().and_then(|run| run.peak.of(Resource::RssBytes))));
        }
        cells.push(number(row.rate_per_s().map(|rate| rate.round() as u64)));
        cells.push(ratio(comparison.ratio(index)));
        cells
    });
    let rows = rows.collect();
    let tones = comparison.rows.iter().map(tone).collect();
    let (title, note) = ("Rows".to_owned(), NOTE.to_owned());
    Table { id: "rows".to_owned(), title, note, columns, rows, tones, ..Table::default() }
}

/// Lingering images alone, if two flags are swept: the values of the first one down, those of the
/// second one across.
pub(crate) fn comparison_matrix(comparison: &Comparison) -> Option<Table> {
    let [down, across] = &comparison.swept[..] else {
        return None;
    };
    let mut columns = vec![Column::words(&format!("{} \\ {}", down.flag, across.flag))];
    columns.extend(across.values.iter().map(|value| Column::numbers(value)));
    let rows = down.values.iter().map(|first| {
        let cells = across.values.iter().map(|second| {
            let mut rows = comparison.rows.iter();
            let row = rows.find(|row| row.values == [first.clone(), second.clone()]);
            lingering(row.and_then(Row::worst))
        });
        std::iter::once(first.clone()).chain(cells).collect()
    });
    let rows = rows.collect();
    let title = format!("lingering images, by {} (down) and {} (across)", down.flag, across.flag);
    Some(Table { id: "matrix".to_owned(), title, columns, rows, ..Table::default() })
}

/// The reasons of refused rows, each once.
pub(crate) fn refusals(comparison: &Comparison) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    for row in &comparison.rows {
        let sentence = match &row.refusal {
            // It names the runtime and the flag.
            Some(Refusal::NotOffered(reason)) => reason.clone(),
            Some(Refusal::AtStart(reason)) => format!("{}: {reason}", row.name),
            None => continue,
        };
        if !sentences.contains(&sentence) {
            sentences.push(sentence);
        }
    }
    sentences
}

/// A row's verdict in a word, or why it has none.
pub(super) fn row_verdict(row: &Row) -> String {
    match (row.verdict(), &row.refusal) {
        (Some(verdict), _) => verdict_word(verdict).to_owned(),
        (None, Some(Refusal::NotOffered(_))) => "not offered".to_owned(),
        (None, Some(Refusal::AtStart(_))) => "refused".to_owned(),
        (None, None) => "not run".to_owned(),
    }
}

fn images(run: Option<&RunSummary>, with_unknown: bool) -> Vec<String> {
    // Without an image none was released.
    let images = run.map(|run| run.images).filter(|images| images.made > 0);
    let mut cells = vec![
        number(images.map(|images| images.synchronous)),
        number(images.map(|images| images.late)),
        lingering(run),
    ];
    if with_unknown {
        cells.push(number(images.map(|images| images.unknown)));
    }
    cells
}

fn lingering(run: Option<&RunSummary>) -> String {
    let images = run.map(|run| run.images).filter(|images| images.made > 0);
    number(images.map(|images| images.lingering))
}

fn at_end(run: Option<&RunSummary>) -> [String; 4] {
    let at_end = run.map(|run| run.at_end).unwrap_or_default();
    [
        number(at_end.of(Resource::MemfdMappings)),
        number(at_end.of(Resource::Mappings)),
        number(at_end.of(Resource::Fds)),
        mebibytes(at_end.of(Resource::RssBytes)),
    ]
}

fn number(number: Option<u64>) -> String {
    number.map_or(ABSENT.to_owned(), grouped)
}

fn mebibytes(bytes: Option<u64>) -> String {
    const MEBIBYTE: f64 = (1 << 20) as f64;
    bytes.map_or(ABSENT.to_owned(), |bytes| format!("{:.1}", bytes as f64 / MEBIBYTE))
}

fn ratio(ratio: Option<Ratio>) -> String {
    ratio.map_or(ABSENT.to_owned(), |ratio| ratio.to_string())
}
