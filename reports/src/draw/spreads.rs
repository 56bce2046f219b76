//! Numbers of several rows with their spread over rounds.

use plotters_backend::DrawingBackend;

use super::canvas::{Canvas, Frame, Type};
use super::{DrawError, LABEL_EM, draw_nothing};
use crate::palette;
use crate::report::{Spread, Spreads, Tone};
use leakbench_model::text::grouped;

/// Height of a row with ample room, and beneath the rows.
const ROW: f64 = 30.0;
const BELOW: f64 = 24.0;

/// Height of a chart of all rows.
pub(super) fn height(spreads: &Spreads) -> f64 {
    spreads.rows.len().max(1) as f64 * ROW + BELOW
}

/// Draws as many rows as fit, with the scale beneath them.
pub(super) fn draw<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    spreads: &Spreads,
) -> Result<(), DrawError> {
    if spreads.rows.is_empty() {
        return draw_nothing(canvas, frame, "no run completed its cycles");
    }
    let ink = Type::new(LABEL_EM, palette::INK.light);
    let muted = Type::new(LABEL_EM, palette::MUTED.light);
    let widest = |text: fn(&Spread) -> &str, max: f64| {
        let widths = spreads.rows.iter().map(|row| canvas.width(text(row), ink.bold()));
        widths.fold(0.0, f64::max).min(frame.width() * max)
    };
    let (left, right) = (widest(|row| &row.name, 0.38), widest(|row| &row.text, 0.3));
    let plot = frame.inset(left + 14.0, 0.0, right + 16.0, BELOW);
    let room = (plot.height() / (ROW * 0.5)).max(1.0) as usize;
    let shown = spreads.rows.len().min(room);
    let high = (plot.height() / shown as f64).min(ROW);
    let foot = plot.top + high * shown as f64;
    let x = |value: f64| plot.left + spreads.share(value) * plot.width();
    let upright = |at: f64, top: f64, bottom: f64, width: f64, colour| {
        canvas.fill(Frame::new(canvas.snapped(at - width / 2.0), top, width, bottom - top), colour)
    };
    for (tick, text) in spreads.ticks() {
        upright(x(tick), plot.top, foot + 4.0, canvas.hair(), palette::GRID.light)?;
        canvas.text((x(tick), foot + 16.0), &text, muted.middle())?;
    }
    if let Some(reference) = spreads.reference {
        upright(x(reference), plot.top, foot, 1.4, palette::INK.light)?;
    }
    for (index, row) in spreads.rows.iter().take(shown).enumerate() {
        let middle = plot.top + (index as f64 + 0.5) * high;
        let colour = palette::tone(Tone::Series(row.series)).light;
        let name = canvas.fitted(&row.name, ink.bold(), left);
        canvas.text((plot.left - 14.0, middle + 4.0), &name, ink.bold().end())?;
        if let Some((low, high)) = row.interval {
            let bar = Frame::new(x(low), middle - 5.0, x(high) - x(low), 10.0);
            canvas.veil(bar, colour, 0.3)?;
        }
        for &round in &row.rounds {
            canvas.dot((x(round), middle), 3.2, colour)?;
        }
        upright(x(row.middle), middle - 8.0, middle + 8.0, 2.2, palette::INK.light)?;
        canvas.text_within((plot.right + 16.0, middle + 4.0), &row.text, ink, right)?;
    }
    let rest = spreads.rest.saturating_add((spreads.rows.len() - shown) as u64);
    if rest > 0 {
        let text = format!("… and {} more", grouped(rest));
        canvas.text_within((frame.left, foot + 16.0), &text, muted, left)?;
    }
    Ok(())
}
