//! Pictures of several charts, as PNG.

use std::convert::Infallible;

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};

use super::bitmap::{Bitmap, GRAIN};
use super::canvas::{Canvas, Frame};
use super::font::Fonts;
use super::{
    DrawError, HEADING, banner, draw_chart, draw_plot, draw_title, encoder, heat, panels, proof,
    spreads,
};
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
const GAP: f64 = 22.0;
const COLUMN_GAP: f64 = 28.0;

/// Height of a chart in a picture of chosen ones from which on it has its caption.
const CAPTIONED_LEAST: f64 = 320.0;

/// Height of a chart at least, and of a map at most; many rows have lower maps.
const CHART_LEAST: f64 = 200.0;
const MAP_MOST: f64 = 340.0;

/// The main picture of a report, as PNG: verdict, figures and the main charts. It is 1600 pixels
/// wide and 1200 high, up to 2400 for several runs, and lower if there is little to draw.
///
/// # Errors
/// [`DrawError`], never because of the report's data.
pub fn png(report: &Report) -> Result<Vec<u8>, DrawError> {
    let rows = rows(report);
    let needed = page_height(rows.iter());
    let min = if rows.iter().any(|row| row.stretches) { HEIGHT } else { 0.0 };
    let height = needed.clamp(min, HEIGHT_MOST);
    let [width, height] = [WIDTH, height].map(|length| (length * ENLARGED).round() as u32);
    drawn(width, height, |canvas, page| {
        banner::draw(canvas, page, report)?;
        let body = page.inset(MARGIN, banner::HEIGHT, MARGIN, MARGIN_BOTTOM);
        let mut listed: Vec<String> = Vec::new();
        for (chart, frame) in arranged(body, &rows) {
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

/// The main charts: of a run without a leak the proof, times and peaks; of a dead subject the first
/// ones, which say what it ran out of; of a leak lingering images, slots, survival and times. Else the
/// first ones, four at most.
fn main_charts(report: &Report) -> Vec<&Chart> {
    let is = |chart: &Chart, wanted: fn(&Plot) -> bool| wanted(&chart.plot);
    let has = |wanted: fn(&Plot) -> bool| report.charts.iter().any(|chart| is(chart, wanted));
    let is_proof: fn(&Plot) -> bool = |plot| matches!(plot, Plot::Proof(_));
    let is_peaks: fn(&Plot) -> bool = |plot| matches!(plot, Plot::Peaks(_));
    let is_times: fn(&Plot) -> bool = |plot| matches!(plot, Plot::Times(_));
    let is_proved = has(is_proof);
    let mut left: Vec<&Chart> =
        report.charts.iter().filter(|chart| !(is_proved && chart.is_quiet())).collect();
    let is_dead = left.iter().take(2).any(|chart| is(chart, is_peaks));
    let wanted: &[fn(&Plot) -> bool] = match (is_dead, is_proved) {
        (true, _) => &[],
        (false, true) => &[is_proof, is_times, is_peaks],
        (false, false) if has(|plot| matches!(plot, Plot::Slots(_) | Plot::Survival(_))) => &[
            |plot| matches!(plot, Plot::Lines(_)),
            |plot| matches!(plot, Plot::Slots(_)),
            |plot| matches!(plot, Plot::Survival(_)),
            is_times,
            |plot| matches!(plot, Plot::Lines(_)),
        ],
        (false, false) => &[],
    };
    let mut chosen: Vec<&Chart> = Vec::new();
    for is_wanted in wanted {
        if let Some(at) = left.iter().position(|chart| is_wanted(&chart.plot)) {
            chosen.push(left.remove(at));
        }
    }
    if is_dead || !is_proved {
        chosen.extend(left);
    }
    chosen.truncate(4);
    chosen
}

/// Charts side by side, of equal width.
struct Row<'a> {
    charts: Vec<&'a Chart>,
    /// Columns of the row; the last ones may be empty.
    columns: usize,
    least_height: f64,
    /// Its share of the remaining height.
    stretches: bool,
}

/// Charts of a report as rows of a page.
fn rows(report: &Report) -> Vec<Row<'_>> {
    let of_several =
        |chart: &Chart| matches!(chart.plot, Plot::Panels(_) | Plot::Heat(_) | Plot::Spreads(_));
    if report.charts.iter().any(of_several) {
        rows_of_several_runs(&report.charts)
    } else {
        rows_of_a_run(main_charts(report))
    }
}

/// Two charts in a row; of three the main one has a row of its own.
fn rows_of_a_run(charts: Vec<&Chart>) -> Vec<Row<'_>> {
    let alone = charts.len() % 2;
    let (first, pairs) = charts.split_at(alone);
    let rows = first.chunks(1).chain(pairs.chunks(2));
    rows.map(|charts| {
        let is_proof = matches!(charts, [chart] if matches!(chart.plot, Plot::Proof(_)));
        let least_height = if is_proof { HEADING + proof::height() } else { CHART_LEAST };
        let columns = charts.len();
        Row { charts: charts.to_vec(), columns, least_height, stretches: !is_proof }
    })
    .collect()
}

/// The main map, panels, and the other maps side by side. Rows beyond the maximum height are left
/// out, and so are all panels but the first if they would make the page higher.
fn rows_of_several_runs(charts: &[Chart]) -> Vec<Row<'_>> {
    let maps: Vec<(&Chart, f64)> = charts
        .iter()
        .filter_map(|chart| match &chart.plot {
            Plot::Heat(map) => Some((chart, heat::height(map, &chart.title))),
            _ => None,
        })
        .collect();
    let (main, others) = maps.split_at(maps.len().min(1));
    let mut of_maps = main.chunks(1).chain(others.chunks(2)).map(|maps| {
        let highest = maps.iter().map(|(_, high)| *high).fold(0.0, f64::max);
        Row {
            charts: maps.iter().map(|(chart, _)| *chart).collect(),
            columns: maps.len(),
            least_height: HEADING + highest.min(MAP_MOST),
            stretches: false,
        }
    });
    let (small, panels): (Vec<&Chart>, Vec<&Chart>) =
        charts.iter().partition(|chart| match &chart.plot {
            Plot::Panels(panels) => panels.panels.len() == 1,
            Plot::Spreads(_) => true,
            _ => false,
        });
    let mut of_panels = panels.into_iter().filter_map(|chart| match &chart.plot {
        Plot::Panels(panels) => Some(Row {
            charts: vec![chart],
            columns: 1,
            least_height: HEADING + panels::least_height(panels),
            stretches: true,
        }),
        _ => None,
    });
    let mut rows: Vec<Row<'_>> = of_maps.next().into_iter().collect();
    rows.extend(rows_of_small(&small));
    rows.extend(of_panels.next());
    for row in of_maps {
        if page_height(rows.iter().chain([&row])) > HEIGHT_MOST {
            break;
        }
        rows.push(row);
    }
    for row in of_panels {
        if page_height(rows.iter().chain([&row])) <= HEIGHT {
            rows.push(row);
        }
    }
    rows
}

/// Charts without panels of several runs, two in a row; of an odd number the last is alone.
fn rows_of_small<'a>(charts: &[&'a Chart]) -> Vec<Row<'a>> {
    let rows = charts.chunks(2).map(|charts| {
        let height = |chart: &&Chart| match &chart.plot {
            Plot::Spreads(spreads) => (HEADING + spreads::height(spreads)).min(MAP_MOST),
            _ => CHART_LEAST,
        };
        Row {
            charts: charts.to_vec(),
            columns: charts.len(),
            least_height: charts.iter().map(height).fold(0.0, f64::max),
            stretches: charts.iter().any(|chart| !matches!(chart.plot, Plot::Spreads(_))),
        }
    });
    rows.collect()
}

/// Height of a page of these rows.
fn page_height<'a>(rows: impl Iterator<Item = &'a Row<'a>>) -> f64 {
    let (count, heights) =
        rows.fold((0_u32, 0.0), |(count, sum), row| (count + 1, sum + row.least_height));
    banner::HEIGHT + heights + GAP * f64::from(count.saturating_sub(1)) + MARGIN_BOTTOM
}

/// The frame of each chart.
fn arranged<'a>(body: Frame, rows: &[Row<'a>]) -> Vec<(&'a Chart, Frame)> {
    let gaps = GAP * rows.len().saturating_sub(1) as f64;
    let min: f64 = rows.iter().map(|row| row.least_height).sum();
    let stretching = rows.iter().filter(|row| row.stretches).count();
    let more = (body.height() - gaps - min) / stretching.max(1) as f64;
    let mut top = body.top;
    let mut placed = Vec::new();
    for row in rows {
        let height = row.least_height + if row.stretches { more } else { 0.0 };
        let frame = Frame::new(body.left, top, body.width(), height);
        let columns = (0..row.columns).map(|column| frame.column(column, row.columns, COLUMN_GAP));
        placed.extend(row.charts.iter().copied().zip(columns));
        top = frame.bottom + GAP;
    }
    placed
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
    use proptest::prelude::*;

    use super::*;
    use crate::report::{
        Heat, HeatCell, Lines, Mark, MarkKind, Panel, Panels, Peaks, Proof, SlotMaps, Survival,
        Times, Tone,
    };

    fn chart(id: &str, plot: Plot) -> Chart {
        Chart { id: id.to_owned(), title: String::new(), reads: String::new(), plot }
    }

    fn of_panels(id: &str, count: usize) -> Chart {
        let panel = Panel {
            name: String::new(),
            note: String::new(),
            tone: Tone::Good,
            lines: Lines::default(),
        };
        chart(id, Plot::Panels(Panels { panels: vec![panel; count], ..Panels::default() }))
    }

    fn of_cells(columns: usize, rows: usize) -> Chart {
        let cell = HeatCell {
            value: Some(0.0),
            text: String::new(),
            tone: Tone::Good,
            name: String::new(),
        };
        let cells = vec![vec![cell; columns]; rows];
        chart("heat", Plot::Heat(Heat { cells, ..Heat::default() }))
    }

    fn ids<'a>(rows: &[Row<'a>]) -> Vec<&'a str> {
        rows.iter().flat_map(|row| &row.charts).map(|chart| chart.id.as_str()).collect()
    }

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
            chart("lines", Plot::Lines(Lines { marks: vec![mark], ..Lines::default() }))
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

    /// The charts that explain each verdict, in a picture.
    #[test]
    fn a_picture_shows_what_explains_the_verdict() {
        let report = |charts: Vec<Chart>| Report {
            title: String::new(),
            verdict: leakbench_model::Verdict::Clean,
            headline: String::new(),
            suspects: Vec::new(),
            figures: Vec::new(),
            charts,
            next: Vec::new(),
            findings: Vec::new(),
            lingering: None,
            tables: Vec::new(),
            facts: Vec::new(),
            unmeasured: Vec::new(),
        };
        let shown = |charts: Vec<Chart>| {
            let report = report(charts);
            let ids = main_charts(&report).into_iter().map(|chart| chart.id.clone());
            ids.collect::<Vec<String>>().join(" ")
        };
        let lines = |id: &str| chart(id, Plot::Lines(Lines::default()));
        let slots = || chart("slots", Plot::Slots(SlotMaps::default()));
        let times = || chart("release", Plot::Times(Times::default()));
        let peaks = || chart("peaks", Plot::Peaks(Peaks::default()));
        let proof = || chart("proof", Plot::Proof(Proof::default()));
        let survival = chart("survival", Plot::Survival(Survival::default()));
        let clean = vec![proof(), lines("mappings"), slots(), times(), peaks()];
        assert_eq!(shown(clean), "proof release peaks");
        let leak = vec![lines("lingering"), lines("mappings"), slots(), times(), peaks(), survival];
        assert_eq!(shown(leak), "lingering slots survival release");
        let died = vec![lines("descriptors"), peaks(), proof(), lines("mappings"), times()];
        assert_eq!(shown(died), "descriptors peaks proof mappings");
        let observed = vec![lines("memory"), lines("sockets")];
        assert_eq!(shown(observed), "memory sockets");
    }

    #[test]
    fn mappings_are_shown_where_panels_leave_room_for_them() {
        let two = [of_panels("panels", 2), of_panels("panels-mappings", 2)];
        assert_eq!(ids(&rows_of_several_runs(&two)), ["panels", "panels-mappings"]);
        let nine = [of_cells(3, 3), of_panels("panels", 9), of_panels("panels-mappings", 9)];
        assert_eq!(ids(&rows_of_several_runs(&nine)), ["heat", "panels"]);
    }

    #[test]
    fn the_main_map_is_wide_and_others_stand_beside_each_other() {
        let maps = [of_cells(3, 2), of_cells(2, 2), of_cells(2, 2)];
        let rows = rows_of_several_runs(&maps);
        assert_eq!(rows.iter().map(|row| row.charts.len()).collect::<Vec<_>>(), [1, 2]);
    }

    proptest! {
        #[test]
        fn no_page_is_too_high_and_no_panel_too_low(
            maps in 0_usize..7,
            columns in 1_usize..20,
            rows in 1_usize..60,
            count in 2_usize..=Panels::PANELS_MAX,
        ) {
            let mut charts = vec![of_cells(columns, rows); maps];
            charts.extend([of_panels("panels", count), of_panels("panels-mappings", count)]);
            let rows = rows_of_several_runs(&charts);
            let height = page_height(rows.iter());
            prop_assert!(height <= HEIGHT_MOST, "{}", height);
            prop_assert!(ids(&rows).contains(&"panels"));
            let height = height.max(HEIGHT) - banner::HEIGHT - MARGIN_BOTTOM;
            let body = Frame::new(0.0, 0.0, 1_000.0, height);
            let mut free_from = 0.0;
            for (chart, frame) in arranged(body, &rows) {
                prop_assert!(frame.bottom <= body.bottom + 1e-6, "{frame:?}");
                if let Plot::Panels(panels) = &chart.plot {
                    prop_assert!(frame.top >= free_from);
                    let min = HEADING + panels::least_height(panels);
                    prop_assert!(frame.height() >= min - 1e-6, "{frame:?}");
                }
                free_from = frame.bottom;
            }
        }
    }
}
