//! The banner of a picture: verdict, headline and three figures.

use plotters_backend::DrawingBackend;

use super::DrawError;
use super::canvas::{Canvas, Frame, Type};
use crate::headline::verdict_word;
use crate::palette;
use crate::report::{Figure, Report};

/// Height of verdict and figures, in pixels.
pub(super) const HEIGHT: f64 = 178.0;
const VERDICT: f64 = 92.0;
const MARGIN: f64 = 18.0;

/// Draws the verdict across the picture, and the figures beneath it.
pub(super) fn draw<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    report: &Report,
) -> Result<(), DrawError> {
    let colour = palette::verdict(report.verdict).light;
    let band = Frame::new(frame.left, frame.top, frame.width(), VERDICT);
    canvas.fill(band, colour)?;
    let on_it = palette::SURFACE.light;
    let room = frame.width() - 2.0 * MARGIN;
    let title = Type::new(12.0, on_it);
    canvas.text_within((MARGIN, frame.top + 22.0), &report.title, title, room)?;
    // A long headline has smaller text and several lines.
    let sizes = [(25.0, 1), (20.0, 1), (17.0, 2), (14.5, 2), (13.0, 3)];
    let how = Type::new(25.0, on_it).bold();
    let (how, lines) = canvas.set(&worded(report), how, room, &sizes);
    let line = Frame::new(MARGIN, frame.top + 26.0, room, VERDICT - 30.0);
    draw_centred(canvas, line, &lines, how)?;
    let figures = Frame::new(MARGIN, band.bottom + 12.0, room, HEIGHT - VERDICT - 24.0);
    for (index, figure) in report.figures.iter().take(4).enumerate() {
        draw_figure(canvas, figures.column(index, report.figures.len().min(4), 14.0), figure)?;
    }
    Ok(())
}

/// The headline, which begins with the verdict.
fn worded(report: &Report) -> String {
    let word = verdict_word(report.verdict);
    if report.headline.starts_with(word) {
        return report.headline.clone();
    }
    format!("{word} — {}", report.headline)
}

fn draw_figure<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    figure: &Figure,
) -> Result<(), DrawError> {
    let colour = palette::tone(figure.tone).light;
    canvas.fill(frame, palette::RAISED.light)?;
    canvas.fill(Frame::new(frame.left, frame.top, 4.0, frame.height()), colour)?;
    let left = frame.left + 16.0;
    let room = frame.right - left - 8.0;
    let label = Type::new(12.0, palette::MUTED.light);
    canvas.text_within((left, frame.top + 19.0), &figure.label, label, room)?;
    let value = Type::new(26.0, colour).bold();
    let text = canvas.fitted(&figure.value, value, room);
    let baseline = frame.top + 48.0;
    canvas.text((left, baseline), &text, value)?;
    let beside = left + canvas.width(&text, value) + 9.0;
    let sizes = [(12.0, 1), (11.0, 2), (10.0, 2)];
    let (how, lines) = canvas.set(&figure.beside, label, frame.right - beside - 6.0, &sizes);
    // The first of two lines is above the value's baseline.
    let first = baseline - (lines.len().saturating_sub(1) as f64) * how.em * LEADING + how.em * 0.3;
    let first = if lines.len() > 1 { first } else { baseline };
    for (index, line) in lines.iter().enumerate() {
        canvas.text((beside, first + index as f64 * how.em * LEADING), line, how)?;
    }
    Ok(())
}

/// From one line to the next, in em.
const LEADING: f64 = 1.3;

/// Draws lines in the vertical middle of `frame`.
fn draw_centred<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    lines: &[String],
    how: Type,
) -> Result<(), DrawError> {
    let leading = how.em * LEADING;
    let high = lines.len().saturating_sub(1) as f64 * leading;
    // Capitals and digits are about 0.72 em high.
    let first = (frame.top + frame.bottom - high + how.em * 0.72) / 2.0;
    for (index, line) in lines.iter().enumerate() {
        canvas.text((frame.left, first + index as f64 * leading), line, how)?;
    }
    Ok(())
}

/// Height of a banner without figures.
pub(super) const STRIP_HEIGHT: f64 = 40.0;

/// Draws the verdict without figures, for a picture among others.
pub(super) fn draw_strip<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    report: &Report,
) -> Result<(), DrawError> {
    let band = Frame::new(frame.left, frame.top, frame.width(), STRIP_HEIGHT);
    canvas.fill(band, palette::verdict(report.verdict).light)?;
    let room = frame.width() - 24.0;
    let how = Type::new(16.0, palette::SURFACE.light).bold();
    let sizes = [(16.0, 1), (13.0, 1), (11.5, 2), (10.0, 2)];
    let (how, lines) = canvas.set(&worded(report), how, room, &sizes);
    let line = Frame::new(12.0, frame.top, room, STRIP_HEIGHT);
    draw_centred(canvas, line, &lines, how)
}
