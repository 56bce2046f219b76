//! Grids by swept flags: heat maps, and panels with a chart for each combination.

use maud::{Markup, html as markup};

use super::style::tone_class;
use super::text::{LABEL_CHARS_MAX, shown};
use crate::report::{Axis, Heat, HeatCell, Panel, Panels};
use leakbench_model::text::grouped;

/// The headings of the columns: a row for each flag, whose name is in the corner. Then the names of
/// the flags of the rows.
fn head(down: &Axis, across: &Axis) -> Markup {
    let corner = down.flags.len().max(1);
    markup! {
        thead {
            @for (level, flag) in across.flags.iter().enumerate() {
                tr {
                    th .axis colspan=(corner) scope="row" { (shown(flag, LABEL_CHARS_MAX)) }
                    @for (value, span) in across.headings(level) {
                        th scope="colgroup" colspan=(span) { (shown(value, LABEL_CHARS_MAX)) }
                    }
                }
            }
            @if !down.flags.is_empty() {
                tr .flags {
                    @for flag in &down.flags {
                        th .axis scope="col" { (shown(flag, LABEL_CHARS_MAX)) }
                    }
                    td colspan=(across.values.len().max(1)) {}
                }
            }
        }
    }
}

/// The headings of a row; a space if the rows have no flag.
fn row_heads(down: &Axis, row: usize) -> Markup {
    markup! {
        @if down.flags.is_empty() { td .corner {} }
        @for level in 0..down.flags.len() {
            @if let Some((value, span)) = down.heading_at(level, row) {
                th scope="rowgroup" rowspan=(span) { (shown(value, LABEL_CHARS_MAX)) }
            }
        }
    }
}

/// A heat map: a table with coloured cells, which needs no script and can be read aloud.
pub(super) fn heat(heat: &Heat, title: &str) -> Markup {
    markup! {
        div .scroll tabindex="0" role="region" aria-label=(shown(&heat.what, LABEL_CHARS_MAX)) {
            table .heat {
                caption .unseen[heat.what.eq_ignore_ascii_case(title)] {
                    (shown(&heat.what, LABEL_CHARS_MAX))
                }
                (head(&heat.down, &heat.across))
                tbody {
                    @for (index, row) in heat.cells.iter().enumerate() {
                        tr {
                            (row_heads(&heat.down, index))
                            @for cell in row { (heat_cell(heat, cell)) }
                        }
                    }
                }
            }
        }
    }
}

fn heat_cell(heat: &Heat, cell: &HeatCell) -> Markup {
    /// Steps of a colour in the style sheet.
    const STEPS: f64 = 8.0;
    let class = match heat.share(cell) {
        None => "absent".to_owned(),
        Some(share) => format!("{} step-{:.0}", tone_class(cell.tone), (share * STEPS).ceil()),
    };
    markup! {
        td class=(class) title=(shown(&cell.name, LABEL_CHARS_MAX)) {
            (shown(&cell.text, LABEL_CHARS_MAX))
        }
    }
}

/// Panels: a grid by flags, or one after the other.
pub(super) fn panels(id: &str, panels: &Panels) -> Markup {
    markup! {
        @match &panels.grid {
            Some((down, across)) => { (grid(id, panels, down, across)) },
            None => {
                div class={ "panels columns-" (columns(panels.panels.len())) } {
                    @for (index, panel) in panels.panels.iter().enumerate() {
                        div .panel {
                            h3 { (shown(&panel.name, LABEL_CHARS_MAX)) }
                            (note(panel))
                            div .plot data-chart=(id) data-panel=(index) {}
                        }
                    }
                }
            },
        }
        @if panels.rest > 0 {
            p .muted { (grouped(panels.rest)) " more are not drawn; the table below has their numbers." }
        }
    }
}

/// Axes are at the edges alone: the scripts draw those that `data-edge` names.
fn grid(id: &str, panels: &Panels, down: &Axis, across: &Axis) -> Markup {
    let columns = across.values.len().max(1);
    let rows = panels.panels.chunks(columns);
    let last = rows.len().saturating_sub(1);
    let edge = |row: usize, column: usize| match (row == last, column == 0) {
        (true, true) => "left bottom",
        (true, false) => "bottom",
        (false, true) => "left",
        (false, false) => "none",
    };
    markup! {
        div .scroll .bare tabindex="0" role="region" aria-label="one chart for each combination" {
            table .multiples {
                colgroup {
                    col .heads span=(down.flags.len().max(1));
                    col .each span=(columns);
                }
                (head(down, across))
                tbody {
                    @for (row, of_row) in rows.enumerate() {
                        tr {
                            (row_heads(down, row))
                            @for (column, panel) in of_row.iter().enumerate() {
                                td .panel {
                                    (note(panel))
                                    @if !panel.lines.series.is_empty() {
                                        div .plot data-chart=(id) data-edge=(edge(row, column))
                                            data-name=(shown(&panel.name, LABEL_CHARS_MAX))
                                            data-panel=(row * columns + column) {}
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn note(panel: &Panel) -> Markup {
    markup! {
        p class={ "note " (tone_class(panel.tone)) } { (shown(&panel.note, LABEL_CHARS_MAX)) }
    }
}

/// Columns of panels without a grid: the number that leaves the fewest gaps.
fn columns(panels: usize) -> usize {
    match panels {
        0..=4 => panels.max(1),
        _ => [4, 3].into_iter().min_by_key(|n| panels.next_multiple_of(*n) - panels).unwrap_or(4),
    }
}
