//! Lines of a comparison: of few subjects over each other, else a panel for each run, on one scale.

use super::grid::row_verdict;
use super::heat::{self, tone};
use super::spreads::tone_of;
use super::timeline::{at_barriers, at_samples, capped, footprints};
use super::{Axis, Chart, Lines, Plot, Point, Series, Style, Tone};
use crate::comparison::{Comparison, Kind, Row};
use crate::recorded::{RecordedComparison, RecordedRun};
use leakbench_model::text::{counted, grouped, third_person};
use leakbench_model::{Resource, Unit, Verdict};
use leakbench_recording::ledger::Ledger;

/// One chart for each of several runs, on one scale.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panels {
    /// The panels, which share both scales.
    pub panels: Vec<Panel>,
    /// The flags of the rows and of the columns of a grid, which has a panel for each combination, row
    /// by row. None if they stand in the order of runs.
    pub grid: Option<(Axis, Axis)>,
    /// The number of those that are not shown.
    pub rest: u64,
}

impl Panels {
    /// Panels at most.
    pub const PANELS_MAX: usize = 24;
}

/// The chart of one run of several.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// The row: `wasmtime@3`.
    pub name: String,
    /// Its result: `942 of 3,000 linger`.
    pub note: String,
    /// The meaning of its colour.
    pub tone: Tone,
    /// Its lines. All panels have the same series in the same order.
    pub lines: Lines,
}

/// Points of a panel's series at most. Panels are small and many.
const POINTS_MAX: usize = 200;

/// Lines of few subjects are drawn over each other.
const OVERLAID_MAX: usize = 5;

/// Lingering images, mappings and memory over cycles, of the worst run of each row: those that show
/// a leak, and the others. Subjects of a comparison are drawn over each other; other rows have a
/// panel each.
pub(super) fn panels(recorded: &RecordedComparison) -> (Vec<Chart>, Vec<Chart>) {
    let comparison = &recorded.comparison;
    let (lingering, others) =
        if comparison.kind == Kind::Compare && comparison.rows.len() <= OVERLAID_MAX {
            overlaid(recorded)
        } else {
            side_by_side(recorded)
        };
    let lingers =
        comparison.rows.iter().flat_map(|row| &row.runs).any(|it| it.images.lingering > 0);
    // Without a leak the lines would be at 0, as the verdict says.
    (lingering.filter(|_| lingers).into_iter().collect(), others)
}

/// A chart for each amount, with a line for each row.
fn overlaid(recorded: &RecordedComparison) -> (Option<Chart>, Vec<Chart>) {
    let overlay =
        |id: &str, title: &str, reads: &str, unit, points: &dyn Fn(&Ledger) -> Vec<Point>| {
            let series = shown(recorded).map(|(index, row, run)| {
                let style = if id == "panels" { Style::Dots } else { Style::Line };
                series(&row.name, tone_of(index), style, points(&run.ledger))
            });
            let lines = Lines { unit: Some(unit), series: series.collect(), ..Lines::default() };
            let panel =
                Panel { name: String::new(), note: String::new(), tone: Tone::Neutral, lines };
            let panels = Panels { panels: vec![panel], ..Panels::default() };
            of_panels(id, title, reads, panels)
        };
    let lingering = overlay(
        "panels",
        "Images lingering",
        "Over cycles. Each dot is proved at a barrier. A line that keeps rising is a leak.",
        Unit::Count,
        &|ledger| at_barriers(ledger, |barrier| Some(barrier.lingering)),
    );
    let mappings = overlay(
        "panels-mappings",
        "Mappings",
        "Over cycles. They rise while slots are used for the first time. Mappings that keep rising \
         reach vm.max_map_count.",
        Unit::Count,
        &|ledger| footprints(ledger, Resource::Mappings),
    );
    let memory = overlay(
        "panels-memory",
        "Resident memory",
        "Over cycles, of all processes of a run.",
        Unit::Bytes,
        &|ledger| footprints(ledger, Resource::RssBytes),
    );
    (lingering, mappings.into_iter().chain(memory).collect())
}

fn side_by_side(recorded: &RecordedComparison) -> (Option<Chart>, Vec<Chart>) {
    let reads = "One scale for all, over cycles. A line that keeps rising is a leak.";
    let lingering = chart(recorded, "panels", "Images lingering, run by run", reads, |ledger| {
        vec![
            series(
                "lingering, proved at a barrier",
                Tone::Bad,
                Style::Dots,
                at_barriers(ledger, |barrier| Some(barrier.lingering)),
            ),
            series(
                "lingering, as sampled",
                Tone::Bad,
                Style::Faint,
                at_samples(ledger, |moment| Some(moment.counts.lingering)),
            ),
        ]
    });
    let reads = "One scale for all, over cycles. Mappings rise while slots are used for the first time. \
                 Mappings that keep rising reach vm.max_map_count.";
    let mappings = chart(recorded, "panels-mappings", "Mappings, run by run", reads, |ledger| {
        let mappings = footprints(ledger, Resource::Mappings);
        vec![series("mappings", Tone::Series(0), Style::Line, mappings)]
    });
    (lingering, mappings.into_iter().collect())
}

/// The worst run of each row, with the row's number.
fn shown(recorded: &RecordedComparison) -> impl Iterator<Item = (usize, &Row, &RecordedRun)> {
    let rows = recorded.comparison.rows.iter().enumerate();
    rows.filter_map(|(index, row)| {
        let worst = &row.worst()?.folder;
        let (_, run) = recorded.runs.iter().find(|(folder, _)| folder == worst)?;
        Some((index, row, run))
    })
}

fn chart(
    recorded: &RecordedComparison,
    id: &str,
    title: &str,
    reads: &str,
    series: impl Fn(&Ledger) -> Vec<Series>,
) -> Option<Chart> {
    let panel = |row: &Row, run: &RecordedRun| Panel {
        name: row.name.clone(),
        note: note(row, run),
        tone: tone(row),
        lines: Lines { unit: Some(Unit::Count), series: series(&run.ledger), ..Lines::default() },
    };
    if let Some((down, across)) = grid(&recorded.comparison) {
        let run_of = |row: &Row| shown(recorded).find(|(_, of, _)| of.name == row.name);
        let panels = down.values.iter().flat_map(|first| {
            let panels = across.values.iter().map(|second| {
                let row = heat::find(&recorded.comparison, first, second);
                match (row, row.and_then(run_of)) {
                    (Some(row), Some((_, _, run))) => panel(row, run),
                    (row, _) => without_run(row),
                }
            });
            panels.collect::<Vec<Panel>>()
        });
        let panels = panels.collect();
        return of_panels(id, title, reads, Panels { panels, grid: Some((down, across)), rest: 0 });
    }
    let rest = shown(recorded).count().saturating_sub(Panels::PANELS_MAX) as u64;
    let panels = shown(recorded).take(Panels::PANELS_MAX).map(|(_, row, run)| panel(row, run));
    of_panels(id, title, reads, Panels { panels: panels.collect(), rest, grid: None })
}

/// The sides of a grid of panels, if a sweep has room for one.
fn grid(comparison: &Comparison) -> Option<(Axis, Axis)> {
    const COLUMNS_MAX: usize = 6;
    let (down, across) = heat::sides(comparison)?;
    let (rows, columns) = (down.values.len(), across.values.len());
    let fits = columns <= COLUMNS_MAX && rows.saturating_mul(columns) <= Panels::PANELS_MAX;
    (fits && rows.saturating_mul(columns) > 1).then_some((down, across))
}

/// The panel of a combination that was not run.
fn without_run(row: Option<&Row>) -> Panel {
    Panel {
        name: row.map_or(String::new(), |row| row.name.clone()),
        note: row.map_or("not run".to_owned(), row_verdict),
        tone: Tone::Neutral,
        lines: Lines::default(),
    }
}

/// A chart of panels; `None` if none has a point.
fn of_panels(id: &str, title: &str, reads: &str, panels: Panels) -> Option<Chart> {
    let mut all = panels.panels.iter().flat_map(|panel| &panel.lines.series);
    let is_empty = all.all(|series| series.points.is_empty());
    (!is_empty).then(|| Chart {
        id: id.to_owned(),
        title: title.to_owned(),
        reads: reads.to_owned(),
        plot: Plot::Panels(panels),
    })
}

/// A series, even without points: all panels have the same series.
fn series(name: &str, tone: Tone, style: Style, points: Vec<Point>) -> Series {
    Series { name: name.to_owned(), tone, style, points: capped(points, POINTS_MAX) }
}

fn note(row: &Row, run: &RecordedRun) -> String {
    let images = &run.ledger.images;
    let made = || counted(images.made, "image");
    match row.verdict() {
        Some(Verdict::Clean) if images.made > 0 => {
            format!("{} of {} released", grouped(images.released()), made())
        }
        Some(Verdict::Leak) if images.lingering > 0 => {
            let verb = third_person(images.lingering, "linger");
            format!("{} of {} {verb}", grouped(images.lingering), made())
        }
        _ => row_verdict(row),
    }
}
