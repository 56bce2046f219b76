//! Texts of a picture: how they look, and how they fit into a room. Texts are data.

use std::borrow::Cow;

use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontDesc, FontFamily, FontStyle, TextStyle};
use plotters_backend::DrawingBackend;

use super::{Canvas, Drawn, rgba};
use crate::draw::DrawError;
use crate::draw::font::FAMILIES;
use crate::palette::Rgb;
use leakbench_model::text::printable;

/// Font size of plotters per em: its SVG backend divides by this.
pub(in crate::draw) const EM: f64 = 1.24;

/// Offset of the baseline from the top of a text in plotters' SVG backend, in em.
pub(in crate::draw) const TOP_TO_BASELINE: f64 = 0.76;

/// Characters of a text at most.
const CHARS_MAX: usize = 400;

/// Size, colour and alignment of a text.
#[derive(Clone, Copy)]
pub(in crate::draw) struct Type {
    /// Pixels to the em.
    pub(in crate::draw) em: f64,
    pub(in crate::draw) bold: bool,
    pub(in crate::draw) colour: Rgb,
    pub(in crate::draw) anchor: HPos,
}

impl Type {
    pub(in crate::draw) fn new(em: f64, colour: Rgb) -> Type {
        Type { em, bold: false, colour, anchor: HPos::Left }
    }

    pub(in crate::draw) fn bold(self) -> Type {
        Type { bold: true, ..self }
    }

    /// It ends at its position.
    pub(in crate::draw) fn end(self) -> Type {
        Type { anchor: HPos::Right, ..self }
    }

    /// Its middle is at its position.
    pub(in crate::draw) fn middle(self) -> Type {
        Type { anchor: HPos::Center, ..self }
    }
}

impl<DB: DrawingBackend> Canvas<'_, DB> {
    /// A line of text on the baseline `y`, in its full width.
    pub(in crate::draw) fn text(&self, (x, y): (f64, f64), text: &str, how: Type) -> Drawn {
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
    pub(in crate::draw) fn text_within(
        &self,
        at: (f64, f64),
        text: &str,
        how: Type,
        room: f64,
    ) -> Drawn {
        self.text(at, &self.fitted(text, how, room), how)
    }

    /// Width of a text, with the reserve for a substitute font.
    pub(in crate::draw) fn width(&self, text: &str, how: Type) -> f64 {
        self.fonts.width(&shown(text), how.em, how.bold) * self.slack
    }

    /// The beginning of a text that fits in `room`, with `…` if the rest does not.
    pub(in crate::draw) fn fitted<'t>(&self, text: &'t str, how: Type, room: f64) -> Cow<'t, str> {
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
    pub(in crate::draw) fn wrapped(
        &self,
        text: &str,
        how: Type,
        room: f64,
        max: usize,
    ) -> Vec<String> {
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
    pub(in crate::draw) fn set(
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
}

/// A text fit for a picture: one line, of bounded length, in characters that XML allows.
pub(in crate::draw) fn shown(text: &str) -> Cow<'_, str> {
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
    use crate::draw::font::Fonts;
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
