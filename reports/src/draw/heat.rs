//! One number by the values of two flags.

use plotters_backend::DrawingBackend;

use super::canvas::{Canvas, Frame, Type};
use super::{DrawError, LABEL_EM, draw_nothing, on};
use crate::palette::{self, Rgb};
use crate::report::{Axis, Heat, HeatCell, Tone};

/// Size of a cell at most: it holds one number.
const CELL: (f64, f64) = (128.0, 40.0);
/// Height of the flag and the values across.
const AROUND: f64 = 38.0;
/// Height of the line that names the number.
const WHAT: f64 = 18.0;
/// Width of the values down, about.
const BESIDE: f64 = 112.0;
const GAP: f64 = 3.0;

/// Height of a chart of all rows.
pub(super) fn height(heat: &Heat, title: &str) -> f64 {
    let what = if is_said(heat, title) { 0.0 } else { WHAT };
    heat.cells.len().max(1) as f64 * CELL.1 + AROUND + what
}

/// Returns whether the title names the number.
fn is_said(heat: &Heat, title: &str) -> bool {
    title.to_lowercase().contains(&heat.what.to_lowercase())
}

/// Width of a chart of all columns, about.
pub(super) fn width(heat: &Heat) -> f64 {
    columns(heat).max(1) as f64 * CELL.0 + BESIDE
}

fn columns(heat: &Heat) -> usize {
    heat.cells.iter().map(Vec::len).max().unwrap_or(0)
}

/// Draws cells with their texts, in stronger colour for larger numbers. A line names the number if
/// the title does not.
pub(super) fn draw<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    heat: &Heat,
    title: &str,
) -> Result<(), DrawError> {
    let columns = columns(heat);
    if columns == 0 {
        return draw_nothing(canvas, frame, "there are no runs to compare");
    }
    let muted = Type::new(LABEL_EM, palette::MUTED.light);
    let ink = Type::new(LABEL_EM, palette::INK.light).bold();
    let frame = if is_said(heat, title) {
        frame
    } else {
        canvas.text_within((frame.left, frame.top + 10.0), &heat.what, muted, frame.width())?;
        frame.inset(0.0, WHAT, 0.0, 0.0)
    };
    let has_down = !heat.down.flag.is_empty();
    let values = heat.down.values.iter().map(|value| canvas.width(value, ink));
    let widest = values.fold(canvas.width(&name(&heat.down), muted), f64::max);
    let left = if has_down { (widest + 10.0).min(frame.width() * 0.3) } else { 0.0 };
    let grid = frame.inset(left, 34.0, 2.0, 4.0);
    let rows = heat.cells.len();
    let width = (grid.width() / columns as f64).min(CELL.0) * columns as f64;
    let height = (grid.height() / rows as f64).min(CELL.1) * rows as f64;
    let grid = Frame::new(grid.left, grid.top, width, height);

    let room = frame.right - grid.left;
    canvas.text_within((grid.left, frame.top + 10.0), &name(&heat.across), muted, room)?;
    for column in 0..columns {
        let cell = grid.column(column, columns, GAP);
        let middle = ((cell.left + cell.right) / 2.0, frame.top + 27.0);
        let value = heat.across.values.get(column).map_or("", String::as_str);
        canvas.text_within(middle, value, ink.middle(), cell.width())?;
    }
    if has_down {
        canvas.text_within((frame.left, frame.top + 27.0), &name(&heat.down), muted, left - 4.0)?;
    }
    let max = heat.cells.iter().flatten().filter_map(|cell| cell.value).fold(0.0, f64::max);
    for (row, cells) in heat.cells.iter().enumerate() {
        let band = grid.row(row, rows, GAP);
        if has_down {
            let value = heat.down.values.get(row).map_or("", String::as_str);
            let middle = (band.top + band.bottom) / 2.0 + 4.0;
            let value = canvas.fitted(value, ink, left - 10.0);
            canvas.text((grid.left - 8.0, middle), &value, ink.end())?;
        }
        for (column, cell) in cells.iter().enumerate() {
            draw_cell(canvas, band.column(column, columns, GAP), cell, max)?;
        }
    }
    Ok(())
}

fn name(axis: &Axis) -> String {
    if axis.flag.is_empty() { String::new() } else { format!("--{}", axis.flag) }
}

fn draw_cell<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    cell: &HeatCell,
    max: f64,
) -> Result<(), DrawError> {
    let colour = colour(cell, max);
    canvas.rounded(frame, 5.0, colour)?;
    let em = (frame.height() * 0.42).clamp(8.0, 14.0);
    let how = Type::new(em, on(colour)).bold().middle();
    let middle = ((frame.left + frame.right) / 2.0, (frame.top + frame.bottom) / 2.0 + em * 0.36);
    canvas.text_within(middle, &cell.text, how, frame.width() - 4.0)
}

/// From pale to the full colour of its tone; grey where nothing was measured.
fn colour(cell: &HeatCell, max: f64) -> Rgb {
    let Some(value) = cell.value else { return palette::GRID.light };
    let tone = palette::tone(cell.tone).light;
    // The square root and a visible minimum distinguish small numbers from 0.
    let share = if max > 0.0 { (value.max(0.0) / max).min(1.0).sqrt() } else { 0.0 };
    let share = match cell.tone {
        Tone::Good | Tone::Neutral => 0.18 + 0.2 * share,
        _ => 0.35 + 0.65 * share,
    };
    palette::SURFACE.light.mixed(tone, share)
}
