//! The font inside the program, since a fresh machine has none: Inter in two weights, reduced to the
//! needed glyphs by `scripts/subset-font`.

use ab_glyph::{Font, FontRef, Glyph, OutlinedGlyph, PxScale, ScaleFont, point};

use super::DrawError;

/// Font family of an SVG: this font or, if the reader lacks it, one of about its width.
pub(super) const FAMILIES: &str = "Inter, Roboto, Helvetica, Arial, sans-serif";

static REGULAR: &[u8] = include_bytes!("../../assets/Inter-Regular.otf");
static BOLD: &[u8] = include_bytes!("../../assets/Inter-Bold.otf");

/// Both weights, for measuring and drawing.
pub(super) struct Fonts {
    regular: FontRef<'static>,
    bold: FontRef<'static>,
}

impl Fonts {
    /// Reads both.
    ///
    /// # Errors
    /// One of them is damaged.
    pub(super) fn new() -> Result<Fonts, DrawError> {
        let read = |font| FontRef::try_from_slice(font).map_err(|_| DrawError::Font);
        Ok(Fonts { regular: read(REGULAR)?, bold: read(BOLD)? })
    }

    /// Width of a line of text at `em` pixels to the em.
    pub(super) fn width(&self, text: &str, em: f64, bold: bool) -> f64 {
        let font = self.weight(bold);
        let scaled = font.as_scaled(scale(font, em));
        text.chars().map(|c| f64::from(scaled.h_advance(font.glyph_id(c)))).sum()
    }

    /// The outlines of a line of text from `x` on the baseline `y`. A character that the font lacks
    /// is a box.
    pub(super) fn outlines(
        &self,
        text: &str,
        (x, y): (f64, f64),
        em: f64,
        bold: bool,
    ) -> Vec<OutlinedGlyph> {
        let font = self.weight(bold);
        let scale = scale(font, em);
        let scaled = font.as_scaled(scale);
        let mut x = x as f32;
        let mut outlines = Vec::with_capacity(text.len());
        for c in text.chars() {
            let id = font.glyph_id(c);
            let glyph = Glyph { id, scale, position: point(x, y as f32) };
            outlines.extend(font.outline_glyph(glyph));
            x += scaled.h_advance(id);
        }
        outlines
    }

    fn weight(&self, bold: bool) -> &FontRef<'static> {
        if bold { &self.bold } else { &self.regular }
    }
}

/// The rasterizer's scale is the height of the font, not the em.
fn scale(font: &FontRef<'_>, em: f64) -> PxScale {
    let units = font.units_per_em().unwrap_or(1.0);
    PxScale::from(em as f32 * font.height_unscaled() / units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_what_pictures_say_and_a_box_for_the_rest() {
        let fonts = Fonts::new().expect("fonts");
        for bold in [false, true] {
            let font = fonts.weight(bold);
            for c in "09azAZ…—–·×→←↑↓≥≤±≈µ‘’“”%/()[]{}<>&\"'\\|~^`@#$äßéñØ".chars()
            {
                assert_ne!(font.glyph_id(c).0, 0, "{c}");
            }
            let box_width = fonts.width("大", 10.0, bold);
            assert!((2.0..15.0).contains(&box_width), "{box_width}");
            assert_eq!(fonts.outlines("大", (0.0, 0.0), 10.0, bold).len(), 1);
        }
    }

    #[test]
    fn widths_are_in_proportion_to_the_em() {
        let fonts = Fonts::new().expect("fonts");
        let narrow = fonts.width("942 of 3,000", 10.0, false);
        assert!((50.0..80.0).contains(&narrow), "{narrow}");
        assert!((fonts.width("942 of 3,000", 20.0, false) - 2.0 * narrow).abs() < 0.1);
        assert!(fonts.width("942 of 3,000", 10.0, true) > narrow);
        assert_eq!(fonts.width("", 10.0, true), 0.0);
    }
}
