//! Pictures of a report, by plotters: each chart as SVG, the main ones together as PNG. They are
//! light, for print and for other pages. The report's own page draws its charts by scripts.
//!
//! Each kind of plot has a file, which draws on any backend. The font is inside the program.

mod across;
mod axis;
mod banner;
mod bitmap;
mod canvas;
mod encoder;
mod events;
mod fits;
mod font;
mod heat;
mod legend;
mod lines;
mod marks;
mod panels;
mod peaks;
mod proof;
mod shares;
mod sheet;
mod slots;
mod spreads;
mod survival;
mod times;

use std::error::Error;

use plotters::backend::SVGBackend;
use plotters::drawing::{DrawingAreaErrorKind, IntoDrawingArea};
use plotters::style::RGBColor;
use plotters_backend::DrawingBackend;

use self::canvas::{Canvas, Frame, Type, shown};
use self::font::Fonts;
use crate::palette::{self, Rgb};
use crate::report::{Chart, Plot};

pub use self::sheet::{picture, png};

/// A picture cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// The font inside the program cannot be read: the program is damaged.
    #[error("the font inside leakbench is damaged: install leakbench again")]
    Font,
    /// The surface failed.
    #[error("cannot draw: {0}")]
    Surface(String),
    /// There is no chart of that name.
    #[error("the report has no chart '{name}': it has {}", known.join(", "))]
    NoChart {
        /// The requested id.
        name: String,
        /// The ids of the report's charts.
        known: Vec<String>,
    },
    /// The picture cannot be encoded.
    #[error("cannot make a PNG: {0}")]
    Png(#[from] png::EncodingError),
}

impl DrawError {
    fn of<E: Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> DrawError {
        DrawError::Surface(error.to_string())
    }
}

/// Coordinates of an SVG per pixel: plotters has whole coordinates.
const SVG_SCALE: u32 = 4;
const SVG_WIDTH: f64 = 900.0;
/// Width of DejaVu Sans, a common substitute, as a multiple of this font.
const SVG_SLACK: f64 = 1.1;

/// Sizes of headings, labels and small remarks, in pixels to the em.
const TITLE_EM: f64 = 14.0;
const LABEL_EM: f64 = 11.0;

/// A chart as an SVG document.
///
/// # Errors
/// [`DrawError`], never because of the chart's data.
pub fn svg(chart: &Chart) -> Result<String, DrawError> {
    let fonts = Fonts::new()?;
    let (width, height) = (SVG_WIDTH as u32, svg_height(chart).min(20_000.0) as u32);
    let size = (width * SVG_SCALE, height * SVG_SCALE);
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        let [red, green, blue] = {
            let surface = palette::SURFACE.light;
            [surface.0, surface.1, surface.2]
        };
        area.fill(&RGBColor(red, green, blue)).map_err(DrawError::of)?;
        let scale = f64::from(SVG_SCALE);
        let canvas = Canvas::new(&area, &fonts, scale, scale, SVG_SLACK);
        let page = Frame::new(0.0, 0.0, f64::from(width), f64::from(height));
        draw_chart(&canvas, page.inset(16.0, MARGIN_TOP, 20.0, MARGIN_BOTTOM), chart)?;
        area.present().map_err(DrawError::of)?;
    }
    Ok(finished(&text, size, (width, height), chart))
}

/// The output of plotters with the size in pixels and a title, without default attributes. Texts
/// in it are escaped, so every quote belongs to an attribute.
fn finished(text: &str, drawn: (u32, u32), meant: (u32, u32), chart: &Chart) -> String {
    let body = text.split_once(">\n").map_or("", |(_, body)| body);
    let body = body.replace(" opacity=\"1\"", "").replace(" stroke=\"none\"", "");
    let (title, reads) = (shown(&chart.title), shown(&chart.reads));
    let [title, reads] = [title, reads].map(|it| quick_xml::escape::escape(it).into_owned());
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{}\" height=\"{}\" \
         viewBox=\"0 0 {} {}\">\n<title>{title}</title>\n<desc>{reads}</desc>\n\
         <style>rect{{shape-rendering:crispEdges}}polyline{{stroke-linejoin:round}}</style>\n{body}",
        meant.0, meant.1, drawn.0, drawn.1,
    )
}

/// Height of a chart with its title, if nothing limits it.
fn svg_height(chart: &Chart) -> f64 {
    let around = MARGIN_TOP + HEADING + MARGIN_BOTTOM;
    match &chart.plot {
        Plot::Lines(_) | Plot::Times(_) | Plot::Survival(_) => 340.0,
        Plot::Slots(_) => 420.0,
        Plot::Heat(heat) => heat::height(heat, &chart.title) + around,
        Plot::Panels(panels) => panels::height(panels) + around,
        Plot::Proof(_) => proof::height() + around,
        Plot::Peaks(peaks) => peaks::height(peaks) + around,
        Plot::Spreads(spreads) => spreads::height(spreads) + around,
    }
}

/// Height of the title and the sentence beneath it.
const HEADING: f64 = 55.0;
/// Above and below a chart as SVG.
const MARGIN_TOP: f64 = 14.0;
const MARGIN_BOTTOM: f64 = 10.0;

/// Draws a chart with its title and caption.
fn draw_chart<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    chart: &Chart,
) -> Result<(), DrawError> {
    let reads = Type::new(LABEL_EM, palette::MUTED.light);
    draw_title(canvas, frame, chart)?;
    let mut top = 18.0;
    // Heights of heat maps and panels have room for two.
    let lines = if matches!(chart.plot, Plot::Heat(_) | Plot::Panels(_)) { 2 } else { 3 };
    for line in canvas.wrapped(&chart.reads, reads, frame.width(), lines) {
        canvas.text((frame.left, frame.top + top + 11.0), &line, reads)?;
        top += 15.0;
    }
    draw_plot(canvas, frame.inset(0.0, top + 7.0, 0.0, 0.0), chart)
}

fn draw_title<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    chart: &Chart,
) -> Result<(), DrawError> {
    let title = Type::new(TITLE_EM, palette::INK.light).bold();
    canvas.text_within((frame.left, frame.top + 12.0), &chart.title, title, frame.width())
}

fn draw_plot<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    chart: &Chart,
) -> Result<(), DrawError> {
    match &chart.plot {
        Plot::Lines(plot) => lines::draw(canvas, frame, plot),
        Plot::Slots(plot) => slots::draw(canvas, frame, plot),
        Plot::Times(plot) => times::draw(canvas, frame, plot),
        Plot::Survival(plot) => survival::draw(canvas, frame, plot),
        Plot::Heat(plot) => heat::draw(canvas, frame, plot, &chart.title),
        Plot::Panels(plot) => panels::draw(canvas, frame, plot),
        Plot::Proof(plot) => proof::draw(canvas, frame, plot),
        Plot::Peaks(plot) => peaks::draw(canvas, frame, plot),
        Plot::Spreads(plot) => spreads::draw(canvas, frame, plot),
    }
}

/// Draws the reason why the chart is empty.
fn draw_nothing<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    why: &str,
) -> Result<(), DrawError> {
    canvas.fill(frame, palette::RAISED.light)?;
    let middle = ((frame.left + frame.right) / 2.0, (frame.top + frame.bottom) / 2.0 + 4.0);
    let how = Type::new(12.0, palette::MUTED.light).middle();
    canvas.text_within(middle, why, how, frame.width() - 20.0)
}

/// A readable text colour on a background.
fn on(Rgb(red, green, blue): Rgb) -> Rgb {
    let light = 0.3 * f64::from(red) + 0.59 * f64::from(green) + 0.11 * f64::from(blue);
    if light > 140.0 { palette::INK.light } else { palette::SURFACE.light }
}
