//! The report of a run, compared with the recording line by line.

mod charts;
mod figures;
mod lingering;
mod series;

use leakbench_model::{Counts, Footprint, SlotState};
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::Ledger;
use leakbench_recording::recording::*;
use leakbench_reports::report::*;
use leakbench_scenarios::Options;

use crate::common::*;

fn report(recording: &Recording) -> Report {
    let ledger = Ledger::of(recording).expect("a start");
    Report::of_run(&ledger, &Judgement::of(&ledger))
}

fn ids(report: &Report) -> Vec<&str> {
    report.charts.iter().map(|chart| chart.id.as_str()).collect()
}

fn plot<'a>(report: &'a Report, id: &str) -> &'a Plot {
    let chart = report.charts.iter().find(|chart| chart.id == id);
    &chart.unwrap_or_else(|| panic!("no {id} in {:?}", ids(report))).plot
}

fn lines<'a>(report: &'a Report, id: &str) -> &'a Lines {
    match plot(report, id) {
        Plot::Lines(lines) => lines,
        other => panic!("{id} is {other:?}"),
    }
}

fn mid_barrier(barrier: Barrier) -> Record {
    Record::Barrier(Box::new(barrier))
}

fn record(recording: &Recording, line: usize) -> &Record {
    &recording.records[line - 1]
}

/// The sample or barrier on a line, or the start of a subject, which has its footprint at rest.
fn sample_on(recording: &Recording, line: usize) -> (u64, Counts, Footprint) {
    match record(recording, line) {
        Record::Subject(up) => (up.at_ms, Counts::default(), up.at_rest),
        Record::Sample(sample) => (sample.at_ms, sample.counts, sample.footprint),
        Record::Barrier(barrier) => (barrier.at_ms, barrier.counts, barrier.footprint),
        other => panic!("line {line} is {other:?}"),
    }
}

/// A subject that leaks until it is killed, with a sample after its last barrier.
fn killed_leaking() -> Vec<Record> {
    let mut seen = barrier(0, 2_000, counts(28_000, 1_000));
    seen.lingering = (0..40).map(|n| image(n, vec![slot(n as u32, SlotState::Affine)])).collect();
    vec![
        start(30_000, 1, Options::default()),
        up(0, 30_000),
        mid_barrier(barrier(0, 1_000, counts(14_000, 0))),
        mid_barrier(seen),
        sample(0, 2_050, counts(28_100, 1_001), footprint(3_000, 900, 1 << 20)),
        sample(0, 2_090, counts(28_200, 1_002), Footprint::default()),
        exit(0, 2_090, ExitKind::Signaled { signal: 9 }, &[]),
        end(2_100),
    ]
}
