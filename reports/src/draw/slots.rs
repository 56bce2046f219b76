//! The slot map: slots across, time downwards, a colour for the state of each slot.

use std::collections::BTreeMap;
use std::ops::Range;

use plotters_backend::DrawingBackend;

use super::axis;
use super::canvas::{Canvas, Frame, Type};
use super::legend::{Entry, Sign, legend};
use super::{DrawError, LABEL_EM, draw_nothing};
use crate::palette;
use crate::report::{SlotRow, SlotRows};
use leakbench_model::text::{counted, grouped};
use leakbench_model::{SlotState, Unit};

/// Draws a pool's history.
pub(super) fn draw<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    slots: &SlotRows,
) -> Result<(), DrawError> {
    let rows: Vec<&SlotRow> = slots.rows.iter().filter(|row| !row.cells.is_empty()).collect();
    let Some(last) = rows.last() else {
        return draw_nothing(canvas, frame, "no barrier recorded the states of slots");
    };
    let frame = legend(canvas, frame, &entries(&rows, last), 3)?;
    let how = Type::new(LABEL_EM, palette::MUTED.light);
    let left = 50.0;
    let map = frame.inset(left, 14.0, 12.0, 20.0);
    let (left, top) = (canvas.snapped(map.left), canvas.snapped(map.top));
    let map = Frame::new(left, top, canvas.snapped(map.width()), canvas.snapped(map.height()));
    if map.width() < canvas.hair() || map.height() < canvas.hair() {
        return Ok(());
    }
    canvas.text((map.left - 6.0, frame.top + 8.0), "cycle", how.end())?;
    draw_cells(canvas, map, &rows)?;

    // All rows have one height, whenever their barriers were.
    let edge = |row: usize| map.top + map.height() * row as f64 / rows.len() as f64;
    let mut free_from = map.top;
    for (index, row) in rows.iter().enumerate() {
        let middle = (edge(index) + edge(index + 1)) / 2.0;
        let is_last = index + 1 == rows.len();
        // The last row always has room for its label.
        if (middle >= free_from && middle < map.bottom - 22.0) || is_last {
            let text = axis::mark(row.cycles as f64, Unit::Count);
            let baseline = (middle + 4.0).clamp(map.top + 9.0, map.bottom.max(map.top + 9.0));
            canvas.text((map.left - 6.0, baseline), &text, how.end())?;
            free_from = middle + 30.0;
        }
    }
    let baseline = map.bottom + 14.0;
    canvas.text((map.left, baseline), "slot 0", how)?;
    let last_slot = grouped(u64::from(slots.slots.saturating_sub(1)));
    canvas.text((map.right, baseline), &last_slot, how.end())?;
    let barriers = counted(rows.len() as u64, "barrier");
    let together = match slots.slots_a_cell {
        0 | 1 => String::new(),
        many => format!(", each cell shows the worst of {many} slots"),
    };
    let middle = ((map.left + map.right) / 2.0, baseline);
    let text = format!("{barriers}, time runs downwards{together}");
    canvas.text_within(middle, &text, how.middle(), map.width() - 150.0)
}

/// The states that occur, the worst first, each with its number of slots at the last barrier.
fn entries(rows: &[&SlotRow], last: &SlotRow) -> Vec<Entry> {
    let occurs = |cell: &SlotState| rows.iter().any(|row| row.cells.contains(cell));
    let states = SlotState::ALL.into_iter().rev().filter(occurs);
    states
        .map(|cell| {
            let sign = Sign::Square(palette::slot_state(cell).light);
            let number = last.counts.and_then(|counts| counts.of(cell)).map(grouped);
            Entry { sign, name: cell.words().to_owned(), number }
        })
        .collect()
}

/// Cells of a picture at most, which bounds the size of an SVG.
const COLUMNS_MAX: usize = 512;
const ROWS_MAX: usize = 200;

/// Draws cells with crisp edges. Of several cells on one pixel the worst state shows.
fn draw_cells<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    map: Frame,
    rows: &[&SlotRow],
) -> Result<(), DrawError> {
    let fit = |length: f64, max: usize| ((length / canvas.hair()) as usize).clamp(1, max);
    let cells = rows.iter().map(|row| row.cells.len()).max().unwrap_or(1);
    let columns = cells.min(fit(map.width(), COLUMNS_MAX));
    let bands = rows.len().min(fit(map.height(), ROWS_MAX));
    let x = |column: usize| map.left + canvas.snapped(map.width() * column as f64 / columns as f64);
    let y = |band: usize| map.top + canvas.snapped(map.height() * band as f64 / bands as f64);
    let worst = |band: usize, column: usize| {
        let rows = &rows[share(rows.len(), bands, band)];
        let cells =
            rows.iter().filter_map(|row| row.cells.get(share(row.cells.len(), columns, column)));
        cells.flatten().max().copied()
    };
    // A run of one state is one rectangle, also through bands that repeat it.
    let mut open: BTreeMap<Run, usize> = BTreeMap::new();
    for band in 0..=bands {
        let mut runs: Vec<Run> = Vec::new();
        for column in (0..columns).take_while(|_| band < bands) {
            let Some(cell) = worst(band, column) else { continue };
            match runs.last_mut() {
                Some(run) if run.cell == cell && run.to == column => run.to = column + 1,
                _ => runs.push(Run { from: column, to: column + 1, cell }),
            }
        }
        let next = runs.iter().map(|run| (*run, open.remove(run).unwrap_or(band))).collect();
        for (run, since) in open {
            let (left, right) = (x(run.from), x(run.to));
            let frame = Frame { left, top: y(since), right, bottom: y(band) };
            canvas.fill(frame, palette::slot_state(run.cell).light)?;
        }
        open = next;
    }
    Ok(())
}

/// Neighbouring columns in one state.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    from: usize,
    to: usize,
    cell: SlotState,
}

/// The range of `all` items in part `index` of `parts`; there are no more parts than items.
fn share(all: usize, parts: usize, index: usize) -> Range<usize> {
    if all == 0 {
        return 0..0;
    }
    let start = all * index / parts;
    let end = (all * (index + 1) / parts).max(start + 1).min(all);
    start.min(end)..end
}
