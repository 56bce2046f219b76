//! The surface of every chart: a plotters drawing area with fractional pixels as coordinates, and
//! texts that are data.

use std::borrow::Cow;

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, PathElement, Polygon, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, RGBAColor, ShapeStyle, TextStyle};
use plotters_backend::DrawingBackend;

use super::DrawError;
use super::font::{FAMILIES, Fonts};
use crate::palette::Rgb;
use leakbench_model::text::printable;

/// Font size of plotters per em: its SVG backend divides by this.
pub(super) const EM: f64 = 1.24;

/// Offset of the baseline from the top of a text in plotters' SVG backend, in em.
pub(super) const TOP_TO_BASELINE: f64 = 0.76;

/// Characters of a text at most.
const CHARS_MAX: usize = 400;

/// A rectangle, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Frame {
    pub(super) fn new(left: f64, top: f64, width: f64, height: f64) -> Frame {
        Frame { left, top, right: left + width.max(0.0), bottom: top + height.max(0.0) }
    }

    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// The frame without these margins; no smaller than nothing.
    pub(super) fn inset(self, left: f64, top: f64, right: f64, bottom: f64) -> Frame {
        let (width, height) = (self.width() - left - right, self.height() - top - bottom);
        Frame::new(self.left + left, self.top + top, width, height)
    }

    /// Column `index` of `of` columns with a gap between them.
    pub(super) fn column(self, index: usize, of: usize, gap: f64) -> Frame {
        let of = of.max(1) as f64;
        let width = (self.width() - gap * (of - 1.0)) / of;
        Frame::new(self.left + index as f64 * (width + gap), self.top, width, self.height())
    }

    /// Row `index` of `of` rows with a gap between them.
    pub(super) fn row(self, index: usize, of: usize, gap: f64) -> Frame {
        let of = of.max(1) as f64;
        let height = (self.height() - gap * (of - 1.0)) / of;
        Frame::new(self.left, self.top + index as f64 * (height + gap), self.width(), height)
    }
}

/// Size, colour and alignment of a text.
#[derive(Clone, Copy)]
pub(super) struct Type {
    /// Pixels to the em.
    pub(super) em: f64,
    pub(super) bold: bool,
    pub(super) colour: Rgb,
    pub(super) anchor: HPos,
}

impl Type {
    pub(super) fn new(em: f64, colour: Rgb) -> Type {
        Type { em, bold: false, colour, anchor: HPos::Left }
    }

    pub(super) fn bold(self) -> Type {
        Type { bold: true, ..self }
    }

    /// It ends at its position.
    pub(super) fn end(self) -> Type {
        Type { anchor: HPos::Right, ..self }
    }

    /// Its middle is at its position.
    pub(super) fn middle(self) -> Type {
        Type { anchor: HPos::Center, ..self }
    }
}

/// A surface to draw on.
pub(super) struct Canvas<'a, DB: DrawingBackend> {
    area: &'a DrawingArea<DB, Shift>,
    fonts: &'a Fonts,
    /// Coordinates of the backend per pixel.
    scale: f64,
    /// Coordinates of the backend per step to which edges of cells are aligned.
    grain: f64,
    /// Width of a reader's substitute font, as a multiple of this font.
    slack: f64,
}

type Drawn = Result<(), DrawError>;

impl<'a, DB: DrawingBackend> Canvas<'a, DB> {
    pub(super) fn new(
        area: &'a DrawingArea<DB, Shift>,
        fonts: &'a Fonts,
        scale: f64,
        grain: f64,
        slack: f64,
    ) -> Canvas<'a, DB> {
        Canvas { area, fonts, scale, grain, slack }
    }

    /// The nearest position to `at` at which an edge is crisp.
    pub(super) fn snapped(&self, at: f64) -> f64 {
        (at * self.scale / self.grain).round() * self.grain / self.scale
    }

    /// The smallest visible width.
    pub(super) fn hair(&self) -> f64 {
        self.grain / self.scale
    }

    /// A filled rectangle.
    pub(super) fn fill(&self, frame: Frame, colour: Rgb) -> Drawn {
        self.veil(frame, colour, 1.0)
    }

    /// A translucent rectangle; `alpha` is its opacity.
    pub(super) fn veil(&self, frame: Frame, colour: Rgb, alpha: f64) -> Drawn {
        let corners = [(frame.left, frame.top), (frame.right, frame.bottom)];
        let corners = corners.map(|(x, y)| self.place((self.snapped(x), self.snapped(y))));
        self.draw(&Rectangle::new(corners, rgba(colour, alpha).filled()))
    }

    /// A filled rectangle with round corners.
    pub(super) fn rounded(&self, frame: Frame, radius: f64, colour: Rgb) -> Drawn {
        const STEPS: i32 = 5;
        let radius = radius.min(frame.width() / 2.0).min(frame.height() / 2.0);
        let (left, right) = (frame.left + radius, frame.right - radius);
        let (top, bottom) = (frame.top + radius, frame.bottom - radius);
        let corners = [(right, bottom), (left, bottom), (left, top), (right, top)];
        let quarter = std::f64::consts::FRAC_PI_2;
        let arcs = corners.into_iter().zip(0..).flat_map(|((x, y), number)| {
            (0..=STEPS).map(move |step| {
                let angle = quarter * (f64::from(number) + f64::from(step) / f64::from(STEPS));
                (x + radius * angle.cos(), y + radius * angle.sin())
            })
        });
        self.polygon(&arcs.collect::<Vec<_>>(), colour, 1.0)
    }

    /// A line through points.
    pub(super) fn line(&self, points: &[(f64, f64)], colour: Rgb, width: f64) -> Drawn {
        self.faint_line(points, colour, width, 1.0)
    }

    /// A line through points that lets what is below it show.
    pub(super) fn faint_line(
        &self,
        points: &[(f64, f64)],
        colour: Rgb,
        width: f64,
        alpha: f64,
    ) -> Drawn {
        let mut places: Vec<(i32, i32)> = points.iter().map(|&point| self.place(point)).collect();
        places.dedup();
        if places.len() < 2 {
            return Ok(());
        }
        let stroke_width = ((width * self.scale).round() as u32).max(1);
        let style = ShapeStyle { color: rgba(colour, alpha), filled: false, stroke_width };
        self.draw(&PathElement::new(places, style))
    }

    /// A dashed straight line.
    pub(super) fn dashed(
        &self,
        from: (f64, f64),
        to: (f64, f64),
        colour: Rgb,
        width: f64,
    ) -> Drawn {
        const DASH: f64 = 5.0;
        const GAP: f64 = 3.5;
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy).min(10_000.0);
        let mut at = 0.0;
        while at < length {
            let end = (at + DASH).min(length);
            let on = |way: f64| (from.0 + dx * way / length, from.1 + dy * way / length);
            self.line(&[on(at), on(end)], colour, width)?;
            at = end + GAP;
        }
        Ok(())
    }

    /// A filled polygon.
    pub(super) fn polygon(&self, points: &[(f64, f64)], colour: Rgb, alpha: f64) -> Drawn {
        let mut places: Vec<(i32, i32)> = points.iter().map(|&point| self.place(point)).collect();
        places.dedup();
        if places.len() < 3 {
            return Ok(());
        }
        self.draw(&Polygon::new(places, rgba(colour, alpha)))
    }

    /// A filled dot.
    pub(super) fn dot(&self, at: (f64, f64), radius: f64, colour: Rgb) -> Drawn {
        let radius = ((radius * self.scale).round() as u32).max(1);
        self.draw(&Circle::new(self.place(at), radius, rgba(colour, 1.0).filled()))
    }

    /// A line of text on the baseline `y`, in its full width.
    pub(super) fn text(&self, (x, y): (f64, f64), text: &str, how: Type) -> Drawn {
        let text = shown(text);
        if text.is_empty() {
            return Ok(());
        }
        let em = how.em * self.scale;
        let weight = if how.bold { FontStyle::Bold } else { FontStyle::Normal };
        let font = FontDesc::new(FontFamily::Name(FAMILIES), em * EM, weight);
        let colour = rgba(how.colour, 1.0);
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(how.anchor, VPos::Top));
        let (x, y) = self.place((x, y));
        let top = y - (TOP_TO_BASELINE * em).round() as i32;
        self.area.draw_text(&text, &style, (x, top)).map_err(DrawError::of)
    }

    /// The beginning of a text that fits in `room`, with `…` if the rest does not.
    pub(super) fn text_within(&self, at: (f64, f64), text: &str, how: Type, room: f64) -> Drawn {
        self.text(at, &self.fitted(text, how, room), how)
    }

    /// Width of a text, with the reserve for a substitute font.
    pub(super) fn width(&self, text: &str, how: Type) -> f64 {
        self.fonts.width(&shown(text), how.em, how.bold) * self.slack
    }

    /// The beginning of a text that fits in `room`, with `…` if the rest does not.
    pub(super) fn fitted<'t>(&self, text: &'t str, how: Type, room: f64) -> Cow<'t, str> {
        let whole = shown(text);
        let room = room / self.slack;
        if self.fonts.width(&whole, how.em, how.bold) <= room {
            return whole;
        }
        let mut left = room - self.fonts.width("…", how.em, how.bold);
        let fits = |c: &char| {
            left -= self.fonts.width(c.encode_utf8(&mut [0; 4]), how.em, how.bold);
            left >= 0.0
        };
        let cut: String = whole.chars().take_while(fits).collect();
        // Without room there are no dots either.
        if cut.is_empty() {
            Cow::Borrowed("")
        } else {
            Cow::Owned(cut.trim_end().to_owned() + "…")
        }
    }

    /// A text broken at spaces into at most `max` lines of at most `room`.
    pub(super) fn wrapped(&self, text: &str, how: Type, room: f64, max: usize) -> Vec<String> {
        let text = shown(text);
        let mut lines: Vec<String> = Vec::new();
        let mut words = text.split(' ').peekable();
        while lines.len() + 1 < max && words.peek().is_some() {
            let mut line = String::new();
            while let Some(word) = words.peek() {
                let longer =
                    if line.is_empty() { (*word).to_owned() } else { format!("{line} {word}") };
                if !line.is_empty() && self.width(&longer, how) > room {
                    break;
                }
                line = longer;
                words.next();
            }
            lines.push(self.fitted(&line, how, room).into_owned());
        }
        let rest: Vec<&str> = words.collect();
        if !rest.is_empty() {
            lines.push(self.fitted(&rest.join(" "), how, room).into_owned());
        }
        lines
    }

    /// A text in the first of these sizes, from large to small, each with how many lines there is
    /// room for, in which all of it fits; else as much of it as does in the last one.
    pub(super) fn set(
        &self,
        text: &str,
        how: Type,
        room: f64,
        sizes: &[(f64, usize)],
    ) -> (Type, Vec<String>) {
        let at = |em| Type { em, ..how };
        let fits = |&(em, max): &(f64, usize)| {
            let lines = self.wrapped(text, at(em), room, max + 1);
            (lines.len() <= max).then(|| (at(em), lines))
        };
        sizes.iter().find_map(fits).unwrap_or_else(|| {
            let (em, max) = sizes.last().copied().unwrap_or((how.em, 1));
            (at(em), self.wrapped(text, at(em), room, max))
        })
    }

    fn place(&self, (x, y): (f64, f64)) -> (i32, i32) {
        // Clamped far outside, so that later arithmetic cannot overflow.
        let place = |at: f64| (at * self.scale).round().clamp(-1e6, 1e6) as i32;
        (place(x), place(y))
    }

    fn draw<'e, E>(&self, element: &'e E) -> Drawn
    where
        &'e E: plotters::element::PointCollection<'e, (i32, i32)>,
        E: plotters::element::Drawable<DB>,
    {
        self.area.draw(element).map_err(DrawError::of)
    }
}

fn rgba(Rgb(red, green, blue): Rgb, alpha: f64) -> RGBAColor {
    RGBAColor(red, green, blue, alpha)
}

/// A text fit for a picture: one line, of bounded length, in characters that XML allows.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    let is_odd = |c: char| matches!(c, '\u{fffe}' | '\u{ffff}');
    let is_short = text.len() <= CHARS_MAX || text.chars().nth(CHARS_MAX).is_none();
    if is_short && !text.contains(is_odd) {
        return printable(text);
    }
    let mut cut: String = text.chars().take(CHARS_MAX).collect();
    if !is_short {
        cut.push('…');
    }
    Cow::Owned(printable(&cut.replace(is_odd, "?")).into_owned())
}

#[cfg(test)]
mod tests {
    use plotters::drawing::IntoDrawingArea;

    use super::*;
    use crate::draw::bitmap::Bitmap;
    use crate::palette;

    #[test]
    fn a_text_is_set_as_large_as_it_fits() {
        let fonts = Fonts::new().expect("fonts");
        let mut pixels = vec![[255; 3]; 4];
        let area = Bitmap::new(&fonts, &mut pixels, 2).into_drawing_area();
        let canvas = Canvas::new(&area, &fonts, 1.0, 1.0, 1.0);
        let how = Type::new(20.0, palette::INK.light);
        let set = |words: usize| {
            let text = vec!["word"; words].join(" ");
            let (how, lines) = canvas.set(&text, how, 200.0, &[(20.0, 1), (15.0, 2), (10.0, 3)]);
            assert!(lines.iter().all(|line| canvas.width(line, how) <= 200.0));
            (how.em, lines.len(), lines.concat().ends_with('…'))
        };
        assert_eq!(set(1), (20.0, 1, false));
        assert_eq!(set(6), (15.0, 2, false));
        assert_eq!(set(20), (10.0, 3, false));
        assert_eq!(set(200), (10.0, 3, true));
    }
}
