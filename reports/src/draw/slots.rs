//! Slot maps: slots across, time downwards, a colour for the states of the slots of each cell.

use std::collections::BTreeMap;
use std::ops::Range;

use plotters_backend::DrawingBackend;

use super::axis;
use super::canvas::{Canvas, Frame, Type};
use super::legend::{Entry, Sign, legend};
use super::shares::{self, Shares};
use super::{DrawError, LABEL_EM, draw_nothing};
use crate::palette::{self, Rgb};
use crate::report::{SlotMaps, SlotRow, SlotRows};
use leakbench_model::text::{counted, grouped};
use leakbench_model::{SlotState, Unit};

/// Maps of several processes at most.
const MAPS_MAX: usize = 16;
const GAP: f64 = 16.0;
/// Height of the name above one of several maps.
const NAME: f64 = 17.0;

/// Draws a pool's history, or those of several processes side by side.
pub(super) fn draw<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    maps: &SlotMaps,
) -> Result<(), DrawError> {
    let pools: Vec<&SlotRows> = maps.maps.iter().filter(|pool| !pool.rows.is_empty()).collect();
    if pools.is_empty() {
        return draw_nothing(canvas, frame, "no barrier recorded the states of slots");
    }
    let frame = legend(canvas, frame, &entries(maps), 3)?;
    let how = Type::new(LABEL_EM, palette::MUTED.light);
    if let [pool] = pools.as_slice() {
        let map = frame.inset(50.0, 14.0, 12.0, 20.0);
        canvas.text((map.left - 6.0, frame.top + 8.0), "cycle", how.end())?;
        return draw_map(canvas, map, pool);
    }
    let shown = &pools[..pools.len().min(MAPS_MAX)];
    let rest = (pools.len() - shown.len()) as u64 + maps.rest;
    let grid = if rest > 0 { frame.inset(0.0, 0.0, 0.0, 16.0) } else { frame };
    let columns = (shown.len() as f64).sqrt().ceil() as usize;
    let rows = shown.len().div_ceil(columns);
    let name = Type::new(LABEL_EM, palette::INK.light).bold();
    for (index, pool) in shown.iter().enumerate() {
        let cell = grid.row(index / columns, rows, GAP).column(index % columns, columns, GAP);
        let text = format!("process {}", pool.subject);
        canvas.text_within(
            (cell.left + 44.0, cell.top + 10.0),
            &text,
            name,
            cell.width() - 44.0,
        )?;
        draw_map(canvas, cell.inset(44.0, NAME, 0.0, 18.0), pool)?;
    }
    if rest > 0 {
        let processes = if rest == 1 { "process" } else { "processes" };
        let text = format!("… and {} more {processes}", grouped(rest));
        canvas.text_within((frame.left, frame.bottom), &text, how, frame.width())?;
    }
    Ok(())
}

/// Draws one pool, its cycles at the left and its slots beneath.
fn draw_map<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    map: Frame,
    pool: &SlotRows,
) -> Result<(), DrawError> {
    let how = Type::new(LABEL_EM, palette::MUTED.light);
    let (left, top) = (canvas.snapped(map.left), canvas.snapped(map.top));
    let map = Frame::new(left, top, canvas.snapped(map.width()), canvas.snapped(map.height()));
    if map.width() < canvas.hair() || map.height() < canvas.hair() {
        return Ok(());
    }
    draw_cells(canvas, map, &pool.rows)?;

    // All rows have one height, whenever their barriers were.
    let rows = &pool.rows;
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
    let last_slot = grouped(u64::from(pool.slots.saturating_sub(1)));
    canvas.text((map.right, baseline), &last_slot, how.end())?;
    let barriers = counted(rows.len() as u64, "barrier");
    let cells = match pool.slots_per_bin() {
        0 | 1 => String::new(),
        many => format!(", a cell is {many} slots"),
    };
    let middle = ((map.left + map.right) / 2.0, baseline);
    let text = format!("{barriers}, time runs downwards{cells}");
    let room = map.width() - 150.0;
    if canvas.width(&text, how) <= room {
        canvas.text(middle, &text, how.middle())?;
    }
    Ok(())
}

/// The states that occur, the worst first, each with its number of slots at the last barriers.
fn entries(maps: &SlotMaps) -> Vec<Entry> {
    let states = maps.states().into_iter().rev();
    states
        .map(|state| {
            let sign = Sign::Square(palette::slot_state(state).light);
            let number = Some(grouped(maps.at_end(state)));
            Entry { sign, name: state.words().to_owned(), number }
        })
        .collect()
}

/// Cells of a picture at most, which bounds the size of an SVG.
const COLUMNS_MAX: usize = 512;
const ROWS_MAX: usize = 200;

/// Marks are this far apart, and this large: a map with one in every place still shows the shares.
const MARK_DISTANCE: f64 = 48.0;
const MARK: f64 = 2.0;

/// Draws cells with crisp edges, and the marks of states that few slots of a cell have.
fn draw_cells<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    map: Frame,
    rows: &[SlotRow],
) -> Result<(), DrawError> {
    let fit = |length: f64, max: usize| ((length / canvas.hair()) as usize).clamp(1, max);
    let bins = rows.iter().map(|row| row.map.bin_count()).max().unwrap_or(1);
    let columns = bins.min(fit(map.width(), COLUMNS_MAX));
    let bands = rows.len().min(fit(map.height(), ROWS_MAX));
    let x = |column: usize| map.left + canvas.snapped(map.width() * column as f64 / columns as f64);
    let y = |band: usize| map.top + canvas.snapped(map.height() * band as f64 / bands as f64);
    let window = (MARK_DISTANCE * columns as f64 / map.width()).ceil() as usize;
    let mut marks: Vec<(Frame, SlotState)> = Vec::new();
    // A run of one colour is one rectangle, also through bands that repeat it.
    let mut open: BTreeMap<Run, usize> = BTreeMap::new();
    for band in 0..=bands {
        let mut runs: Vec<Run> = Vec::new();
        if band < bands {
            let rows = &rows[share(rows.len(), bands, band)];
            let shares: Vec<Shares> = shares::shares(rows.iter().map(|row| &row.map), columns);
            for (column, colour) in shares.iter().map(shares::colour).enumerate() {
                match runs.last_mut() {
                    Some(run) if run.colour == colour => run.to = column + 1,
                    _ => runs.push(Run { from: column, to: column + 1, colour }),
                }
            }
            let middle = (y(band) + y(band + 1)) / 2.0;
            let high = MARK.min(y(band + 1) - y(band));
            marks.extend(shares::marks(&shares, window).into_iter().map(|(column, state)| {
                let centre = (x(column) + x(column + 1)) / 2.0;
                (Frame::new(centre - MARK / 2.0, middle - high / 2.0, MARK, high), state)
            }));
        }
        let next = runs.iter().map(|run| (*run, open.remove(run).unwrap_or(band))).collect();
        for (run, since) in open {
            let (left, right) = (x(run.from), x(run.to));
            canvas.fill(Frame { left, top: y(since), right, bottom: y(band) }, run.colour)?;
        }
        open = next;
    }
    for (frame, state) in marks {
        canvas.fill(frame, palette::slot_state(state).light)?;
    }
    Ok(())
}

/// Neighbouring columns of one colour.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    from: usize,
    to: usize,
    colour: Rgb,
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
