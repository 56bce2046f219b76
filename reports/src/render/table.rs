//! Tables as lines of a terminal and as Markdown.

use leakbench_model::text::printable;
use unicode_width::UnicodeWidthStr;

use super::width::{padded, shortened};
use crate::report::{Column, Table};

/// Columns that a cell has at least, however narrow the terminal.
const SHRUNK_MIN: usize = 14;

/// Lines without newlines, the heads first, without columns that are empty; and the names of the columns that were left out for
/// lack of room. Lines are at most `width` columns wide if shortening and leaving out columns allows
/// it.
pub(super) fn lines(table: &Table, width: usize) -> (Vec<String>, Vec<String>) {
    // Names come from command lines and drivers.
    let heads: Vec<String> =
        table.columns.iter().map(|column| printable(&column.name).into_owned()).collect();
    let rows: Vec<Vec<String>> = table
        .rows
        .iter()
        .map(|row| row.iter().map(|cell| printable(cell).into_owned()).collect())
        .collect();
    let mut widths: Vec<usize> = heads
        .iter()
        .enumerate()
        .map(|(index, head)| {
            let cells = rows.iter().map(|row| row[index].width());
            cells.chain([head.width()]).max().unwrap_or(0)
        })
        .collect();
    let total = |widths: &[usize], kept: &[usize], gap: usize| {
        kept.iter().map(|index| widths[*index] + gap).sum::<usize>().saturating_sub(gap)
    };
    let spare = |index: &usize| table.columns[*index].spare;

    let is_empty = |index: usize| !rows.is_empty() && rows.iter().all(|row| row[index].is_empty());
    let mut kept: Vec<usize> = (0..heads.len()).filter(|&index| !is_empty(index)).collect();
    for index in kept.clone().into_iter().filter(|index| table.columns[*index].shrinks) {
        let excess = total(&widths, &kept, 2).saturating_sub(width);
        widths[index] = widths[index].saturating_sub(excess).max(SHRUNK_MIN.min(widths[index]));
    }
    let mut left_out = Vec::new();
    // A narrow gap costs less than a number.
    while total(&widths, &kept, 1) > width {
        let Some(index) = kept.iter().copied().filter(|i| spare(i) > 0).max_by_key(spare) else {
            break;
        };
        kept.retain(|other| *other != index);
        left_out.push(heads[index].clone());
    }
    let gap = " ".repeat(if total(&widths, &kept, 2) > width { 1 } else { 2 });
    let line = |cells: &Vec<String>| {
        let cells = kept.iter().map(|&index| {
            let cell = shortened(&cells[index], widths[index]);
            padded(&cell, widths[index], table.columns[index].is_number)
        });
        cells.collect::<Vec<String>>().join(&gap).trim_end().to_owned()
    };
    (std::iter::once(&heads).chain(&rows).map(line).collect(), left_out)
}

/// The head of a Markdown table and its rows, each a line; `name` and `cell` escape the text of a
/// column's name and of a cell.
pub(super) fn markdown<'a>(
    columns: &'a [Column],
    rows: &'a [Vec<String>],
    name: impl Fn(&str) -> String,
    cell: impl Fn(&str) -> String + 'a,
) -> (String, impl ExactSizeIterator<Item = String> + 'a) {
    let names: Vec<String> = columns.iter().map(|column| name(&column.name)).collect();
    let rules = columns.iter().map(|column| if column.is_number { "---:" } else { "---" });
    let rules: Vec<String> = rules.map(str::to_owned).collect();
    let head = format!("{}\n{}", markdown_row(&names), markdown_row(&rules));
    let rows = rows.iter().map(move |row| {
        let cells: Vec<String> = row.iter().take(columns.len()).map(|text| cell(text)).collect();
        markdown_row(&cells)
    });
    (head, rows)
}

/// A row of a Markdown table.
pub(super) fn markdown_row(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let columns = vec![
            Column::words("subject"),
            Column::numbers("mappings").spare(1),
            Column::numbers("peak").spare(2),
            Column::numbers("rate"),
        ];
        let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        let rows = vec![row(["builtin", "1,043", "9.1", "7"]), row(["a|b", "–", "–", "–"])];
        Table { columns, rows, ..Table::default() }
    }

    #[test]
    fn numbers_are_aligned_to_the_right() {
        let (lines, left_out) = lines(&table(), 80);
        let expected = [
            "subject  mappings  peak  rate",
            "builtin     1,043   9.1     7",
            "a|b             –     –     –",
        ];
        assert_eq!(lines, expected);
        assert!(left_out.is_empty());
    }

    #[test]
    fn gaps_shrink_first_then_the_most_spare_columns_are_left_out_and_named() {
        let table = table();
        assert_eq!(lines(&table, 26).0[0], "subject mappings peak rate");
        let (drawn, left_out) = lines(&table, 25);
        assert_eq!((drawn[0].as_str(), left_out), ("subject  mappings  rate", vec!["peak".into()]));
        let (drawn, left_out) = lines(&table, 5);
        assert_eq!(drawn[0], "subject rate");
        assert_eq!(left_out, ["peak", "mappings"]);
    }

    #[test]
    fn cells_of_words_shrink_before_columns_are_left_out() {
        let columns = vec![Column::numbers("rate"), Column::words("set by").spare(1).shrinks()];
        let rows = vec![vec!["20,000".to_owned(), "memory.max of /system.slice".to_owned()]];
        let table = Table { columns, rows, ..Table::default() };
        assert_eq!(lines(&table, 40).0[1], "20,000  memory.max of /system.slice");
        assert_eq!(lines(&table, 30).0[1], "20,000  memory.max of …");
        assert_eq!(lines(&table, 22).0[1], "20,000  memory.max …");
        let (drawn, left_out) = lines(&table, 20);
        assert_eq!((drawn[1].as_str(), left_out), ("20,000", vec!["set by".to_owned()]));
    }

    #[test]
    fn wide_characters_keep_columns_aligned() {
        let columns = vec![Column::words("subject"), Column::numbers("rate")];
        let rows = vec![
            vec!["大きさ".to_owned(), "1".to_owned()],
            vec!["e\u{301}".to_owned(), "22".to_owned()],
        ];
        let (lines, _) = lines(&Table { columns, rows, ..Table::default() }, 80);
        assert_eq!(lines, ["subject  rate", "大きさ      1", "e\u{301}          22"]);
    }

    #[test]
    fn markdown_has_a_rule_that_aligns() {
        let table = table();
        let escape = |text: &str| text.replace('|', "\\|");
        let (head, rows) = markdown(&table.columns, &table.rows, escape, escape);
        assert_eq!(head, "| subject | mappings | peak | rate |\n| --- | ---: | ---: | ---: |");
        let expected = ["| builtin | 1,043 | 9.1 | 7 |", "| a\\|b | – | – | – |"];
        assert_eq!(rows.collect::<Vec<String>>(), expected);
    }

    #[test]
    fn names_cannot_steer_a_terminal() {
        let columns = vec![Column::words("a\nb")];
        let evil = Table { columns, rows: vec![vec!["\u{1b}[2K".to_owned()]], ..Table::default() };
        let (lines, _) = lines(&evil, 80);
        assert_eq!(lines, ["a\\nb", "\\u{1b}[2K"]);
    }
}
