//! Verified releases: a block for each barrier, in a lane for each witness.

use plotters_backend::DrawingBackend;

use super::axis::{self, Scale};
use super::canvas::{Canvas, Frame, Type};
use super::legend::{self, Entry, Sign, legend};
use super::{DrawError, LABEL_EM, draw_nothing};
use crate::palette;
use crate::report::{Proof, Stretch, Tone};
use leakbench_model::Unit;
use leakbench_model::text::{counted, grouped, sum};

/// Heights of the lanes at most, and of the name above each.
const LANES: [f64; 2] = [64.0, 30.0];
const NAME: f64 = 18.0;
const GAP: f64 = 12.0;
const AXIS: f64 = 22.0;

/// Height with ample room.
pub(super) fn height() -> f64 {
    LANES.iter().sum::<f64>() + 2.0 * NAME + GAP + AXIS + legend::LINE + 4.0
}

/// Draws both lanes and the axis of images.
pub(super) fn draw<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    proof: &Proof,
) -> Result<(), DrawError> {
    let released = proof.released();
    if released == 0 {
        return draw_nothing(canvas, frame, "no image was released");
    }
    let frame = legend(canvas, frame, &entries(proof), 1)?;
    let agreed = proof.stretches.iter().all(|it| it.disagreements == 0);
    let total = released.saturating_add(if agreed { proof.unverified } else { 0 }) as f64;
    let across = Scale::new((0.0, total), (frame.left, frame.right - 1.0));
    let needed = height() - legend::LINE - 4.0;
    let shrunk = (frame.height() / needed).clamp(0.1, 1.0);
    let disagreements = sum(proof.stretches.iter().map(|it| it.disagreements));
    let names = [
        ("death watch, inside: ", format!("{} destroyed", grouped(released))),
        (
            "scan of /proc, outside: ",
            match disagreements {
                0 => "0 still held".to_owned(),
                some => counted(some, "disagreement"),
            },
        ),
    ];
    let mut top = frame.top;
    for (lane, (name, text)) in names.into_iter().enumerate() {
        let muted = Type::new(LABEL_EM, palette::MUTED.light);
        let ink = Type::new(LABEL_EM, palette::INK.light).bold();
        let baseline = top + 12.0;
        canvas.text((frame.left, baseline), name, muted)?;
        let beside = frame.left + canvas.width(name, muted) + 4.0;
        canvas.text_within((beside, baseline), &text, ink, frame.right - beside)?;
        let high = LANES[lane] * shrunk;
        let blocks = Frame::new(frame.left, top + NAME, frame.width(), high);
        draw_blocks(canvas, blocks, proof, across, lane == 0)?;
        top = blocks.bottom + GAP;
    }
    draw_axis(canvas, Frame { bottom: top - GAP + 4.0, ..frame }, across, total)
}

fn entries(proof: &Proof) -> Vec<Entry> {
    let square = |tone: Tone| Sign::Square(palette::tone(tone).light);
    let entry = |sign: Sign, name: &str, number: u64| {
        let number = Some(grouped(number));
        (number.as_deref() != Some("0")).then(|| Entry { sign, name: name.to_owned(), number })
    };
    let late = proof.late();
    let entries = [
        entry(square(Tone::Good), "verified", proof.verified().saturating_sub(late)),
        entry(square(Tone::Warning), "verified, released late", late),
        entry(Sign::Square(palette::RAISED.light), "not verified", proof.unverified),
        entry(Sign::None, "barriers, a block for each:", proof.barriers()),
    ];
    entries.into_iter().flatten().collect()
}

/// Draws a lane: the first with late releases, the second with disagreements.
fn draw_blocks<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    lane: Frame,
    proof: &Proof,
    across: Scale,
    is_first: bool,
) -> Result<(), DrawError> {
    canvas.fill(lane, palette::RAISED.light)?;
    let [good, warning] = [Tone::Good, Tone::Warning].map(|it| palette::tone(it).light);
    let mut before = 0_u64;
    for Stretch { released, late, disagreements, .. } in &proof.stretches {
        let from = canvas.snapped(across.at(before as f64));
        before = before.saturating_add(*released);
        let to = canvas.snapped(across.at(before as f64));
        let gap = if to - from > 4.0 { canvas.hair() } else { 0.0 };
        let block = Frame { left: from, right: to - gap, ..lane };
        let is_warned = !is_first && *disagreements > 0;
        canvas.fill(block, if is_warned { warning } else { good })?;
        if is_first && *late > 0 {
            let share = *late as f64 / (*released).max(1) as f64;
            let high = (lane.height() * share).clamp(1.5, lane.height());
            canvas.fill(Frame { top: lane.bottom - high, ..block }, warning)?;
        }
    }
    Ok(())
}

fn draw_axis<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    plot: Frame,
    across: Scale,
    total: f64,
) -> Result<(), DrawError> {
    let muted = Type::new(LABEL_EM, palette::MUTED.light);
    let count = (plot.width() / 90.0).clamp(1.0, 8.0);
    let ticks = axis::ticks(total, count, Unit::Count);
    for &tick in ticks.iter().filter(|tick| **tick <= total) {
        let x = across.at(tick);
        let mark = Frame::new(canvas.snapped(x), plot.bottom, canvas.hair(), 4.0);
        canvas.fill(mark, palette::FRAME.light)?;
        let (how, text) = match tick {
            0.0 => (muted, "0 images".to_owned()),
            _ if x > plot.right - 20.0 => (muted.end(), axis::mark(tick, Unit::Count)),
            _ => (muted.middle(), axis::mark(tick, Unit::Count)),
        };
        canvas.text((x, plot.bottom + 16.0), &text, how)?;
    }
    Ok(())
}
