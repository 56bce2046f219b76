//! The survival of dropped images by their age, with the expected share if there is one.

use plotters_backend::DrawingBackend;

use super::axis::{self, Scale};
use super::canvas::{Canvas, Frame, Type};
use super::legend::{Entry, Sign, legend};
use super::{DrawError, LABEL_EM, draw_nothing};
use crate::palette::{self, Dash};
use crate::report::{AgeBin, Survival};
use leakbench_model::Unit;
use leakbench_model::text::{grouped, sum};

/// Draws a bar for each age, stacked by reason.
pub(super) fn draw<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    survival: &Survival,
) -> Result<(), DrawError> {
    let (Some(first), Some(last)) = (survival.bins.first(), survival.bins.last()) else {
        return draw_nothing(canvas, frame, "no image lingers");
    };
    let frame = legend(canvas, frame, &entries(survival), 2)?;
    let muted = Type::new(LABEL_EM, palette::MUTED.light);
    let plot = frame.inset(52.0, 6.0, 12.0, 34.0);
    let up = Scale::new((0.0, 1.0), (plot.bottom, plot.top));
    for percent in [0, 25, 50, 75, 100] {
        let y = canvas.snapped(up.at(f64::from(percent) / 100.0));
        let colour = if percent > 0 { palette::GRID } else { palette::FRAME };
        canvas.fill(Frame::new(plot.left, y, plot.width(), canvas.hair()), colour.light)?;
        canvas.text((plot.left - 6.0, y + 4.0), &format!("{percent} %"), muted.end())?;
    }
    let across = Scale::new((first.from as f64, last.to as f64), (plot.left, plot.right));
    for bin in &survival.bins {
        let from = canvas.snapped(across.at(bin.from as f64));
        let to = canvas.snapped(across.at(bin.to as f64));
        let gap = if to - from > 4.0 { canvas.hair() } else { 0.0 };
        let mut below = 0.0;
        for (index, &reason) in survival.reasons.iter().enumerate() {
            let above = below + bin.share(index);
            let bar =
                Frame { left: from, right: to - gap, top: up.at(above), bottom: up.at(below) };
            canvas.fill(bar, palette::reason(reason).light)?;
            below = above;
        }
    }
    let middle = |bin: &AgeBin| (bin.from as f64 + bin.to as f64) / 2.0;
    let expected = survival
        .bins
        .iter()
        .filter_map(|bin| Some((across.at(middle(bin)), up.at(survival.expected(middle(bin))?))));
    let expected: Vec<(f64, f64)> = expected.collect();
    canvas.path(&expected, palette::INK.light, 1.8, Dash::Dashed.lengths())?;

    let ticks = axis::ticks(last.to as f64, (plot.width() / 70.0).clamp(1.0, 9.0), Unit::Count);
    for &tick in ticks.iter().filter(|it| (first.from as f64..=last.to as f64).contains(*it)) {
        let x = across.at(tick);
        let mark = Frame::new(canvas.snapped(x), plot.bottom, canvas.hair(), 4.0);
        canvas.fill(mark, palette::FRAME.light)?;
        let how = if x > plot.right - 20.0 { muted.end() } else { muted.middle() };
        canvas.text((x, plot.bottom + 15.0), &axis::mark(tick, Unit::Count), how)?;
    }
    let below = (plot.left + plot.width() / 2.0, plot.bottom + 29.0);
    let text = format!("cycles since the drop, {} in a bar", grouped(first.to - first.from));
    canvas.text_within(below, &text, muted.middle(), plot.width())
}

fn entries(survival: &Survival) -> Vec<Entry> {
    let of_reasons = survival.reasons.iter().enumerate().map(|(index, reason)| {
        let of_bins =
            survival.bins.iter().map(|bin| bin.lingering.get(index).copied().unwrap_or(0));
        let sign = Sign::Square(palette::reason(*reason).light);
        let number = Some(grouped(sum(of_bins)));
        Entry { sign, name: format!("held by {}", reason.singular()), number }
    });
    let expected = survival.random_slots.map(|slots| {
        let name = format!("expected: (1 − 1/S)^n, S = {} slots", grouped(slots.into()));
        Entry::new(Sign::Line(palette::INK.light, Dash::Dashed), name)
    });
    of_reasons.chain(expected).collect()
}
