//! A comparison as Markdown to be kept in a document: the table, where two flags are swept the
//! matrix, the verdict.

use leakbench_model::text::printable;

use crate::comparison::Comparison;
use crate::render::table::markdown;
use crate::report::{Table, comparison_matrix, comparison_table, refusals};

/// The tables of a comparison and its verdict, of any size.
pub fn comparison_markdown(comparison: &Comparison) -> String {
    let table = comparison_table(comparison);
    let mut paragraphs = vec![whole(&table)];
    if let Some(matrix) = comparison_matrix(comparison) {
        paragraphs.push(format!("{}:", printable(&matrix.title)));
        paragraphs.push(whole(&matrix));
    }
    paragraphs.push(format!("({}.)", table.note));
    let refusals = refusals(comparison);
    paragraphs.extend(refusals.iter().map(|refusal| printable(refusal).into_owned()));
    paragraphs.push(format!("verdict: {}", comparison.headline()));
    paragraphs.join("\n\n") + "\n"
}

fn whole(table: &Table) -> String {
    let (head, rows) = markdown(&table.columns, &table.rows, cell, cell);
    std::iter::once(head).chain(rows).collect::<Vec<String>>().join("\n")
}

/// `text` so that it stays in its cell and means itself. Less is escaped than in a comment, since
/// people read the source of documents.
fn cell(text: &str) -> String {
    let text = printable(text);
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

    #[test]
    fn texts_stay_in_their_cells() {
        assert_eq!(cell("a|b <c> & `d` *e* _f_ [g]"), r"a\|b &lt;c> &amp; \`d\` \*e\* \_f\_ \[g]");
        assert_eq!(cell("a\nb"), r"a\\nb");
    }
}
