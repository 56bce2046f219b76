//! One chart for each of several runs, on one scale.

use plotters_backend::DrawingBackend;

use super::axis::{self, Scale};
use super::canvas::{Canvas, Frame, Type};
use super::legend::legend;
use super::lines::{Shown, amounts_width, draw_amounts, draw_series, entries};
use super::{DrawError, LABEL_EM, draw_nothing};
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
    let count = panels.panels.len();
    let rows = count.max(1).div_ceil(columns(count)) as f64;
    rows * (NAMES + plot) + (rows - 1.0) * GAP + AROUND
}

/// Columns of so many panels. Two rows of two are better than three and one.
fn columns(panels: usize) -> usize {
    match panels {
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

    let columns = columns(panels.panels.len());
    let rows = panels.panels.len().div_ceil(columns);
    let muted = Type::new(LABEL_EM, palette::MUTED.light);
    let below = 18.0;
    let grid = frame.inset(0.0, 0.0, 4.0, below + 2.0);
    let amounts = shown.ticks(grid.row(0, rows, GAP).height() - NAMES);
    let left = amounts_width(canvas, &amounts, shown.unit);
    let grid = grid.inset(left, 0.0, 0.0, 0.0);
    for (index, panel) in panels.panels.iter().enumerate() {
        let (row, column) = (index / columns, index % columns);
        let cell = grid.row(row, rows, GAP).column(column, columns, 18.0);
        let plot = cell.inset(0.0, NAMES, 0.0, 0.0);
        draw_heading(canvas, cell, panel)?;
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
    let note = Type::new(LABEL_EM, palette::tone(panel.tone).light);
    let room = cell.width();
    canvas.text_within((cell.left, cell.top + 11.0), &panel.name, name, room)?;
    canvas.text_within((cell.left, cell.top + 25.0), &panel.note, note, room)
}
