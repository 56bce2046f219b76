//! Tables: right-aligned numbers, for a terminal of some width, and as Markdown.

use leakbench_model::text::printable;

/// What stands for a number that was not measured.
pub(super) const ABSENT: &str = "–";

/// Heads and rows of texts. Each row has as many cells as there are columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

/// What a column has above its cells, and how they stand.
#[derive(Clone, Debug)]
pub(super) struct Column {
    head: String,
    right: bool,
    /// Whether it may be left out where there is no room, and how soon: the greatest first.
    spare: u8,
}

impl Column {
    /// Of words, left-aligned.
    pub(super) fn words(head: &str) -> Column {
        Column { head: head.to_owned(), right: false, spare: 0 }
    }

    /// Of numbers, right-aligned.
    pub(super) fn numbers(head: &str) -> Column {
        Column { right: true, ..Column::words(head) }
    }

    /// The same, left out where there is no room; of several those with a greater `order` first.
    pub(super) fn spare(self, order: u8) -> Column {
        Column { spare: order, ..self }
    }
}

impl Table {
    pub(super) fn new(columns: Vec<Column>, rows: Vec<Vec<String>>) -> Table {
        // Names come from command lines and drivers.
        let printable = |text: String| printable(&text).into_owned();
        let columns = columns.into_iter();
        let columns = columns.map(|column| Column { head: printable(column.head), ..column });
        let rows = rows.into_iter().map(|row| row.into_iter().map(printable).collect());
        Table { columns: columns.collect(), rows: rows.collect() }
    }

    /// Each column's head and whether it has numbers, and the rows.
    pub(in crate::render) fn cells(self) -> (Vec<(String, bool)>, Vec<Vec<String>>) {
        let heads = self.columns.into_iter().map(|column| (column.head, column.right));
        (heads.collect(), self.rows)
    }

    /// Lines without newlines, of at most `width` columns as far as leaving out spare columns
    /// makes them so, and the heads of those that were left out.
    pub(super) fn lines(&self, width: usize) -> (Vec<String>, Vec<&str>) {
        let widths = self.widths();
        let mut kept: Vec<usize> = (0..self.columns.len()).collect();
        let mut left_out = Vec::new();
        let total = |kept: &[usize], gap: usize| {
            kept.iter().map(|index| widths[*index] + gap).sum::<usize>().saturating_sub(gap)
        };
        let spare = |index: &usize| self.columns[*index].spare;
        // A narrow gap costs less than a number.
        while total(&kept, 1) > width {
            let Some(index) = kept.iter().copied().filter(|i| spare(i) > 0).max_by_key(spare)
            else {
                break;
            };
            kept.retain(|other| *other != index);
            left_out.push(self.columns[index].head.as_str());
        }
        let gap = if total(&kept, 2) > width { 1 } else { 2 };
        let heads: Vec<&str> = self.columns.iter().map(|column| column.head.as_str()).collect();
        let line = |cells: &[&str]| {
            let cells = kept.iter().map(|index| self.padded(*index, cells[*index], widths[*index]));
            cells.collect::<Vec<String>>().join(&" ".repeat(gap)).trim_end().to_owned()
        };
        let rows = self.rows.iter().map(|row| row.iter().map(String::as_str).collect());
        let lines = std::iter::once(heads).chain(rows).map(|cells: Vec<&str>| line(&cells));
        (lines.collect(), left_out)
    }

    /// As Markdown, with nothing left out.
    pub(super) fn markdown(&self) -> Vec<String> {
        let line = |cells: &mut dyn Iterator<Item = String>| {
            format!("| {} |", cells.collect::<Vec<String>>().join(" | "))
        };
        let heads = line(&mut self.columns.iter().map(|column| markdown_cell(&column.head)));
        let rule = |column: &Column| if column.right { "---:" } else { "---" }.to_owned();
        let rule = line(&mut self.columns.iter().map(rule));
        let rows =
            self.rows.iter().map(|row| line(&mut row.iter().map(|cell| markdown_cell(cell))));
        [heads, rule].into_iter().chain(rows).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.columns.iter().enumerate();
        let widths = columns.map(|(index, column)| {
            let cells = self.rows.iter().map(|row| row[index].chars().count());
            cells.chain([column.head.chars().count()]).max().unwrap_or(0)
        });
        widths.collect()
    }

    fn padded(&self, index: usize, cell: &str, width: usize) -> String {
        if self.columns[index].right { format!("{cell:>width$}") } else { format!("{cell:width$}") }
    }
}

/// `text` so that it stays in its cell and says what it says.
fn markdown_cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => cell.push_str("&lt;"),
            '&' => cell.push_str("&amp;"),
            '|' | '\\' | '`' | '*' | '_' | '[' => cell.extend(['\\', c]),
            c => cell.push(c),
        }
    }
    cell
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
        Table::new(
            columns,
            vec![row(["builtin", "1,043", "9.1", "7"]), row(["a|b", "–", "–", "–"])],
        )
    }

    #[test]
    fn numbers_stand_to_the_right() {
        let table = table();
        let (lines, left_out) = table.lines(80);
        let expected = [
            "subject  mappings  peak  rate",
            "builtin     1,043   9.1     7",
            "a|b             –     –     –",
        ];
        assert_eq!(lines, expected);
        assert!(left_out.is_empty());
    }

    #[test]
    fn gaps_give_way_first_then_the_most_spare_columns_and_those_are_named() {
        let table = table();
        assert_eq!(table.lines(26).0[0], "subject mappings peak rate");
        let (lines, left_out) = table.lines(25);
        assert_eq!((lines[0].as_str(), left_out), ("subject  mappings  rate", vec!["peak"]));
        let (lines, left_out) = table.lines(5);
        assert_eq!((lines[0].as_str(), left_out), ("subject rate", vec!["peak", "mappings"]));
    }

    #[test]
    fn markdown_keeps_cells_apart() {
        let expected = [
            "| subject | mappings | peak | rate |",
            "| --- | ---: | ---: | ---: |",
            "| builtin | 1,043 | 9.1 | 7 |",
            "| a\\|b | – | – | – |",
        ];
        assert_eq!(table().markdown(), expected);
    }

    #[test]
    fn names_cannot_steer_a_terminal() {
        let evil = Table::new(vec![Column::words("a\nb")], vec![vec!["\u{1b}[2K".to_owned()]]);
        let (lines, _) = evil.lines(80);
        assert_eq!(lines, ["a\\nb", "\\u{1b}[2K"]);
    }
}
