//! Lines fitted to amounts that grow, with their confidence bands and projections.

use plotters_backend::DrawingBackend;

use super::across::Across;
use super::axis::Scale;
use super::canvas::{Canvas, Frame, Type};
use super::lines::Shown;
use super::{DrawError, LABEL_EM};
use crate::palette;
use crate::report::{Fit, Lines};

/// The end of a projection on an axis that ends at `until_s`: the end of the axis, or the limit.
pub(super) fn end_s(fit: &Fit, until_s: f64) -> f64 {
    fit.reaches_s().map_or(until_s, |at_s| at_s.min(until_s))
}

/// The limit that a projection reaches on an axis that ends at `until_s`.
pub(super) fn reached(fit: &Fit, until_s: f64) -> Option<f64> {
    fit.reaches_s().filter(|&at_s| at_s <= until_s)?;
    Some(fit.limit.as_ref()?.value)
}

/// Shades the time after the last amount.
pub(super) fn draw_ahead<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    plot: Frame,
    across: &Across,
    lines: &Lines,
) -> Result<(), DrawError> {
    if lines.fits.is_empty() {
        return Ok(());
    }
    let from = across.at(lines.end_s());
    let ahead = Frame::new(from, plot.top, (plot.right - from).max(0.0), plot.height());
    canvas.fill(ahead, palette::RAISED.light)
}

/// Draws confidence bands, beneath the series.
pub(super) fn draw_bands<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    (across, up): (&Across, Scale),
    lines: &Lines,
    shown: &Shown,
) -> Result<(), DrawError> {
    for fit in &lines.fits {
        let times = [fit.from_s, fit.at_s, end_s(fit, shown.until_s)];
        let upper = times.map(|at_s| (across.at(at_s), up.at(fit.at(at_s).high)));
        let mut outline = upper.to_vec();
        let lower = times.map(|at_s| (across.at(at_s), up.at(fit.at(at_s).low)));
        outline.extend(lower.into_iter().rev());
        canvas.polygon(&outline, palette::tone(fit.tone).light, 0.18)?;
    }
    Ok(())
}

/// Draws the lines, dashed after the last amount.
pub(super) fn draw_lines<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    (across, up): (&Across, Scale),
    lines: &Lines,
    shown: &Shown,
) -> Result<(), DrawError> {
    for fit in &lines.fits {
        let place = |at_s: f64| (across.at(at_s), up.at(fit.at(at_s).value));
        let end = place(end_s(fit, shown.until_s));
        canvas.line(&[place(fit.from_s), place(fit.to_s)], palette::INK.light, 1.1)?;
        canvas.dashed(place(fit.to_s), end, palette::tone(fit.tone).light, 1.5)?;
    }
    Ok(())
}

/// Marks and names the limits that the lines reach.
pub(super) fn draw_limits<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    plot: Frame,
    (across, up): (&Across, Scale),
    lines: &Lines,
    shown: &Shown,
) -> Result<(), DrawError> {
    for fit in &lines.fits {
        let Some(limit) = &fit.limit else { continue };
        // The legend names a limit that is far away.
        let Some(_) = reached(fit, shown.until_s) else { continue };
        let end_s = end_s(fit, shown.until_s);
        let end = (across.at(end_s), up.at(fit.at(end_s).value));
        canvas.dot(end, 3.5, palette::LIMIT.light)?;
        let above = end.1 - 8.0 - plot.top > LABEL_EM;
        let baseline = if above { end.1 - 8.0 } else { end.1 + 17.0 };
        let how = Type::new(LABEL_EM, palette::INK.light).bold().end();
        canvas.text_within((end.0, baseline), &limit.text, how, end.0 - plot.left)?;
    }
    Ok(())
}
