//! The horizontal axis of amounts: the cycles of a run, or time if nothing counts cycles. Barriers
//! take most of the time of a short run, and no cycles.

use plotters_backend::DrawingBackend;

use super::axis::{self, Scale};
use super::canvas::{Canvas, Frame, Type};
use super::{DrawError, LABEL_EM};
use crate::palette;
use crate::report::{Lines, Mark, MarkKind, Point, Style};
use leakbench_model::Unit;

/// The axis with its scale.
pub(super) struct Across {
    scale: Scale,
    /// The end of the axis.
    until: f64,
    /// Times and the cycles done by then, both rising; empty on an axis of time.
    done: Vec<(f64, f64)>,
}

impl Across {
    /// The axis of `lines` until `until_s`, between two pixels.
    pub(super) fn of(lines: &Lines, until_s: f64, pixels: (f64, f64)) -> Across {
        let done = done(lines);
        let until = done.last().map_or(until_s, |&(_, cycles)| cycles);
        Across { scale: Scale::new((0.0, until), pixels), until, done }
    }

    /// Returns whether `lines` count cycles.
    pub(super) fn counts_cycles(lines: &Lines) -> bool {
        lines.series.iter().flat_map(|series| &series.points).any(|point| point.cycles > Some(0))
    }

    /// Returns whether it is an axis of time.
    pub(super) fn is_time(&self) -> bool {
        self.done.is_empty()
    }

    /// The pixel of a time.
    pub(super) fn at(&self, at_s: f64) -> f64 {
        self.scale.at(if self.is_time() { at_s } else { interpolated(&self.done, at_s) })
    }

    /// The pixel of a point.
    pub(super) fn of_point(&self, point: &Point) -> f64 {
        match point.cycles {
            // Its own cycles are more exact than those of its time.
            Some(cycles) if !self.is_time() => self.scale.at(cycles as f64),
            _ => self.at(point.at_s),
        }
    }

    /// The pixel of a mark, which may know its cycles.
    pub(super) fn of_mark(&self, mark: &Mark) -> f64 {
        match mark.cycles {
            Some(cycles) if !self.is_time() => self.scale.at(cycles as f64),
            _ => self.at(mark.from_s),
        }
    }

    /// Draws the axis beneath the plot.
    pub(super) fn draw<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        plot: Frame,
    ) -> Result<(), DrawError> {
        let label = Type::new(LABEL_EM, palette::MUTED.light);
        let count = (plot.width() / 70.0).clamp(1.0, 9.0);
        let is_time = self.is_time();
        let ticks = match is_time {
            true => axis::time_ticks(self.until, count),
            false => axis::ticks(self.until, count, Unit::Count),
        };
        let step = ticks.get(1).copied().unwrap_or(self.until);
        let baseline = plot.bottom + 15.0;
        if !is_time {
            canvas.text((plot.left - 14.0, baseline), "cycles", label.end())?;
        }
        // The last tick of amounts may be beyond the end.
        for &tick in ticks.iter().filter(|tick| **tick <= self.until) {
            let x = self.scale.at(tick);
            let mark = Frame::new(canvas.snapped(x), plot.bottom, canvas.hair(), 4.0);
            canvas.fill(mark, palette::FRAME.light)?;
            let how = if x > plot.right - 20.0 { label.end() } else { label.middle() };
            let x = if x > plot.right - 20.0 { x.max(plot.right) } else { x };
            let text = match is_time {
                true => axis::time(tick, step),
                false => axis::mark(tick, Unit::Count),
            };
            canvas.text((x, baseline), &text, how)?;
        }
        Ok(())
    }
}

/// Times and the cycles done by then, of the series that has most of them. No cycle runs in a settle
/// time, which ends at a barrier.
fn done(lines: &Lines) -> Vec<(f64, f64)> {
    if !Across::counts_cycles(lines) {
        return Vec::new();
    }
    // Times of a theory are not measured.
    let measured = lines.series.iter().filter(|series| series.style != Style::Expected);
    let points = measured.flat_map(|series| &series.points);
    let known = points.filter_map(|point| Some((point.at_s, point.cycles? as f64)));
    let mut known: Vec<(f64, f64)> = known.collect();
    let settles = lines.marks.iter().filter(|mark| mark.kind == MarkKind::Settle);
    let settled = settles.filter_map(|mark| {
        let (_, cycles) = known.iter().find(|(at_s, _)| *at_s == mark.to_s)?;
        Some((mark.from_s, *cycles))
    });
    let settled: Vec<(f64, f64)> = settled.collect();
    known.extend(settled);
    // A run begins with 0 cycles.
    known.push((0.0, 0.0));
    known.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut most = 0.0_f64;
    for (_, cycles) in &mut known {
        most = most.max(*cycles);
        *cycles = most;
    }
    known
}

/// The value at `at` on the line through `points`, which are in rising order.
pub(super) fn interpolated(points: &[(f64, f64)], at: f64) -> f64 {
    let after = points.partition_point(|(place, _)| *place < at);
    match (after.checked_sub(1).and_then(|before| points.get(before)), points.get(after)) {
        (Some(&(x0, y0)), Some(&(x1, y1))) if x1 > x0 => y0 + (y1 - y0) * ((at - x0) / (x1 - x0)),
        (_, Some(&(_, value))) | (Some(&(_, value)), None) => value,
        (None, None) => 0.0,
    }
}
