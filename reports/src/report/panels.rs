//! Panels of a comparison: one chart for each run, on one scale.

use super::comparison::runs;
use super::grid::row_verdict;
use super::heat::tone;
use super::timeline::{at_barriers, at_samples, capped, footprints};
use super::{Chart, Lines, Panel, Panels, Plot, Point, Series, Style, Tone};
use crate::comparison::Row;
use crate::recorded::{RecordedComparison, RecordedRun};
use leakbench_model::text::{counted, grouped, third_person};
use leakbench_model::{Resource, Unit, Verdict};
use leakbench_recording::ledger::Ledger;

/// Points of a panel's series at most. Panels are small and many.
const POINTS_MAX: usize = 200;

/// Lingering images and mappings over cycles, a panel for each row: that of its worst run.
pub(super) fn panels(recorded: &RecordedComparison) -> Vec<Chart> {
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
    lingering.into_iter().chain(mappings).collect()
}

fn chart(
    recorded: &RecordedComparison,
    id: &str,
    title: &str,
    reads: &str,
    series: impl Fn(&Ledger) -> Vec<Series>,
) -> Option<Chart> {
    let stands_for_its_row = |(row, folder, _): &(&Row, &str, &RecordedRun)| {
        row.worst().is_some_and(|worst| worst.folder == *folder)
    };
    let shown: Vec<(&Row, &str, &RecordedRun)> =
        runs(recorded).filter(stands_for_its_row).collect();
    let rest = shown.len().saturating_sub(Panels::PANELS_MAX) as u64;
    let panels = shown.into_iter().take(Panels::PANELS_MAX).map(|(row, _, run)| Panel {
        name: row.name.clone(),
        note: note(row, run),
        tone: tone(row),
        lines: Lines { unit: Some(Unit::Count), series: series(&run.ledger), ..Lines::default() },
    });
    let panels: Vec<Panel> = panels.collect();
    let mut all = panels.iter().flat_map(|panel| &panel.lines.series);
    let is_empty = all.all(|series| series.points.is_empty());
    (!is_empty).then(|| Chart {
        id: id.to_owned(),
        title: title.to_owned(),
        reads: reads.to_owned(),
        plot: Plot::Panels(Panels { panels, rest }),
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
