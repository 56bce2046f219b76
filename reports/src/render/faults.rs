//! A matrix of faults as text.

use leakbench_model::text::{counted, grouped, printable};

use crate::faults::{FaultMatrix, FaultOutcome, FaultRow};

/// Cells of one outcome that the text lists.
const LISTED_MAX: usize = 8;

/// A line for each call and error, then the cells with a problem, then the verdict.
pub fn fault_text(matrix: &FaultMatrix) -> String {
    let mut text = format!("faults in  {}\n", printable(&matrix.subject));
    let calls: Vec<String> = matrix
        .calls
        .iter()
        .map(|count| format!("{} {}", grouped(count.calls), count.call))
        .collect();
    let calls = if calls.is_empty() { "none".to_owned() } else { calls.join(", ") };
    text += &format!("calls      {calls}\n");
    let rows = matrix.rows();
    if !rows.is_empty() {
        text += &table(&rows);
    }
    let mut listed = listing(&matrix.problems());
    // No failure, and yet a user who sees it would not know what to do.
    let unnamed = matrix.cells.iter().filter(|cell| cell.outcome == FaultOutcome::Unnamed);
    listed += &listing(&unnamed.collect::<Vec<_>>());
    text += &listed;
    text += &format!("reproduce  {}\n", printable(&matrix.command));
    text + &format!("faults: {} — {}\n", matrix.verdict(), matrix.headline())
}

fn listing(cells: &[&crate::faults::FaultCell]) -> String {
    let mut text = String::new();
    for cell in cells.iter().take(LISTED_MAX) {
        text += &format!(
            "{:<10} {}: {}\n           {}\n",
            cell.outcome,
            cell.fault,
            printable(&cell.what),
            printable(&cell.command),
        );
    }
    let more = cells.len().saturating_sub(LISTED_MAX) as u64;
    if more > 0 {
        text += &format!("           and {} (--json lists all)\n", counted(more, "more cell"));
    }
    text
}

/// The number of cells by outcome, without outcomes that no cell has.
fn table(rows: &[FaultRow<'_>]) -> String {
    let has = |outcome: &FaultOutcome| rows.iter().any(|row| row.count(*outcome) > 0);
    let outcomes: Vec<FaultOutcome> = FaultOutcome::ALL.into_iter().filter(has).collect();
    let mut lines = vec![["call", "error", "fails", "tried"].map(str::to_owned).to_vec()];
    lines[0].extend(outcomes.iter().map(ToString::to_string));
    for row in rows {
        let tried = row.cells.len() as u64;
        let tried = match tried == row.positions {
            true => grouped(tried),
            false => format!("{} of {}", grouped(tried), grouped(row.positions)),
        };
        let fails = if row.persists { "from then on" } else { "once" };
        let mut line = vec![row.call.to_string(), row.error.to_string(), fails.to_owned(), tried];
        line.extend(outcomes.iter().map(|outcome| match row.count(*outcome) {
            0 => String::new(),
            count => grouped(count),
        }));
        lines.push(line);
    }
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells =
            line.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
                0..=2 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
        text += cells.collect::<Vec<String>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}
