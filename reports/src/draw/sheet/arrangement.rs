//! Charts as rows of a page, and the frame of each.

use super::choice::main_charts;
use super::{HEIGHT, HEIGHT_MOST, MARGIN_BOTTOM};
use crate::draw::canvas::Frame;
use crate::draw::{HEADING, banner, heat, panels, proof, spreads};
use crate::report::{Chart, Plot, Report};

const GAP: f64 = 22.0;
const COLUMN_GAP: f64 = 28.0;

/// Height of a chart at least, and of a map at most; many rows have lower maps.
const CHART_LEAST: f64 = 200.0;
const MAP_MOST: f64 = 340.0;

/// Charts side by side, of equal width.
pub(super) struct Row<'a> {
    charts: Vec<&'a Chart>,
    /// Columns of the row; the last ones may be empty.
    columns: usize,
    least_height: f64,
    /// Its share of the remaining height.
    pub(super) stretches: bool,
}

/// Charts of a report as rows of a page.
pub(super) fn rows(report: &Report) -> Vec<Row<'_>> {
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
pub(super) fn page_height<'a>(rows: impl Iterator<Item = &'a Row<'a>>) -> f64 {
    let (count, heights) =
        rows.fold((0_u32, 0.0), |(count, sum), row| (count + 1, sum + row.least_height));
    banner::HEIGHT + heights + GAP * f64::from(count.saturating_sub(1)) + MARGIN_BOTTOM
}

/// The frame of each chart.
pub(super) fn arranged<'a>(body: Frame, rows: &[Row<'a>]) -> Vec<(&'a Chart, Frame)> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::{Heat, HeatCell, Lines, Panel, Panels, Tone};

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
