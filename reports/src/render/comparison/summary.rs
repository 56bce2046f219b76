//! The table at the end of several runs, for someone who reads the last lines of a log, and for a
//! document.

use std::path::Path;

use super::super::page::{Closing, Page};
use super::cells::{LEGEND, grid, matrix, refusals};
use crate::comparison::Comparison;
use leakbench_recording::judge::Verdict;

/// How the table is to look on a terminal.
#[derive(Clone, Copy, Debug)]
pub struct ComparisonSummary<'a> {
    /// Whether to colour it.
    pub colour: bool,
    /// Columns that there are; of no terminal `None`: nothing is left out then.
    pub width: Option<usize>,
    /// The folder that has comparison.json and the recordings.
    pub out: &'a Path,
}

/// Refusals told in full.
const REFUSALS_SHOWN: usize = 5;
/// Columns of text that goes to no terminal.
const PLAIN_WIDTH: usize = 100;

impl ComparisonSummary<'_> {
    /// Draws it; each line ends in a newline, the last one is the verdict.
    pub fn draw(&self, comparison: &Comparison) -> String {
        self.draw_with(comparison, &Closing::default())
    }

    /// The same, with what is next.
    pub fn draw_with(&self, comparison: &Comparison, closing: &Closing<'_>) -> String {
        let page = Page::new(self.colour, self.width.unwrap_or(PLAIN_WIDTH), Some(self.out));
        let width = self.width.unwrap_or(usize::MAX);
        let grid = grid(comparison);
        let (lines, left_out) = grid.lines(width);
        let mut drawn = headed(&page, lines);
        if let Some((title, matrix)) = matrix(comparison) {
            drawn.push(String::new());
            drawn.push(format!("{title}:"));
            drawn.extend(headed(&page, matrix.lines(width).0));
        }
        drawn.push(String::new());
        drawn.extend(page.entry("columns", LEGEND, usize::MAX));
        if !left_out.is_empty() {
            let text = format!("for want of room: {} (in comparison.json)", left_out.join(", "));
            drawn.extend(page.entry("left out", &text, usize::MAX));
        }
        let refusals = refusals(comparison);
        for refusal in refusals.iter().take(REFUSALS_SHOWN) {
            drawn.extend(page.entry("refused", refusal, usize::MAX));
        }
        if refusals.len() > REFUSALS_SHOWN {
            let more = refusals.len() - REFUSALS_SHOWN;
            drawn.extend(page.entry("", &format!("… and {more} more (in comparison.json)"), 1));
        }
        drawn.push(page.unwrapped("kept in", &self.out.display().to_string()));
        drawn.extend(page.last_lines(None, None, closing));
        // Nothing was run, where there is no verdict: then nothing is known to be clean.
        let verdict = comparison.verdict().unwrap_or(Verdict::Inconclusive);
        drawn.push(page.verdict(verdict, &comparison.headline()));
        drawn.join("\n") + "\n"
    }
}

/// The same as Markdown: the table, where two flags are swept the matrix, the verdict.
pub fn comparison_markdown(comparison: &Comparison) -> String {
    let mut paragraphs = vec![grid(comparison).markdown().join("\n")];
    if let Some((title, matrix)) = matrix(comparison) {
        paragraphs.push(format!("{title}:"));
        paragraphs.push(matrix.markdown().join("\n"));
    }
    paragraphs.push(format!("({LEGEND}.)"));
    paragraphs.extend(
        refusals(comparison)
            .into_iter()
            .map(|refusal| leakbench_model::text::printable(&refusal).into_owned()),
    );
    paragraphs.push(format!("verdict: {}", comparison.headline()));
    paragraphs.join("\n\n") + "\n"
}

fn headed(page: &Page, lines: Vec<String>) -> Vec<String> {
    let lines = lines.into_iter().enumerate();
    lines.map(|(index, line)| if index == 0 { page.bold(&line) } else { line }).collect()
}
