//! Lifetimes of lingering images, as bars.

use plotters_backend::DrawingBackend;

use super::axis::{self, Scale};
use super::canvas::{Canvas, Frame, Type};
use super::legend::{Entry, Sign, legend};
use super::{DrawError, LABEL_EM, draw_nothing};
use crate::palette::{self, Rgb};
use crate::report::{Lifetime, Lifetimes};
use leakbench_model::Reason;
use leakbench_model::text::grouped;

const BAR: f64 = 17.0;
const AROUND: f64 = 62.0;

/// Height of a chart of all bars.
pub(super) fn height(lifetimes: &Lifetimes) -> f64 {
    let rest = if lifetimes.rest > 0 { BAR } else { 0.0 };
    lifetimes.bars.len().max(3) as f64 * BAR + AROUND + rest
}

/// Draws as many bars as fit.
pub(super) fn draw<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    lifetimes: &Lifetimes,
) -> Result<(), DrawError> {
    if lifetimes.bars.is_empty() {
        return draw_nothing(canvas, frame, "no image lingers");
    }
    let mut reasons: Vec<Reason> = lifetimes.bars.iter().map(|bar| bar.reason).collect();
    reasons.sort_unstable();
    reasons.dedup();
    let entry = |reason: Reason| {
        Entry::new(
            Sign::Square(palette::reason(reason).light),
            format!("held by {}", reason.singular()),
        )
    };
    let entries: Vec<Entry> = reasons.into_iter().map(entry).collect();
    let frame = legend(canvas, frame, &entries, 2)?;

    let muted = Type::new(LABEL_EM, palette::MUTED.light);
    let ink = Type::new(LABEL_EM, palette::INK.light);
    let names = lifetimes.bars.iter().map(|bar| canvas.width(&bar.name, ink) + 10.0);
    let left = names.fold(0.0, f64::max).min(frame.width() * 0.36);
    let plot = frame.inset(left, 2.0, 12.0, 22.0);
    let room = (plot.height() / BAR).max(1.0) as usize;
    let whole = lifetimes.bars.len() <= room && lifetimes.rest == 0;
    let shown = lifetimes.bars.len().min(if whole { room } else { room.saturating_sub(1) });
    let foot = plot.top + shown as f64 * BAR;

    let ends = lifetimes.bars.iter().map(|bar| bar.to_s);
    let until_s = ends.fold(lifetimes.until_s, f64::max);
    let across = Scale::new((0.0, until_s), (plot.left, plot.right));
    let ticks = axis::time_ticks(until_s, (plot.width() / 70.0).clamp(1.0, 9.0));
    let step = ticks.get(1).copied().unwrap_or(until_s);
    for &at_s in &ticks {
        let x = across.at(at_s);
        let line = Frame::new(canvas.snapped(x), plot.top, canvas.hair(), foot - plot.top + 4.0);
        canvas.fill(line, palette::GRID.light)?;
        let how = if x > plot.right - 20.0 { muted.end() } else { muted.middle() };
        canvas.text((x, foot + 16.0), &axis::time(at_s, step), how)?;
    }
    for (index, bar) in lifetimes.bars.iter().take(shown).enumerate() {
        let top = plot.top + index as f64 * BAR;
        let name = canvas.fitted(&bar.name, ink, left - 8.0);
        canvas.text((plot.left - 8.0, top + 12.5), &name, ink.end())?;
        draw_bar(canvas, plot, top, across, bar)?;
    }
    let rest = lifetimes.rest.saturating_add((lifetimes.bars.len() - shown) as u64);
    if rest > 0 {
        let text = format!("… and {} more", grouped(rest));
        canvas.text_within((frame.left, foot + 16.0), &text, muted, left.max(90.0) - 8.0)?;
    }
    Ok(())
}

/// Draws a bar and the image's holders: in the bar, or beside it if that has more room.
fn draw_bar<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    plot: Frame,
    top: f64,
    across: Scale,
    bar: &Lifetime,
) -> Result<(), DrawError> {
    let colour = palette::reason(bar.reason).light;
    let (start, end) =
        (across.at(bar.from_s), across.at(bar.to_s).max(across.at(bar.from_s) + 2.0));
    canvas
        .fill(Frame { left: start, top: top + 2.0, right: end, bottom: top + BAR - 2.0 }, colour)?;
    let baseline = top + 12.5;
    let inside = Type::new(LABEL_EM, on(colour));
    let outside = Type::new(LABEL_EM, palette::INK.light);
    let width = canvas.width(&bar.holders, inside) + 10.0;
    let (within, before, after) = (end - start, start - plot.left, plot.right - end);
    if within >= width || within >= before.max(after) {
        canvas.text_within((start + 5.0, baseline), &bar.holders, inside, within - 8.0)
    } else if after >= before {
        canvas.text_within((end + 5.0, baseline), &bar.holders, outside, after - 8.0)
    } else {
        let text = canvas.fitted(&bar.holders, outside, before - 8.0);
        canvas.text((start - 5.0, baseline), &text, outside.end())
    }
}

/// A readable text colour on a background.
pub(super) fn on(Rgb(red, green, blue): Rgb) -> Rgb {
    let light = 0.3 * f64::from(red) + 0.59 * f64::from(green) + 0.11 * f64::from(blue);
    if light > 140.0 { palette::INK.light } else { palette::SURFACE.light }
}
