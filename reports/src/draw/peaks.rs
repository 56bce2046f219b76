//! Peaks of resources, as bars beside their limits.

use plotters_backend::DrawingBackend;

use super::canvas::{Canvas, Frame, Type};
use super::{DrawError, LABEL_EM, draw_nothing};
use crate::palette;
use crate::report::Peaks;

/// Height of a peak at most and at least.
const ROW: f64 = 58.0;
const ROW_LEAST: f64 = 34.0;
/// Height of a bar.
const BAR: f64 = 10.0;

/// Height with ample room.
pub(super) fn height(peaks: &Peaks) -> f64 {
    peaks.rows.len().max(1) as f64 * ROW
}

/// Draws a line of text and, beneath it, a bar for each peak.
pub(super) fn draw<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    peaks: &Peaks,
) -> Result<(), DrawError> {
    if peaks.rows.is_empty() {
        return draw_nothing(canvas, frame, "nothing was measured");
    }
    let high = (frame.height() / peaks.rows.len() as f64).clamp(ROW_LEAST, ROW);
    let muted = Type::new(LABEL_EM, palette::MUTED.light);
    let ink = Type::new(13.0, palette::INK.light).bold();
    let mut top = frame.top;
    for peak in &peaks.rows {
        let colour = palette::tone(peak.tone()).light;
        let baseline = top + 14.0;
        let share = Type::new(13.0, colour).bold().end();
        let percent = peak.percent().unwrap_or_default();
        let room = frame.width() - canvas.width(&percent, share) - 10.0;
        let amount = peak.amount();
        canvas.text_within((frame.left, baseline), &peak.name, muted, room * 0.45)?;
        let after = frame.left + canvas.width(&peak.name, muted).min(room * 0.45) + 8.0;
        canvas.text_within((after, baseline), &amount, ink, frame.left + room - after)?;
        let after = after + canvas.width(&amount, ink) + 8.0;
        canvas.text_within((after, baseline), &peak.beside(), muted, frame.left + room - after)?;
        canvas.text((frame.right, baseline), &percent, share)?;
        if let Some(share) = peak.share() {
            let track = Frame::new(frame.left, canvas.snapped(top + 21.0), frame.width(), BAR);
            canvas.fill(track, palette::GRID.light)?;
            let width = (track.width() * share.min(1.0)).max(if share > 0.0 { 2.0 } else { 0.0 });
            canvas.fill(Frame::new(track.left, track.top, width, BAR), colour)?;
        }
        top += high;
    }
    Ok(())
}
