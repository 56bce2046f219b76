//! Events of processes: a thin line for each, with its label above the plot.

use plotters_backend::DrawingBackend;

use super::across::Across;
use super::canvas::{Canvas, Frame, Type};
use super::{DrawError, LABEL_EM};
use crate::palette;
use crate::report::{Mark, MarkKind};

/// Height of a line of labels, and their number at most.
const LANE: f64 = 14.0;
const LANES_MAX: usize = 3;

/// Events in the order of time, with places for the labels that have room.
pub(super) struct Events<'a> {
    events: Vec<(&'a Mark, Option<Place>)>,
    lanes: usize,
}

/// The place of a label.
#[derive(Clone, Copy)]
struct Place {
    left: f64,
    lane: usize,
}

impl<'a> Events<'a> {
    /// The events among `marks`, on an axis between two pixels.
    pub(super) fn of<DB: DrawingBackend>(
        canvas: &Canvas<'_, DB>,
        marks: &'a [Mark],
        across: &Across,
        (from, to): (f64, f64),
    ) -> Events<'a> {
        let mut marks: Vec<&Mark> =
            marks.iter().filter(|mark| mark.kind == MarkKind::Event).collect();
        marks.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
        let mut free: Vec<f64> = Vec::new();
        let mut place = |mark: &Mark| {
            let width = canvas.width(&mark.label, how());
            let left = (across.at(mark.from_s) + 3.0).min(to - width);
            if mark.label.is_empty() || left < from {
                return None;
            }
            let lane = free.iter().position(|free| *free <= left).or_else(|| {
                free.push(from);
                (free.len() <= LANES_MAX).then(|| free.len() - 1)
            })?;
            free[lane] = left + width + 8.0;
            Some(Place { left, lane })
        };
        let events = marks.into_iter().map(|mark| (mark, place(mark))).collect();
        Events { events, lanes: free.len().min(LANES_MAX) }
    }

    /// Height of the labels.
    pub(super) fn height(&self) -> f64 {
        self.lanes as f64 * LANE
    }

    /// Draws lines through the plot, and labels above it.
    pub(super) fn draw<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        plot: Frame,
        across: &Across,
    ) -> Result<(), DrawError> {
        let colour = palette::mark(MarkKind::Event).light;
        for (mark, place) in &self.events {
            let x = canvas.snapped(across.at(mark.from_s));
            let mut top = plot.top;
            if let Some(Place { left, lane }) = *place {
                let baseline = plot.top - 5.0 - lane as f64 * LANE;
                canvas.text((left, baseline), &mark.label, how())?;
                top = baseline - 9.0;
            }
            canvas.veil(Frame::new(x, top, canvas.hair(), plot.bottom - top), colour, 0.7)?;
        }
        Ok(())
    }
}

fn how() -> Type {
    Type::new(LABEL_EM, palette::mark(MarkKind::Event).light)
}
