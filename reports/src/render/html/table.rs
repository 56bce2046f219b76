//! The page's tables, complete as markup. The scripts sort and search them in place.

use maud::{Markup, html as markup};

use super::style::reason_class;
use super::text::{LABEL_CHARS_MAX, SENTENCE_CHARS_MAX, shown};
use crate::report::{LingeringRow, LingeringTable, Table};
use leakbench_model::text::{counted, duration_ms, grouped};

/// Holders of an image at most.
const HOLDERS_SHOWN: usize = 4;
/// Tables of this many rows have a search field.
const ROWS_TO_SEARCH: usize = 8;

/// The table of lingering images.
pub(super) fn lingering(table: &LingeringTable) -> Markup {
    let rest = table.total.saturating_sub(table.rows.len() as u64);
    let several = table.rows.iter().any(|row| row.subject != table.rows[0].subject);
    let of_thread = if table.by_thread { " of its thread" } else { "" };
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
                div .scroll tabindex="0" role="region" aria-label="Lingering images" {
                    table {
                        thead {
                            tr {
                                @if several { (heading("process", true)) }
                                (heading("inode", true))
                                (heading("module", true))
                                (heading(&format!("created at cycle{of_thread}"), true))
                                (heading(&format!("dropped at cycle{of_thread}"), true))
                                (heading("age", true))
                                (heading("held by", false))
                                (heading("reason", false))
                                (heading("line", true))
                            }
                        }
                        tbody {
                            @for row in &table.rows { (lingering_row(row, several)) }
                        }
                    }
                }
            }
        }
    }
}

fn lingering_row(row: &LingeringRow, several: bool) -> Markup {
    let more = row.holders_total.saturating_sub(row.holders.len().min(HOLDERS_SHOWN) as u64);
    markup! {
        tr {
            @if several { td .number { (row.subject) } }
            // Names to be copied, so their digits are not grouped.
            td .number { (row.inode) }
            td .number { (row.module) }
            td .number {
                @match row.created_at_cycle {
                    Some(cycle) => { (grouped(cycle)) },
                    None => { span .muted { "unknown" } },
                }
            }
            td .number { (grouped(row.dropped_at_cycle)) }
            td .number data-value=(row.age_ms) { (duration_ms(row.age_ms)) }
            td {
                @for (index, holder) in row.holders.iter().take(HOLDERS_SHOWN).enumerate() {
                    @if index > 0 { ", " }
                    (shown(holder, LABEL_CHARS_MAX))
                }
                @if row.holders.is_empty() && more == 0 { span .muted { "no visible holder" } }
                @if more > 0 { span .muted { " and " (counted(more, "more holder")) } }
            }
            td {
                span class={ "swatch " (reason_class(row.reason)) } {} (row.reason.singular())
            }
            td .number .muted { (row.line) }
        }
    }
}

/// A table of texts.
pub(super) fn table(table: &Table) -> Markup {
    markup! {
        section id=(table.id) {
            h2 { (shown(&table.title, LABEL_CHARS_MAX)) }
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
                        @for row in &table.rows {
                            tr {
                                @for (index, cell) in row.iter().enumerate() {
                                    @let column = table.columns.get(index);
                                    @let number = column.is_some_and(|column| column.is_number);
                                    td .number[number] { (shown(cell, LABEL_CHARS_MAX)) }
                                }
                            }
                        }
                    }
                }
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
