//! One chart for each of several runs, on one scale.

use plotters_backend::DrawingBackend;

use super::axis::{self, Scale};
use super::canvas::{Canvas, Frame, Type};
use super::legend::legend;
use super::lines::{Shown, amounts_width, draw_amounts, draw_series, entries};
use super::{DrawError, LABEL_EM, draw_nothing, heat};
use crate::palette;
use crate::report::{Lines, Panel, Panels, Point};
use leakbench_model::Unit;
use leakbench_model::text::grouped;

/// Height of a plot with ample room, and the smallest at which lines are not flat.
const PLOT: f64 = 126.0;
const PLOT_LEAST: f64 = 84.0;

/// Height of a panel's name and note.
const NAMES: f64 = 34.0;
const GAP: f64 = 16.0;
/// Height of the legend above and the axis beneath.
const AROUND: f64 = 40.0;

/// Height of a chart of all panels.
pub(super) fn height(panels: &Panels) -> f64 {
    around(panels, PLOT)
}

/// Its height at least.
pub(super) fn least_height(panels: &Panels) -> f64 {
    around(panels, PLOT_LEAST)
}

fn around(panels: &Panels, plot: f64) -> f64 {
    let rows = panels.panels.len().max(1).div_ceil(columns(panels)) as f64;
    let headings =
        panels.grid.as_ref().map_or(0.0, |(down, across)| heat::headings_height(down, across));
    rows * (names(panels) + plot) + (rows - 1.0) * gap(panels) + AROUND + headings
}

/// Height of the names and notes of panels, if they have any. A grid has the names at its edges.
fn names(panels: &Panels) -> f64 {
    match &panels.grid {
        Some(_) => NAMES / 2.0,
        None if panels.panels.iter().any(|panel| !panel.name.is_empty()) => NAMES,
        None => 0.0,
    }
}

/// Between two rows.
fn gap(panels: &Panels) -> f64 {
    if panels.grid.is_some() { GAP / 2.0 } else { GAP }
}

/// Columns of a grid or of so many panels. Two rows of two are better than three and one.
fn columns(panels: &Panels) -> usize {
    if let Some((_, across)) = &panels.grid {
        return across.values.len().max(1);
    }
    match panels.panels.len() {
        0 | 1 => 1,
        2 | 4 => 2,
        3 | 5 | 6 | 9 => 3,
        _ => 4,
    }
}

/// Draws panels in rows.
pub(super) fn draw<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    panels: &Panels,
) -> Result<(), DrawError> {
    let Some(first) = panels.panels.first() else {
        return draw_nothing(canvas, frame, "there are no runs to compare");
    };
    let all: Vec<&Lines> = panels.panels.iter().map(|panel| &panel.lines).collect();
    let shown = Shown::of(&all);
    let frame = legend(canvas, frame, &entries(&first.lines, &shown, false), 2)?;
    let has_cycles = all.iter().flat_map(|it| points(it)).any(|point| point.cycles.is_some());
    let place = |point: &Point| {
        if has_cycles { point.cycles.map(|cycles| cycles as f64) } else { Some(point.at_s) }
    };
    let until = all.iter().flat_map(|it| points(it)).filter_map(place).fold(0.0, f64::max);

    let columns = columns(panels);
    let rows = panels.panels.len().div_ceil(columns);
    let whole = frame;
    let frame = panels.grid.as_ref().map_or(frame, |(down, across)| {
        let side = heat::side_width(canvas, down, across).min(frame.width() * 0.25);
        frame.inset(side, heat::headings_height(down, across), 0.0, 0.0)
    });
    let gap = gap(panels);
    let muted = Type::new(LABEL_EM, palette::MUTED.light);
    let below = 18.0;
    let grid = frame.inset(0.0, 0.0, 4.0, below + 2.0);
    let amounts = shown.ticks(grid.row(0, rows, gap).height() - names(panels));
    let left = amounts_width(canvas, &amounts, shown.unit);
    let grid = grid.inset(left, 0.0, 0.0, 0.0);
    if let Some((down, across_flags)) = &panels.grid {
        heat::draw_headings(canvas, whole, (grid, columns, 18.0), down, across_flags)?;
        for row in 0..rows {
            let band = grid.row(row, rows, gap).inset(0.0, names(panels), 0.0, 0.0);
            heat::draw_row_heading(canvas, (whole.left, frame.left), band, down, row)?;
        }
    }
    for (index, panel) in panels.panels.iter().enumerate() {
        let (row, column) = (index / columns, index % columns);
        let cell = grid.row(row, rows, gap).column(column, columns, 18.0);
        let plot = cell.inset(0.0, names(panels), 0.0, 0.0);
        if panels.grid.is_some() {
            draw_note(canvas, (cell.left, cell.top + 11.0), cell.width(), panel)?;
        } else {
            draw_heading(canvas, cell, panel)?;
        }
        let up = draw_amounts(canvas, plot, &amounts, shown.unit, column == 0)?;
        let across = Scale::new((0.0, until), (plot.left, plot.right));
        draw_series(canvas, plot, &panel.lines, |point| Some(across.at(place(point)?)), up)?;
        // Beneath the last panel of each column.
        if index + columns >= panels.panels.len() {
            let baseline = plot.bottom + 14.0;
            let end = if has_cycles {
                format!("{} cycles", axis::amount(until, Unit::Count))
            } else {
                axis::time(until, until / 5.0)
            };
            canvas.text((plot.left, baseline), "0", muted)?;
            canvas.text_within((plot.right, baseline), &end, muted.end(), plot.width() - 14.0)?;
        }
    }
    if panels.rest > 0 {
        let text = format!("… and {} more", grouped(panels.rest));
        canvas.text((frame.left, frame.bottom), &text, muted)?;
    }
    Ok(())
}

fn points(lines: &Lines) -> impl Iterator<Item = &Point> {
    lines.series.iter().flat_map(|series| &series.points)
}

fn draw_heading<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    cell: Frame,
    panel: &Panel,
) -> Result<(), DrawError> {
    let name = Type::new(12.0, palette::INK.light).bold();
    let room = cell.width();
    canvas.text_within((cell.left, cell.top + 11.0), &panel.name, name, room)?;
    draw_note(canvas, (cell.left, cell.top + 25.0), room, panel)
}

fn draw_note<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    at: (f64, f64),
    room: f64,
    panel: &Panel,
) -> Result<(), DrawError> {
    let note = Type::new(LABEL_EM, palette::tone(panel.tone).light);
    canvas.text_within(at, &panel.note, note, room)
}
