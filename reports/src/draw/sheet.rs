//! Pictures of several charts, as PNG.

use std::convert::Infallible;

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};

use super::bitmap::{self, Bitmap, GRAIN};
use super::canvas::{Canvas, Frame};
use super::font::Fonts;
use super::{DrawError, banner, draw_chart, draw_plot, draw_title};
use crate::palette;
use crate::report::{Chart, Plot, Report};

/// The main picture, in pixels.
const WIDTH: u32 = 1600;
const HEIGHT: u32 = 1200;

/// Pixels of a picture to one that charts are laid out in: at half its size it can still be read.
const ENLARGED: f64 = 1.5;

const MARGIN: f64 = 18.0;
const GAP: f64 = 22.0;

/// The main picture of a report, as PNG of 1600 by 1200: what it comes to, and the charts that
/// say most.
///
/// # Errors
/// [`DrawError`]: never for what the report has in it.
pub fn png(report: &Report) -> Result<Vec<u8>, DrawError> {
    drawn(WIDTH, HEIGHT, |canvas, page| {
        banner::draw(canvas, page, report)?;
        let body = page.inset(MARGIN, banner::HEIGHT, MARGIN, 12.0);
        let charts = main_charts(report);
        for (chart, frame) in charts.iter().zip(arranged(body, &charts)) {
            draw_chart(canvas, frame, chart)?;
        }
        Ok(())
    })
}

/// Some charts of a report, by their ids, one below the other beneath the verdict, as PNG of
/// `width` by `height` pixels (at most 10,000 each): for pictures that stand side by side.
///
/// # Errors
/// There is no such chart, or another [`DrawError`].
pub fn picture(
    report: &Report,
    charts: &[&str],
    width: u32,
    height: u32,
) -> Result<Vec<u8>, DrawError> {
    let find = |id: &&str| {
        let chart = report.charts.iter().find(|chart| chart.id == *id);
        chart.ok_or_else(|| DrawError::NoChart((*id).to_owned()))
    };
    let charts: Vec<&Chart> = charts.iter().map(find).collect::<Result<_, _>>()?;
    drawn(width.clamp(1, 10_000), height.clamp(1, 10_000), |canvas, page| {
        banner::draw_strip(canvas, page, report)?;
        let body = page.inset(12.0, banner::STRIP_HEIGHT + 12.0, 10.0, 8.0);
        for (index, chart) in charts.iter().enumerate() {
            let frame = body.row(index, charts.len(), 14.0);
            draw_title(canvas, frame, chart)?;
            draw_plot(canvas, frame.inset(0.0, 24.0, 0.0, 0.0), &chart.plot)?;
        }
        Ok(())
    })
}

/// The four that say most: lingering images, slots, times and another over time, where they are;
/// else the first ones.
fn main_charts(report: &Report) -> Vec<&Chart> {
    let mut left: Vec<&Chart> = report.charts.iter().collect();
    let mut chosen: Vec<&Chart> = Vec::new();
    let of_a_run = left.iter().any(|chart| matches!(chart.plot, Plot::Slots(_)));
    let wanted: [fn(&Plot) -> bool; 4] = [
        |plot| matches!(plot, Plot::Lines(_)),
        |plot| matches!(plot, Plot::Slots(_)),
        |plot| matches!(plot, Plot::Times(_)),
        |plot| matches!(plot, Plot::Lines(_)),
    ];
    for is_wanted in wanted.into_iter().filter(|_| of_a_run) {
        if let Some(at) = left.iter().position(|chart| is_wanted(&chart.plot)) {
            chosen.push(left.remove(at));
        }
    }
    left.truncate(4 - chosen.len());
    chosen.extend(left);
    chosen
}

/// Where charts go: two in a row, those that need the width alone.
fn arranged(body: Frame, charts: &[&Chart]) -> Vec<Frame> {
    let is_wide = |chart: &Chart| matches!(chart.plot, Plot::Panels(_) | Plot::Heat(_));
    let mut rows: Vec<usize> = Vec::new();
    let mut left = charts;
    while let [first, rest @ ..] = left {
        let pair = rest.first().is_some_and(|second| !is_wide(first) && !is_wide(second));
        let several = if pair { 2 } else { 1 };
        // Of three the main one has the width.
        let several = if rows.is_empty() && charts.len() == 3 { 1 } else { several };
        rows.push(several);
        left = &left[several..];
    }
    let count = rows.len();
    let frames = rows.into_iter().enumerate().flat_map(|(row, several)| {
        let row = body.row(row, count, GAP);
        (0..several).map(move |column| row.column(column, several, GAP + 6.0))
    });
    frames.collect()
}

/// Draws on a fresh page of `width` by `height` pixels and packs it.
fn drawn(
    width: u32,
    height: u32,
    draw: impl FnOnce(&Canvas<'_, Bitmap<'_>>, Frame) -> Result<(), DrawError>,
) -> Result<Vec<u8>, DrawError> {
    let fonts = Fonts::new()?;
    let surface = palette::SURFACE.light;
    let (wide, high) = (width * GRAIN, height * GRAIN);
    let mut pixels = vec![[surface.0, surface.1, surface.2]; wide as usize * high as usize];
    let bitmap = Bitmap::new(&fonts, &mut pixels, wide);
    let area: DrawingArea<Bitmap<'_>, Shift> = bitmap.into_drawing_area();
    let grain = f64::from(GRAIN);
    let canvas = Canvas::new(&area, &fonts, ENLARGED * grain, grain, 1.0);
    let page = Frame::new(0.0, 0.0, f64::from(width) / ENLARGED, f64::from(height) / ENLARGED);
    draw(&canvas, page)?;
    area.present().map_err(DrawError::of::<Infallible>)?;
    drop(area);
    bitmap::png(&pixels, wide)
}
