//! One number by the values of swept flags, and the headings of grids.

use plotters_backend::DrawingBackend;

use super::canvas::{Canvas, Frame, Type};
use super::{DrawError, LABEL_EM, draw_nothing, on};
use crate::palette::{self, Rgb};
use crate::report::{Axis, Heat, HeatCell, Tone};

/// Size of a cell at most: it holds one number.
const CELL: (f64, f64) = (230.0, 46.0);
/// Height of the values of a flag across, and of the names of the flags down.
const HEADING: f64 = 17.0;
/// Height of the line that names the number.
const WHAT: f64 = 18.0;
const GAP: f64 = 3.0;

/// Height of a chart of all rows.
pub(super) fn height(heat: &Heat, title: &str) -> f64 {
    let what = if is_said(heat, title) { 0.0 } else { WHAT };
    heat.cells.len().max(1) as f64 * CELL.1 + headings_height(&heat.down, &heat.across) + what
}

/// Returns whether the title names the number.
fn is_said(heat: &Heat, title: &str) -> bool {
    title.to_lowercase().contains(&heat.what.to_lowercase())
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
    let frame = if is_said(heat, title) {
        frame
    } else {
        canvas.text_within((frame.left, frame.top + 10.0), &heat.what, muted, frame.width())?;
        frame.inset(0.0, WHAT, 0.0, 0.0)
    };
    let left = side_width(canvas, &heat.down, &heat.across).min(frame.width() * 0.4);
    let grid = frame.inset(left, headings_height(&heat.down, &heat.across), 2.0, 4.0);
    let rows = heat.cells.len();
    let width = (grid.width() / columns as f64).min(CELL.0) * columns as f64;
    let height = (grid.height() / rows as f64).min(CELL.1) * rows as f64;
    let grid = Frame::new(grid.left, grid.top, width, height);
    draw_headings(canvas, frame, (grid, columns, GAP), &heat.down, &heat.across)?;
    for (row, cells) in heat.cells.iter().enumerate() {
        let band = grid.row(row, rows, GAP);
        draw_row_heading(canvas, (frame.left, grid.left), band, &heat.down, row)?;
        for (column, cell) in cells.iter().enumerate() {
            draw_cell(canvas, band.column(column, columns, GAP), heat, cell)?;
        }
    }
    Ok(())
}

fn ink() -> Type {
    Type::new(LABEL_EM, palette::INK.light).bold()
}

/// The values of a row: `keep · random`.
fn joined(values: &[String]) -> String {
    values.join(" · ")
}

fn names(flags: &[String]) -> String {
    flags.iter().map(|flag| format!("--{flag}")).collect::<Vec<_>>().join(" · ")
}

/// Width of the headings of rows, and of the names of the flags across, which stand above them.
pub(super) fn side_width<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    down: &Axis,
    across: &Axis,
) -> f64 {
    let muted = Type::new(LABEL_EM, palette::MUTED.light);
    let values = down.values.iter().map(|values| canvas.width(&joined(values), ink()));
    let flags = across.flags.iter().map(|flag| canvas.width(&format!("--{flag}"), muted));
    let widest = values.chain(flags).fold(canvas.width(&names(&down.flags), muted), f64::max);
    widest + 12.0
}

/// Height of the headings of columns.
pub(super) fn headings_height(down: &Axis, across: &Axis) -> f64 {
    (across.flags.len() + usize::from(!down.flags.is_empty())) as f64 * HEADING + 6.0
}

/// Draws the values across, each over the columns that it spans, and the names of all flags.
pub(super) fn draw_headings<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    (grid, columns, gap): (Frame, usize, f64),
    down: &Axis,
    across: &Axis,
) -> Result<(), DrawError> {
    let muted = Type::new(LABEL_EM, palette::MUTED.light);
    let side = grid.left - frame.left - 10.0;
    let mut baseline = frame.top + 11.0;
    for (level, flag) in across.flags.iter().enumerate() {
        let flag = format!("--{flag}");
        let shown = canvas.fitted(&flag, muted, side);
        canvas.text((grid.left - 10.0, baseline), &shown, muted.end())?;
        let mut column = 0;
        for (value, span) in across.headings(level) {
            let (first, last) = (column, (column + span).min(columns).saturating_sub(1));
            column += span;
            if first >= columns {
                break;
            }
            let from = grid.column(first, columns, gap).left;
            let to = grid.column(last, columns, gap).right;
            canvas.text_within(((from + to) / 2.0, baseline), value, ink().middle(), to - from)?;
        }
        baseline += HEADING;
    }
    canvas.text_within((frame.left, baseline), &names(&down.flags), muted, side)
}

/// Draws the values of a row, in the vertical middle of `band`.
pub(super) fn draw_row_heading<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    (left, right): (f64, f64),
    band: Frame,
    down: &Axis,
    row: usize,
) -> Result<(), DrawError> {
    let Some(values) = down.values.get(row) else { return Ok(()) };
    let text = joined(values);
    let shown = canvas.fitted(&text, ink(), right - left - 8.0);
    canvas.text((left, (band.top + band.bottom) / 2.0 + 4.0), &shown, ink())
}

fn draw_cell<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    heat: &Heat,
    cell: &HeatCell,
) -> Result<(), DrawError> {
    let colour = colour(heat, cell);
    canvas.rounded(frame, 5.0, colour)?;
    let em = (frame.height() * 0.42).clamp(8.0, 14.0);
    let how = Type::new(em, on(colour)).bold().middle();
    let middle = ((frame.left + frame.right) / 2.0, (frame.top + frame.bottom) / 2.0 + em * 0.36);
    canvas.text_within(middle, &cell.text, how, frame.width() - 4.0)
}

/// From pale to the full colour of its tone; grey where nothing was measured.
fn colour(heat: &Heat, cell: &HeatCell) -> Rgb {
    let Some(share) = heat.share(cell) else { return palette::GRID.light };
    let share = match cell.tone {
        Tone::Good | Tone::Neutral => 0.18 + 0.2 * share,
        Tone::Series(_) => 0.12 + 0.5 * share,
        // A visible minimum distinguishes small numbers from 0.
        _ => 0.35 + 0.65 * share,
    };
    palette::SURFACE.light.mixed(palette::tone(cell.tone).light, share)
}
