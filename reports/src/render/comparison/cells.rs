//! What stands in which cell.

use super::super::table::{ABSENT, Column, Table};
use super::super::verdict_word;
use crate::comparison::{Comparison, Kind, Ratio, Refusal, Row, RunSummary};
use leakbench_model::text::grouped;

/// What the heads of [`grid`] mean.
pub(crate) const LEGEND: &str = "at drop, late, lingering: images by when they were released; at \
                                 the end, with every module dropped: memfd (mappings that map one; of \
                                 each process one is leakbench's own), mappings, fds, RSS in MiB";

/// A row of cells for each row.
pub(super) fn grid(comparison: &Comparison) -> Table {
    let names: Vec<Column> = match comparison.kind {
        Kind::Compare => vec![Column::words("subject")],
        Kind::Sweep => comparison.swept.iter().map(|swept| Column::words(&swept.flag)).collect(),
    };
    let with_unknown =
        comparison.rows.iter().filter_map(Row::worst).any(|run| run.images.unknown > 0);
    let mut columns = names;
    columns.extend([
        Column::words("verdict"),
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
    if compares {
        columns.push(Column::numbers("ratio"));
    }
    let rows = comparison.rows.iter().enumerate().map(|(index, row)| {
        let mut cells = match comparison.kind {
            Kind::Compare => vec![row.name.clone()],
            Kind::Sweep => row.values.clone(),
        };
        cells.push(verdict(row));
        cells.extend(images(row.worst(), with_unknown));
        cells.extend(at_end(row.worst()));
        if compares {
            cells.push(mebibytes(row.worst().and_then(|run| run.peak.rss_bytes)));
        }
        cells.push(number(row.rate_per_s().map(|rate| rate.round() as u64)));
        if compares {
            cells.push(ratio(comparison.ratio(index)));
        }
        cells
    });
    let rows = rows.collect();
    Table::new(columns, rows)
}

/// The heads of [`grid`] and whether they have numbers, and its rows; ratios are in those of a sweep
/// as well, which a terminal has no room for.
pub(crate) fn cells_with_ratios(
    comparison: &Comparison,
) -> (Vec<(String, bool)>, Vec<Vec<String>>) {
    let (mut heads, mut rows) = grid(comparison).cells();
    if comparison.kind == Kind::Sweep {
        heads.push(("ratio".to_owned(), true));
        for (index, row) in rows.iter_mut().enumerate() {
            row.push(ratio(comparison.ratio(index)));
        }
    }
    (heads, rows)
}

/// Lingering images alone, where two flags are swept: the first one's values down, the second one's
/// across. With the line that says so.
pub(super) fn matrix(comparison: &Comparison) -> Option<(String, Table)> {
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
    Some((title, Table::new(columns, rows)))
}

/// Why rows were refused, each reason once.
pub(crate) fn refusals(comparison: &Comparison) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for row in &comparison.rows {
        let sentence = match &row.refusal {
            // It names the runtime and the flag.
            Some(Refusal::NotOffered(reason)) => reason.clone(),
            Some(Refusal::AtStart(reason)) => format!("{}: {reason}", row.name),
            None => continue,
        };
        if !told.contains(&sentence) {
            told.push(sentence);
        }
    }
    told
}

/// A word for what became of a row: its verdict, or why there is none.
pub(crate) fn verdict(row: &Row) -> String {
    match (row.verdict(), &row.refusal) {
        (Some(verdict), _) => verdict_word(verdict).to_owned(),
        (None, Some(Refusal::NotOffered(_))) => "not offered".to_owned(),
        (None, Some(Refusal::AtStart(_))) => "refused".to_owned(),
        (None, None) => "not run".to_owned(),
    }
}

fn images(run: Option<&RunSummary>, with_unknown: bool) -> Vec<String> {
    // Where there was no image, none was released.
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
        number(at_end.memfd_mappings),
        number(at_end.mappings),
        number(at_end.fds),
        mebibytes(at_end.rss_bytes),
    ]
}

fn number(number: Option<u64>) -> String {
    number.map_or(ABSENT.to_owned(), grouped)
}

fn mebibytes(bytes: Option<u64>) -> String {
    const MEBIBYTE: f64 = (1 << 20) as f64;
    bytes.map_or(ABSENT.to_owned(), |bytes| format!("{:.1}", bytes as f64 / MEBIBYTE))
}

/// `0.43`; of rounds that differ with the least and the greatest.
fn ratio(ratio: Option<Ratio>) -> String {
    match ratio {
        None => ABSENT.to_owned(),
        Some(Ratio { median, min, max, .. }) if min == max => format!("{median:.2}"),
        Some(Ratio { median, min, max, .. }) => format!("{median:.2} ({min:.2}–{max:.2})"),
    }
}
