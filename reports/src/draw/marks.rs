//! Marks beside amounts over time: barriers, settle times, drops and incidents.

use plotters_backend::DrawingBackend;

use super::across::Across;
use super::canvas::{Canvas, Frame, Type};
use super::legend::{self, Entry, Sign};
use super::{DrawError, LABEL_EM};
use crate::palette;
use crate::report::{Lines, Mark, MarkKind};
use leakbench_model::text::counted;

/// Legend entries of the kinds of marks. Incidents have their own texts.
pub(super) fn entries(lines: &Lines) -> impl Iterator<Item = Entry> {
    // Settle times have no place on an axis of cycles.
    let kinds: &[MarkKind] = match Across::counts_cycles(lines) {
        true => &[MarkKind::Barrier, MarkKind::Drop, MarkKind::Onset],
        false => &[MarkKind::Barrier, MarkKind::Settle, MarkKind::Drop, MarkKind::Onset],
    };
    let kinds = kinds.iter().copied();
    let occur = kinds.filter(|kind| lines.marks.iter().any(|it| it.kind == *kind));
    occur.map(|kind| {
        let colour = palette::mark(kind).light;
        let sign = match kind {
            MarkKind::Settle => Sign::Band(colour),
            MarkKind::Drop => Sign::Rug(colour),
            MarkKind::Onset => Sign::Arrow(colour),
            MarkKind::Barrier | MarkKind::Event | MarkKind::Incident => Sign::Upright(colour),
        };
        Entry::new(sign, kind.words())
    })
}

/// Draws barriers, settle times and drops, beneath the series.
pub(super) fn draw<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    plot: Frame,
    across: &Across,
    marks: &[Mark],
) -> Result<(), DrawError> {
    let hair = canvas.hair();
    let of = |kind: MarkKind| marks.iter().filter(move |mark| mark.kind == kind);
    let settle = palette::mark(MarkKind::Settle).light;
    for mark in of(MarkKind::Settle).filter(|_| across.is_time()) {
        let from = canvas.snapped(across.at(mark.from_s));
        let width = (across.at(mark.to_s) - from).max(hair);
        canvas.veil(Frame::new(from, plot.top, width, plot.height()), settle, 0.8)?;
    }
    // Many barriers side by side would make the plot grey.
    let barriers = of(MarkKind::Barrier).count() as f64;
    let alpha = (plot.width() / (barriers * 20.0).max(1.0)).clamp(0.15, 0.8);
    let barrier = palette::mark(MarkKind::Barrier).light;
    for mark in of(MarkKind::Barrier) {
        let x = canvas.snapped(across.at(mark.from_s));
        canvas.veil(Frame::new(x, plot.top, hair, plot.height()), barrier, alpha)?;
    }
    let drop = palette::mark(MarkKind::Drop).light;
    for mark in of(MarkKind::Drop) {
        let x = canvas.snapped(across.of_mark(mark));
        canvas.veil(Frame::new(x, plot.bottom - 7.0, hair * 1.5, 7.0), drop, 0.7)?;
    }
    Ok(())
}

/// Draws the first drop whose image lingered, and its words at the right, where a rising series leaves
/// room.
pub(super) fn draw_onset<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    plot: Frame,
    across: &Across,
    marks: &[Mark],
) -> Result<(), DrawError> {
    let Some(mark) = marks.iter().find(|mark| mark.kind == MarkKind::Onset) else { return Ok(()) };
    let at = (across.of_mark(mark), plot.bottom - 22.0);
    legend::arrow(canvas, at, palette::mark(MarkKind::Onset).light)?;
    // Words would cover the series of a low chart.
    if plot.height() < PLOT_LEAST {
        return Ok(());
    }
    let how = Type::new(LABEL_EM, palette::INK.light);
    let text = format!("first: {}", mark.text);
    let text = canvas.fitted(&text, how, plot.width() - 8.0);
    let (right, baseline) = (plot.right - 4.0, plot.bottom - 34.0);
    let left = right - canvas.width(&text, how);
    canvas.veil(
        Frame { left: left - 2.0, top: baseline - 10.0, right, bottom: baseline + 3.0 },
        palette::SURFACE.light,
        0.85,
    )?;
    canvas.text((left, baseline), &text, how)
}

/// Incidents closer than this share of the time have one flag, since theirs would overlap.
const TOGETHER: f64 = 0.03;

/// Room above a plot for the flags or the texts of incidents.
const STRIP: f64 = 16.0;

/// A chart below this height has no room for the texts of several incidents.
const PLOT_LEAST: f64 = 140.0;
const LINES_MAX: f64 = 4.0;
/// Lines of one incident at most.
const LINES_EACH: usize = 2;

/// Incidents in the order of time. Their texts cover no data: that of a single incident is above
/// the plot; those of several are a list above it, with the numbers of their flags.
pub(super) struct Incidents {
    flags: Vec<Flag>,
}

/// Incidents at about the same time.
struct Flag {
    moments_s: Vec<f64>,
    texts: Vec<String>,
}

impl Flag {
    /// All texts; their common beginning, up to a colon, appears once.
    fn text(&self) -> String {
        let Some((first, rest)) = self.texts.split_first() else { return String::new() };
        let common = first.rfind(": ").map_or("", |colon| &first[..colon + 2]);
        rest.iter().fold(first.clone(), |all, text| {
            format!("{all}; {}", text.strip_prefix(common).unwrap_or(text))
        })
    }
}

impl Incidents {
    /// The incidents among `marks`, on an axis that ends at `until_s`.
    pub(super) fn of(marks: &[Mark], until_s: f64) -> Incidents {
        let mut incidents: Vec<&Mark> =
            marks.iter().filter(|mark| mark.kind == MarkKind::Incident).collect();
        incidents.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
        let mut flags: Vec<Flag> = Vec::new();
        for mark in incidents {
            let near = |flag: &Flag| mark.from_s - flag.moments_s[0] < until_s * TOGETHER;
            match flags.last_mut().filter(|flag| near(flag)) {
                Some(flag) => {
                    flag.moments_s.push(mark.from_s);
                    if !flag.texts.contains(&mark.text) {
                        flag.texts.push(mark.text.clone());
                    }
                }
                None => {
                    let (moments_s, texts) = (vec![mark.from_s], vec![mark.text.clone()]);
                    flags.push(Flag { moments_s, texts });
                }
            }
        }
        Incidents { flags }
    }

    /// Writes the texts of several incidents at the top of `frame`, and returns the rest for a plot
    /// with flags above it.
    pub(super) fn draw_words<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        frame: Frame,
    ) -> Result<Frame, DrawError> {
        match self.flags.len() {
            0 => return Ok(frame),
            1 => return Ok(frame.inset(0.0, STRIP, 0.0, 0.0)),
            // Another chart of the picture has the list.
            _ if self.flags.iter().all(|flag| flag.text().is_empty()) => {
                return Ok(frame.inset(0.0, STRIP, 0.0, 0.0));
            }
            _ => {}
        }
        let room = ((frame.height() - PLOT_LEAST) / legend::LINE).clamp(1.0, LINES_MAX) as usize;
        let shown = if self.flags.len() > room { room - 1 } else { self.flags.len() };
        let rest = self.flags.len() - shown;
        let ink = Type::new(legend::EM, palette::INK.light);
        let left = frame.left + FLAG_WIDTH + 6.0;
        let baseline = |line: usize| frame.top + line as f64 * legend::LINE + 10.0;
        let mut used = 0;
        for (index, flag) in self.flags.iter().enumerate().take(shown) {
            draw_flag(canvas, (frame.left, baseline(used) - 11.0), index + 1)?;
            // Each later incident needs a line.
            let after = shown - index - 1 + usize::from(rest > 0);
            let max = (room - used - after).min(LINES_EACH);
            for line in canvas.wrapped(&flag.text(), ink, frame.right - left, max) {
                canvas.text((left, baseline(used)), &line, ink)?;
                used += 1;
            }
        }
        if rest > 0 {
            let muted = Type::new(legend::EM, palette::MUTED.light);
            let text = counted(rest as u64, if shown > 0 { "more incident" } else { "incident" });
            canvas.text_within((frame.left, baseline(used)), &text, muted, frame.width())?;
            used += 1;
        }
        Ok(frame.inset(0.0, used as f64 * legend::LINE + 4.0 + STRIP, 0.0, 0.0))
    }

    /// Draws incidents over everything else, and flags or the text above the plot.
    pub(super) fn draw<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        plot: Frame,
        across: &Across,
    ) -> Result<(), DrawError> {
        let incident = palette::mark(MarkKind::Incident).light;
        for flag in &self.flags {
            for &at_s in &flag.moments_s {
                let x = across.at(at_s);
                canvas.dashed((x, plot.top), (x, plot.bottom), incident, 1.4)?;
            }
        }
        if let [flag] = self.flags.as_slice() {
            let how = Type::new(LABEL_EM, incident);
            let text = flag.text();
            let text = canvas.fitted(&text, how, plot.width());
            let (x, baseline) = (across.at(flag.moments_s[0]), plot.top - 5.0);
            // Above its line if there is room, else as near as possible.
            return if x + canvas.width(&text, how) <= plot.right {
                canvas.text((x, baseline), &text, how)
            } else {
                canvas.text((plot.right, baseline), &text, how.end())
            };
        }
        let mut free_from = f64::NEG_INFINITY;
        for (index, flag) in self.flags.iter().enumerate() {
            let x = across.at(flag.moments_s[0]);
            // To the right of its pole if that stays over the plot.
            let flies_left = x + FLAG_WIDTH > plot.right;
            let left = if flies_left { x - FLAG_WIDTH } else { x };
            if left >= free_from {
                draw_flag(canvas, (left, plot.top - FLAG_HEIGHT - 1.0), index + 1)?;
                canvas.line(&[(x, plot.top - FLAG_HEIGHT - 1.0), (x, plot.top)], incident, 1.4)?;
                free_from = left + FLAG_WIDTH + 1.0;
            }
        }
        Ok(())
    }
}

const FLAG_WIDTH: f64 = 15.0;
const FLAG_HEIGHT: f64 = 13.0;

/// Draws a flag with its number.
fn draw_flag<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    (left, top): (f64, f64),
    number: usize,
) -> Result<(), DrawError> {
    let frame = Frame::new(left, top, FLAG_WIDTH, FLAG_HEIGHT);
    canvas.fill(frame, palette::mark(MarkKind::Incident).light)?;
    let how = Type::new(9.5, palette::SURFACE.light).bold().middle();
    canvas.text(((frame.left + frame.right) / 2.0, frame.top + 10.0), &number.to_string(), how)
}
