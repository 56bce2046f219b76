//! The page's tables, complete as markup. The scripts sort and search them in place.

use std::collections::BTreeMap;

use maud::{Markup, html as markup};

use super::style::{reason_class, tone_class};
use super::text::{LABEL_CHARS_MAX, SENTENCE_CHARS_MAX, long_words_cut, shown};
use crate::report::{Column, LingeringRow, LingeringTable, Table, Tone};
use leakbench_model::Reason;
use leakbench_model::text::{counted, duration_ms, grouped};

/// Holders of an image at most.
const HOLDERS_SHOWN: usize = 4;
/// Tables of this many rows have a search field.
const ROWS_TO_SEARCH: usize = 8;

/// The table of lingering images.
pub(super) fn lingering(table: &LingeringTable) -> Markup {
    let rest = table.total.saturating_sub(table.rows.len() as u64);
    let columns = Columns::of(table);
    markup! {
        section #lingering-images {
            h2 { "Lingering images" }
            @if table.total > 0 && let Some(caveat) = &table.caveat {
                p .reads { (shown(caveat, SENTENCE_CHARS_MAX)) }
            }
            @if table.rows.is_empty() {
                p .none {
                    @if table.total == 0 {
                        @match &table.caveat {
                            Some(caveat) => { (shown(caveat, SENTENCE_CHARS_MAX)) },
                            None => { "No image of a dropped module lingers." },
                        }
                    } @else {
                        (counted(table.total, "image")) " linger; the recording lists none of them."
                    }
                }
            } @else {
                (searching(table.rows.len(), rest))
                p .reads {
                    @if let (false, Some(row)) = (columns.line, table.rows.first()) {
                        "Line " (row.line) " of the recording lists them."
                    }
                    @if columns.are_one() {
                        " The number of a module is that of the cycle that created and dropped it."
                    }
                }
                div .scroll tabindex="0" role="region" aria-label="Lingering images" {
                    table data-process=(table.rows[0].subject) {
                        thead {
                            tr {
                                @if columns.process { (heading("process", true)) }
                                (heading("inode", true))
                                @for name in columns.cycles() { (heading(&name, true)) }
                                (heading("age", true))
                                (heading("held by", false))
                                @if columns.line { (heading("line", true)) }
                            }
                        }
                        tbody {
                            @for row in &table.rows { (lingering_row(row, columns)) }
                        }
                    }
                }
            }
        }
    }
}

/// The columns that say something of their own.
#[derive(Clone, Copy)]
struct Columns {
    /// There are several processes.
    process: bool,
    /// The module's number is not that of the cycle of its drop.
    module: bool,
    /// A module was created in another cycle than that of its drop.
    created: bool,
    /// Several lines list the images.
    line: bool,
}

impl Columns {
    fn of(table: &LingeringTable) -> Columns {
        let rows = || table.rows.iter();
        let differ = |of: fn(&LingeringRow) -> u64| rows().any(|row| of(row) != of(&table.rows[0]));
        Columns {
            process: differ(|row| row.subject.into()),
            module: rows().any(|row| row.module != row.dropped_at_cycle),
            created: rows().any(|row| row.created_at_cycle != Some(row.dropped_at_cycle)),
            line: differ(|row| row.line as u64),
        }
    }

    /// Returns whether module and cycles are one number.
    fn are_one(self) -> bool {
        !self.module && !self.created
    }

    /// The names of the columns of module and cycles.
    fn cycles(self) -> Vec<String> {
        if self.are_one() {
            return vec!["module and cycle".to_owned()];
        }
        let mut last = Vec::new();
        let mut names = Vec::new();
        match self.module {
            true => names.push("module".to_owned()),
            false => last.push("module,"),
        }
        match self.created {
            true => names.push("created at cycle".to_owned()),
            false => last.push("created and"),
        }
        last.push("dropped at cycle");
        names.push(last.join(" "));
        names
    }
}

fn lingering_row(row: &LingeringRow, columns: Columns) -> Markup {
    let more = row.holders_total.saturating_sub(row.holders.len().min(HOLDERS_SHOWN) as u64);
    markup! {
        tr {
            @if columns.process { td .number { (row.subject) } }
            // Names to be copied, so their digits are not grouped.
            td .number { (row.inode) }
            @if columns.module { td .number { (row.module) } }
            @if columns.created {
                td .number {
                    @match row.created_at_cycle {
                        Some(cycle) => { (grouped(cycle)) },
                        None => { span .muted { "unknown" } },
                    }
                }
            }
            td .number { (grouped(row.dropped_at_cycle)) }
            td .number data-value=(row.age_ms) { (duration_ms(row.age_ms)) }
            td {
                span class={ "swatch " (reason_class(row.reason)) } {}
                @for (index, holder) in row.holders.iter().take(HOLDERS_SHOWN).enumerate() {
                    @if index > 0 { ", " }
                    (shown(holder, LABEL_CHARS_MAX))
                }
                @if row.holders.is_empty() && more == 0 { (row.reason.singular()) }
                @if more > 0 { span .muted { " and " (counted(more, "more holder")) } }
            }
            @if columns.line { td .number .muted { (row.line) } }
        }
    }
}

/// The holders of lingering images by reason. The scripts make it a breakdown to choose from.
pub(super) fn holders(table: &LingeringTable) -> Markup {
    let mut reasons: BTreeMap<Reason, u64> = BTreeMap::new();
    for row in &table.rows {
        *reasons.entry(row.reason).or_default() += 1;
    }
    let listed = table.rows.len() as u64;
    markup! {
        @if !reasons.is_empty() {
            section #holders {
                h2 { "Held by" }
                p .reads {
                    @if listed < table.total {
                        "Of " (counted(table.total, "lingering image")) ", the " (grouped(listed))
                        " that linger longest. "
                    }
                    span .chooses { "A choice shows its slots, its images and its survival." }
                }
                ul .breakdown {
                    @for (reason, count) in &reasons {
                        li {
                            span class={ "swatch " (reason_class(*reason)) } {}
                            span .name { (reason.singular()) } " "
                            strong { (grouped(*count)) }
                        }
                    }
                }
            }
        }
    }
}

/// A table of texts.
pub(super) fn table(table: &Table) -> Markup {
    let title = shown(&table.title, LABEL_CHARS_MAX);
    markup! {
        @if table.is_folded {
            section id=(table.id) {
                details .folded {
                    summary { (title) }
                    (rows(table))
                }
            }
        } @else {
            section id=(table.id) {
                h2 { (title) }
                (rows(table))
            }
        }
    }
}

fn rows(table: &Table) -> Markup {
    markup! {
        @if !table.note.is_empty() {
            p .reads { (shown(&table.note, SENTENCE_CHARS_MAX)) }
        }
        (searching(table.rows.len(), 0))
        div .scroll tabindex="0" role="region" aria-label=(shown(&table.title, LABEL_CHARS_MAX)) {
            table {
                thead {
                    tr {
                        @for column in &table.columns {
                            (heading(&column.name, column.is_number))
                        }
                    }
                }
                tbody {
                    @for (index, row) in table.rows.iter().enumerate() {
                        @let tone = table.tones.get(index).copied();
                        tr { @for (cell, column) in row.iter().zip(&table.columns) { (cell_of(cell, column, tone)) } }
                    }
                }
            }
        }
    }
}

fn cell_of(cell: &str, column: &Column, tone: Option<Tone>) -> Markup {
    markup! {
        td .number[column.is_number] .coloured[column.is_coloured] {
            @if let (true, Some(tone)) = (column.is_coloured, tone) {
                span class={ "swatch " (tone_class(tone)) } {}
            }
            @if column.has_paths {
                (long_words_cut(cell))
            } @else {
                (shown(cell, LABEL_CHARS_MAX))
            }
        }
    }
}

/// A heading. The scripts make it a button that sorts.
fn heading(name: &str, is_number: bool) -> Markup {
    markup! {
        th scope="col" .number[is_number] { (shown(name, LABEL_CHARS_MAX)) }
    }
}

fn searching(rows: usize, rest: u64) -> Markup {
    markup! {
        div .searching {
            label .search hidden[rows < ROWS_TO_SEARCH] {
                span { "Search" }
                input type="search" autocomplete="off" spellcheck="false";
            }
            p .shown-rows role="status" data-rest=(rest) {
                (grouped(rows as u64)) " shown"
                @if rest > 0 { "; " (grouped(rest)) " more in the recording" }
            }
        }
    }
}
