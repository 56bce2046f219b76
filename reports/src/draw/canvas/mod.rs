//! The surface of every chart: a plotters drawing area with fractional pixels as coordinates, and
//! texts that are data.

mod frame;
mod text;

pub(super) use frame::Frame;
pub(super) use text::{EM, TOP_TO_BASELINE, Type, shown};

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, PathElement, Polygon, Rectangle};
use plotters::style::{Color, RGBAColor, ShapeStyle};
use plotters_backend::DrawingBackend;

use super::DrawError;
use super::font::Fonts;
use crate::palette::Rgb;

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

    /// A line through points; if it is `dashed`, with these lengths of a dash and of a gap.
    pub(super) fn path(
        &self,
        points: &[(f64, f64)],
        colour: Rgb,
        width: f64,
        dashed: Option<[f64; 2]>,
    ) -> Drawn {
        let Some([dash, gap]) = dashed else { return self.line(points, colour, width) };
        // Length since the last dash began.
        let mut at = 0.0;
        for (from, to) in points.iter().zip(points.iter().skip(1)) {
            let (dx, dy) = (to.0 - from.0, to.1 - from.1);
            let length = dx.hypot(dy).min(10_000.0);
            let mut done = 0.0;
            while done < length {
                let is_dash = at < dash;
                let step = (if is_dash { dash - at } else { dash + gap - at }).min(length - done);
                let on = |way: f64| (from.0 + dx * way / length, from.1 + dy * way / length);
                if is_dash {
                    self.line(&[on(done), on(done + step)], colour, width)?;
                }
                done += step.max(0.01);
                at = (at + step.max(0.01)) % (dash + gap);
            }
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
