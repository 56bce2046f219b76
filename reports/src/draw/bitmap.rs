//! A plotters backend that draws to memory.
//!
//! Lines and texts are smoothed, rectangles have crisp edges. Pictures are drawn at twice the size
//! and scaled down: plotters has whole coordinates, which are then halves of pixels.

use std::convert::Infallible;

use plotters_backend::text_anchor::HPos;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontStyle,
};

use super::canvas::EM;
use super::font::Fonts;

/// Drawn pixels per pixel of the picture, in each direction.
pub(super) const GRAIN: u32 = 2;

/// A picture in memory.
pub(super) struct Bitmap<'a> {
    fonts: &'a Fonts,
    /// Red, green and blue of each pixel, row by row.
    pixels: &'a mut [[u8; 3]],
    width: u32,
    height: u32,
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl<'a> Bitmap<'a> {
    /// Draws to `pixels`, which are rows of `width`.
    pub(super) fn new(fonts: &'a Fonts, pixels: &'a mut [[u8; 3]], width: u32) -> Bitmap<'a> {
        let height = (pixels.len() / width.max(1) as usize) as u32;
        Bitmap { fonts, pixels, width, height }
    }

    fn blend(&mut self, x: i32, y: i32, colour: BackendColor, coverage: f64) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
        if x >= self.width || y >= self.height {
            return;
        }
        let at = y as usize * self.width as usize + x as usize;
        let (Some(pixel), (red, green, blue)) = (self.pixels.get_mut(at), colour.rgb) else {
            return;
        };
        let alpha = (colour.alpha * coverage * 256.0) as i32;
        for (below, above) in pixel.iter_mut().zip([red, green, blue]) {
            let (under, over) = (i32::from(*below), i32::from(above));
            *below = (under + (((over - under) * alpha) >> 8)).clamp(0, 255) as u8;
        }
    }

    /// A straight stroke with round ends.
    fn stroke(&mut self, from: BackendCoord, to: BackendCoord, colour: BackendColor, width: u32) {
        let radius = f64::from(width.max(1)) / 2.0;
        // Coordinates are corners of pixels; centres are half a pixel further.
        let [ax, ay, bx, by] = [from.0, from.1, to.0, to.1].map(f64::from);
        let (dx, dy) = (bx - ax, by - ay);
        let length = dx.hypot(dy);
        let is_flat = dx.abs() >= dy.abs();
        let (along, across) = if is_flat { (dx, dy) } else { (dy, dx) };
        let (start, end) = if is_flat { (ax, bx) } else { (ay, by) };
        let (start, end, last) =
            (start.min(end), start.max(end), if is_flat { self.width } else { self.height });
        let reach = if length > 0.0 { radius * length / along.abs() } else { radius } + 1.0;
        let first = (start - radius - 1.0).floor().max(0.0) as i32;
        let last = (end + radius + 1.0).ceil().min(f64::from(last)) as i32;
        for step in first..last {
            let at = (f64::from(step) + 0.5).clamp(start, end);
            let (origin, other) = if is_flat { (ax, ay) } else { (ay, ax) };
            let middle = if length > 0.0 { other + across * (at - origin) / along } else { other };
            for side in (middle - reach).floor() as i32..=(middle + reach).ceil() as i32 {
                let (x, y) = if is_flat { (step, side) } else { (side, step) };
                let (px, py) = (f64::from(x) + 0.5 - ax, f64::from(y) + 0.5 - ay);
                let share = if length > 0.0 {
                    ((px * dx + py * dy) / (length * length)).clamp(0.0, 1.0)
                } else {
                    0.0
                };
                let distance = (px - share * dx).hypot(py - share * dy);
                let coverage = radius + 0.5 - distance;
                if coverage > 0.0 {
                    self.blend(x, y, colour, coverage.min(1.0));
                }
            }
        }
    }
}

impl DrawingBackend for Bitmap<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, colour: BackendColor) -> Drawn {
        self.blend(x, y, colour, 1.0);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.stroke(from, to, style.color(), style.stroke_width());
        Ok(())
    }

    /// A filled rectangle without its right and its lower edge, so that neighbours do not overlap.
    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        lower_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let ((left, top), (right, bottom)) = (upper_left, lower_right);
        if fill {
            let (width, height) = (self.width as i32, self.height as i32);
            let columns = left.clamp(0, width)..right.clamp(0, width);
            let (colour, is_opaque) = (style.color(), style.color().alpha >= 1.0);
            let (red, green, blue) = colour.rgb;
            let filled = [[red, green, blue]].repeat(columns.len());
            for y in top.clamp(0, height)..bottom.clamp(0, height) {
                if !is_opaque {
                    columns.clone().for_each(|x| self.blend(x, y, colour, 1.0));
                    continue;
                }
                let start = y as usize * self.width as usize + columns.start as usize;
                if let Some(pixels) = self.pixels.get_mut(start..start + filled.len()) {
                    pixels.copy_from_slice(&filled);
                }
            }
            return Ok(());
        }
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        self.draw_path(corners, style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let mut path = path.into_iter();
        let Some(mut from) = path.next() else { return Ok(()) };
        for to in path {
            self.stroke(from, to, style.color(), style.stroke_width());
            from = to;
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        centre: BackendCoord,
        radius: u32,
        style: &S,
        _fill: bool,
    ) -> Drawn {
        self.stroke(centre, centre, style.color(), 2 * radius);
        Ok(())
    }

    /// Fills by the even-odd rule, smoothed at the left and at the right.
    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Drawn {
        let corners: Vec<(f64, f64)> =
            corners.into_iter().map(|(x, y)| (f64::from(x), f64::from(y))).collect();
        let edges = || corners.iter().zip(corners.iter().cycle().skip(1));
        let limit = f64::from(self.height);
        let top = corners.iter().map(|(_, y)| *y).fold(limit, f64::min).max(0.0) as i32;
        let bottom = corners.iter().map(|(_, y)| *y).fold(0.0, f64::max).min(limit) as i32;
        let mut crossings: Vec<Vec<f64>> = vec![Vec::new(); (bottom - top).max(0) as usize];
        for (&(ax, ay), &(bx, by)) in edges() {
            let (from, to) = (ay.min(by).max(f64::from(top)), ay.max(by).min(f64::from(bottom)));
            for y in from as i32..to as i32 {
                let share = (f64::from(y) + 0.5 - ay) / (by - ay);
                if let Some(row) = crossings.get_mut((y - top) as usize) {
                    row.push(ax + share * (bx - ax));
                }
            }
        }
        for (y, mut row) in (top..).zip(crossings) {
            row.sort_by(f64::total_cmp);
            for inside in row.chunks_exact(2) {
                let (from, to) = (inside[0].max(0.0), inside[1].min(f64::from(self.width)));
                for x in from.floor() as i32..to.ceil() as i32 {
                    let covered = to.min(f64::from(x) + 1.0) - from.max(f64::from(x));
                    self.blend(x, y, style.color(), covered);
                }
            }
        }
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        (x, baseline): BackendCoord,
    ) -> Drawn {
        let em = style.size() / EM;
        let bold = matches!(style.style(), FontStyle::Bold);
        let width = self.fonts.width(text, em, bold);
        let left = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Right => -width,
            HPos::Center => -width / 2.0,
        };
        let start =
            (f64::from(x) + left, f64::from(baseline) + super::canvas::TOP_TO_BASELINE * em);
        for outline in self.fonts.outlines(text, start, em, bold) {
            let bounds = outline.px_bounds();
            let (left, top) = (bounds.min.x as i32, bounds.min.y as i32);
            outline.draw(|x, y, coverage| {
                self.blend(left + x as i32, top + y as i32, style.color(), f64::from(coverage));
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use plotters_backend::BackendColor;

    use super::*;

    const BLACK: BackendColor = BackendColor { rgb: (0, 0, 0), alpha: 1.0 };

    #[test]
    fn a_polygon_covers_what_is_in_it() {
        let fonts = Fonts::new().expect("fonts");
        let black = |corners: &[BackendCoord]| {
            let mut pixels = vec![[255; 3]; 20 * 20];
            let mut bitmap = Bitmap::new(&fonts, &mut pixels, 20);
            bitmap.fill_polygon(corners.iter().copied(), &BLACK).expect("drawn");
            pixels.iter().map(|[red, ..]| f64::from(255 - red) / 255.0).sum::<f64>()
        };
        assert_eq!(black(&[(2, 3), (12, 3), (12, 8), (2, 8)]), 50.0);
        assert!((black(&[(0, 0), (20, 0), (0, 20)]) - 200.0).abs() < 2.0);
        assert_eq!(black(&[(-5_000, -5_000), (10, -5_000), (10, 5_000), (-5_000, 5_000)]), 200.0);
        assert_eq!(black(&[(30, 0), (40, 0), (40, 10)]) + black(&[(0, 30), (9, 40), (0, 40)]), 0.0);
    }
}
