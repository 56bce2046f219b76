//! Pictures of several charts, as PNG: [`choice`] has the charts, [`arrangement`] their places.

mod arrangement;
mod choice;

use std::convert::Infallible;

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};

use super::bitmap::{Bitmap, GRAIN};
use super::canvas::{Canvas, Frame};
use super::font::Fonts;
use super::{DrawError, banner, draw_chart, draw_plot, draw_title, encoder};
use crate::palette;
use crate::report::{Chart, Plot, Report};

/// Pixels of a picture per pixel of the layout: the picture can be read at half its size.
const ENLARGED: f64 = 1.5;

/// Size of the main picture, and its height at most.
const WIDTH: f64 = 1600.0 / ENLARGED;
const HEIGHT: f64 = 1200.0 / ENLARGED;
const HEIGHT_MOST: f64 = 2400.0 / ENLARGED;

const MARGIN: f64 = 18.0;
const MARGIN_BOTTOM: f64 = 12.0;

/// Height of a chart in a picture of chosen ones from which on it has its caption.
const CAPTIONED_LEAST: f64 = 320.0;

/// The main picture of a report, as PNG: verdict, figures and the main charts. It is 1600 pixels
/// wide and 1200 high, up to 2400 for several runs, and lower if there is little to draw.
///
/// # Errors
/// [`DrawError`], never because of the report's data.
pub fn png(report: &Report) -> Result<Vec<u8>, DrawError> {
    let rows = arrangement::rows(report);
    let needed = arrangement::page_height(rows.iter());
    let min = if rows.iter().any(|row| row.stretches) { HEIGHT } else { 0.0 };
    let height = needed.clamp(min, HEIGHT_MOST);
    let [width, height] = [WIDTH, height].map(|length| (length * ENLARGED).round() as u32);
    drawn(width, height, |canvas, page| {
        banner::draw(canvas, page, report)?;
        let body = page.inset(MARGIN, banner::HEIGHT, MARGIN, MARGIN_BOTTOM);
        let mut listed: Vec<String> = Vec::new();
        for (chart, frame) in arrangement::arranged(body, &rows) {
            draw_chart(canvas, frame, &unlisted(chart, &mut listed))?;
        }
        Ok(())
    })
}

/// The chart without the words of events and incidents that an earlier chart of the picture has.
fn unlisted(chart: &Chart, listed: &mut Vec<String>) -> Chart {
    let mut chart = chart.clone();
    if let Plot::Lines(lines) = &mut chart.plot {
        let worded = lines.marks.iter().filter(|mark| mark.is_worded());
        let texts: Vec<String> = worded.map(|mark| mark.text.clone()).collect();
        if *listed == texts {
            for mark in lines.marks.iter_mut().filter(|mark| mark.is_worded()) {
                mark.text.clear();
                mark.label.clear();
            }
        }
        *listed = texts;
    }
    chart
}

/// The charts of these ids, one below the other beneath the verdict, as PNG of `width` by `height`
/// pixels (at most 10,000 each): for pictures that stand side by side. Low ones have no captions.
///
/// # Errors
/// There is no chart of an id, or another [`DrawError`].
pub fn picture(
    report: &Report,
    charts: &[&str],
    width: u32,
    height: u32,
) -> Result<Vec<u8>, DrawError> {
    let find = |id: &&str| {
        let chart = report.charts.iter().find(|chart| chart.id == *id);
        chart.ok_or_else(|| DrawError::NoChart {
            name: (*id).to_owned(),
            known: report.charts.iter().map(|chart| chart.id.clone()).collect(),
        })
    };
    let charts: Vec<&Chart> = charts.iter().map(find).collect::<Result<_, _>>()?;
    drawn(width.clamp(1, 10_000), height.clamp(1, 10_000), |canvas, page| {
        banner::draw_strip(canvas, page, report)?;
        let body = page.inset(12.0, banner::STRIP_HEIGHT + 12.0, 10.0, 8.0);
        for (index, chart) in charts.iter().enumerate() {
            let frame = body.row(index, charts.len(), 14.0);
            if frame.height() >= CAPTIONED_LEAST {
                draw_chart(canvas, frame, chart)?;
            } else {
                draw_title(canvas, frame, chart)?;
                draw_plot(canvas, frame.inset(0.0, 24.0, 0.0, 0.0), chart)?;
            }
        }
        Ok(())
    })
}

/// Draws on a new page of `width` by `height` pixels and encodes it.
fn drawn(
    width: u32,
    height: u32,
    draw: impl FnOnce(&Canvas<'_, Bitmap<'_>>, Frame) -> Result<(), DrawError>,
) -> Result<Vec<u8>, DrawError> {
    let fonts = Fonts::new()?;
    let surface = palette::SURFACE.light;
    let (wide, high) = (width * GRAIN, height * GRAIN);
    let mut pixels = [[surface.0, surface.1, surface.2]].repeat(wide as usize * high as usize);
    let bitmap = Bitmap::new(&fonts, &mut pixels, wide);
    let area: DrawingArea<Bitmap<'_>, Shift> = bitmap.into_drawing_area();
    let grain = f64::from(GRAIN);
    let canvas = Canvas::new(&area, &fonts, ENLARGED * grain, grain, 1.0);
    let page = Frame::new(0.0, 0.0, f64::from(width) / ENLARGED, f64::from(height) / ENLARGED);
    draw(&canvas, page)?;
    area.present().map_err(DrawError::of::<Infallible>)?;
    drop(area);
    encoder::encode_png(&pixels, wide)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Lines, Mark, MarkKind};

    /// The first chart has the labels and texts of marks, and the others only what it has not.
    #[test]
    fn an_incident_has_its_words_in_one_chart_of_a_picture() {
        let died = |text: &str| {
            let mark = Mark {
                kind: MarkKind::Incident,
                from_s: 1.0,
                to_s: 1.0,
                text: text.to_owned(),
                cycles: None,
                label: String::new(),
            };
            let plot = Plot::Lines(Lines { marks: vec![mark], ..Lines::default() });
            Chart { id: "lines".to_owned(), title: String::new(), reads: String::new(), plot }
        };
        let mut listed = Vec::new();
        let mut words = |of: &str| match unlisted(&died(of), &mut listed).plot {
            Plot::Lines(lines) => lines.marks[0].text.clone(),
            _ => panic!("lines"),
        };
        assert_eq!(words("it was killed"), "it was killed");
        assert_eq!(words("it was killed"), "");
        assert_eq!(words("it hung"), "it hung", "other incidents are named");
    }
}
