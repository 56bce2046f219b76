//! The summary of a comparison.

use leakbench_model::Verdict;

use super::{Block, Entry, List, Summary};
use crate::comparison::{COMPARISON_FILE, Comparison};
use crate::report::{comparison_matrix, comparison_table, refusals};

/// Refusals shown in full.
const REFUSALS_SHOWN: usize = 5;

impl Summary {
    /// The summary of a comparison: as many lines as it has rows, and some.
    pub fn of_comparison(comparison: &Comparison) -> Summary {
        let table = comparison_table(comparison);
        let mut entries = vec![Entry::new("columns", table.note.clone(), usize::MAX)];
        let refusals = refusals(comparison);
        let shown = refusals.iter().take(REFUSALS_SHOWN);
        entries.extend(shown.map(|refusal| Entry::new("refused", refusal, usize::MAX)));
        if let more @ 1.. = refusals.len().saturating_sub(REFUSALS_SHOWN) {
            entries.push(Entry::new("", format!("… and {more} more (in {COMPARISON_FILE})"), 1));
        }
        let table =
            Block { caption: None, table, noun: "row", rows_max: usize::MAX, is_narrow: false };
        let matrix = comparison_matrix(comparison).map(|matrix| {
            let caption = Some(matrix.title.clone());
            Block { caption, table: matrix, noun: "row", rows_max: usize::MAX, is_narrow: false }
        });
        Summary {
            title: None,
            tables: std::iter::once(table).chain(matrix).collect(),
            entries,
            lists: Vec::new(),
            findings: List::default(),
            command: None,
            file: COMPARISON_FILE,
            lines_max: None,
            // Without a run nothing is proved clean.
            verdict: comparison.verdict().unwrap_or(Verdict::Inconclusive),
            headline: comparison.headline(),
        }
    }
}
