//! The summary at the end of a log: of a run, an observation or a comparison, the verdict last.
//!
//! All three have one layout. A [`Summary`] is their difference as data: title, tables, labelled
//! texts, lists that share what room there is, and the findings.

mod comparison;
mod observation;
mod run;

use std::path::Path;

use leakbench_model::Verdict;
use leakbench_model::text::{counted, printable};
use leakbench_recording::judge::{Finding, Judgement};

use super::Closing;
use super::layout::Layout;
use super::table;
use crate::report::Table;

/// A summary, ready to be drawn.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The first line.
    title: Option<String>,
    tables: Vec<Block>,
    /// Labelled texts beneath the tables.
    entries: Vec<Entry>,
    /// Lists in the order in which they are shown. Findings are the last.
    lists: Vec<List>,
    findings: List,
    /// The command that reproduces it.
    command: Option<String>,
    /// The result's file in the output folder.
    file: &'static str,
    /// Lines at most, if it is bounded.
    lines_max: Option<usize>,
    verdict: Verdict,
    /// The verdict in a sentence.
    headline: String,
}

/// The style of a summary, by its destination.
#[derive(Clone, Copy, Debug, Default)]
pub struct SummaryStyle<'a> {
    /// True for colours.
    pub colour: bool,
    /// Columns of the terminal; `None` without one: texts then wrap at 100 columns and no column of
    /// a table is left out. Texts wrap at no less than 60 and no more than 100 columns. Commands
    /// and the verdict are never wrapped.
    pub width: Option<usize>,
    /// The output folder, if there is one.
    pub out: Option<&'a Path>,
    /// True for the whole summary, however long.
    pub is_full: bool,
}

/// A table with the line above it.
#[derive(Clone, Debug)]
struct Block {
    caption: Option<String>,
    table: Table,
    /// The noun of a row.
    noun: &'static str,
    /// Rows at most, with the line that counts the others.
    rows_max: usize,
    /// The table fits in the width of the texts, whatever the terminal.
    is_narrow: bool,
}

/// A labelled text.
#[derive(Clone, Debug)]
struct Entry {
    label: &'static str,
    text: String,
    lines_max: usize,
    /// Only in the whole summary.
    is_detail: bool,
}

/// Items of which as many are shown as there is room for.
#[derive(Clone, Debug, Default)]
struct List {
    /// The label of the line that counts the items if none of them fits.
    label: &'static str,
    noun: &'static str,
    /// Each of one or more entries.
    items: Vec<Vec<Entry>>,
    /// Items that are shown at most.
    shown_max: usize,
    /// The number of all items, some of which may not be recorded.
    total: u64,
    /// Lines that findings cannot take from it.
    reserve: usize,
}

impl Summary {
    /// Lines of a run's or an observation's summary at most.
    pub const LINES_MAX: usize = 25;

    /// Draws the summary; each line ends in a newline.
    pub fn draw(&self, style: &SummaryStyle<'_>, closing: &Closing<'_>) -> String {
        let layout = Layout::new(style.colour, style.width.unwrap_or(usize::MAX), style.is_full);
        let elsewhere = match style.out {
            Some(_) => format!("in {}", self.file),
            None => "see --json".to_owned(),
        };
        let title = self.title.iter();
        let mut lines: Vec<String> =
            title.map(|title| layout.bold(&printable(&format!("leakbench: {title}")))).collect();
        let mut left_out = Vec::new();
        for block in &self.tables {
            lines.extend(block.draw(&layout, style.width, &elsewhere, &mut left_out));
        }
        if self.lines_max.is_none() {
            lines.push(String::new());
        }
        lines.extend(self.entries.iter().flat_map(|entry| entry.draw(&layout)));
        if !left_out.is_empty() {
            let text = format!("for lack of room: {} ({elsewhere})", left_out.join(", "));
            lines.extend(layout.entry("left out", &text, usize::MAX));
        }

        let kept = style.out.map(|out| out.join(self.file));
        let mut below = layout.closing(self.command.as_deref(), kept.as_deref(), closing);
        below.push(layout.verdict("verdict", self.verdict, &self.headline));

        let lines_max = self.lines_max.filter(|_| !style.is_full);
        let room = lines_max
            .map_or(usize::MAX, |lines_max| lines_max.saturating_sub(lines.len() + below.len()));
        lines.extend(self.draw_lists(&layout, room, &elsewhere));
        lines.extend(below);
        lines.join("\n") + "\n"
    }

    /// A list that is cut says so, so each list with items has a line at least: findings before
    /// the lists of the greatest reserve.
    fn draw_lists(&self, layout: &Layout, mut room: usize, elsewhere: &str) -> Vec<String> {
        let wanted = self.findings.lines(layout);
        let line_of_findings = usize::from(self.findings.total > 0);
        let mut order: Vec<usize> = (0..self.lists.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(self.lists[index].reserve));
        let mut drawn: Vec<Vec<String>> = vec![Vec::new(); self.lists.len()];
        for index in order {
            let list = &self.lists[index];
            let own = room.saturating_sub(wanted).max(list.reserve);
            let own = own.min(room.saturating_sub(line_of_findings));
            drawn[index] = list.draw(layout, own, elsewhere);
            room = room.saturating_sub(drawn[index].len());
        }
        drawn.push(self.findings.draw(layout, room, elsewhere));
        drawn.concat()
    }
}

impl Block {
    fn draw(
        &self,
        layout: &Layout,
        width: Option<usize>,
        elsewhere: &str,
        left_out: &mut Vec<String>,
    ) -> Vec<String> {
        let width = if self.is_narrow { Some(layout.width()) } else { width };
        let rows = self.table.rows.len();
        let shown =
            if rows > self.rows_max && !layout.is_full() { self.rows_max - 1 } else { rows };
        let table = Table { rows: self.table.rows[..shown].to_vec(), ..self.table.clone() };
        let (table, without) = table::lines(&table, width.unwrap_or(usize::MAX));
        left_out.extend(without);
        let mut lines: Vec<String> = Vec::new();
        if let Some(caption) = &self.caption {
            lines.extend([String::new(), format!("{}:", printable(caption))]);
        }
        for (index, line) in table.into_iter().enumerate() {
            lines.push(if index == 0 { layout.bold(&line) } else { line });
        }
        if let rest @ 1.. = rows - shown {
            lines.push(more(rest as u64, self.noun, elsewhere));
        }
        lines
    }
}

impl Entry {
    fn new(label: &'static str, text: impl Into<String>, lines_max: usize) -> Entry {
        Entry { label, text: text.into(), lines_max, is_detail: false }
    }

    /// The same entry, only for the whole summary.
    fn detail(self, is_detail: bool) -> Entry {
        Entry { is_detail, ..self }
    }

    fn draw(&self, layout: &Layout) -> Vec<String> {
        if self.is_detail && !layout.is_full() {
            return Vec::new();
        }
        layout.entry(self.label, &self.text, self.lines_max)
    }
}

impl List {
    /// All findings that `is_shown`, but the one that the headline has.
    fn of_findings(
        judgement: &Judgement,
        lines_max: usize,
        is_shown: impl Fn(&Finding) -> bool,
    ) -> List {
        let decisive = judgement.decisive();
        let is_decisive =
            |finding: &Finding| decisive.is_some_and(|decisive| std::ptr::eq(finding, decisive));
        let shown = judgement.findings.iter().filter(|finding| !is_decisive(finding));
        let items = shown.filter(|finding| is_shown(finding)).map(|finding| {
            let text = format!("{} [{}]", finding.message, finding.rule);
            vec![Entry::new(finding.level.as_str(), text, lines_max)]
        });
        let items: Vec<Vec<Entry>> = items.collect();
        let total = items.len() as u64;
        List { label: "findings", noun: "finding", items, shown_max: usize::MAX, total, reserve: 0 }
    }

    /// Lines of all items.
    fn lines(&self, layout: &Layout) -> usize {
        self.items.iter().flatten().map(|entry| entry.draw(layout).len()).sum()
    }

    /// The items that fit in `room` lines; if some do not, the last line counts them.
    fn draw(&self, layout: &Layout, room: usize, elsewhere: &str) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut left = self.total;
        let shown_max = if layout.is_full() { usize::MAX } else { self.shown_max };
        for item in self.items.iter().take(shown_max) {
            let item: Vec<String> = item.iter().flat_map(|entry| entry.draw(layout)).collect();
            let line_for_rest = usize::from(left > 1);
            if lines.len().saturating_add(item.len() + line_for_rest) > room {
                break;
            }
            lines.extend(item);
            left -= 1;
        }
        if left > 0 && lines.len() < room {
            let (label, text) = if lines.is_empty() {
                (self.label, format!("{} ({elsewhere})", counted(left, self.noun)))
            } else {
                ("", more(left, self.noun, elsewhere))
            };
            lines.extend(layout.entry(label, &text, 1));
        }
        lines
    }
}

/// The line that stands for what was not shown.
fn more(number: u64, noun: &str, elsewhere: &str) -> String {
    format!("… and {} ({elsewhere})", counted(number, &format!("more {noun}")))
}
