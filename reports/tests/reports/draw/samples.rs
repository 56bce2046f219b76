//! Charts like those of runs and comparisons.

use leakbench_model::{Reason, SlotState, Unit, Verdict};
use leakbench_recording::recording::SlotMap;
use leakbench_reports::report::{
    AgeBin, Axis, Chart, Figure, Heat, HeatCell, LimitLine, Lines, Mark, MarkKind, Panel, Panels,
    Plot, Point, Report, Series, SlotMaps, SlotRow, SlotRows, Style, Survival, TimeBin, Times,
    Tone,
};

use super::chart;

pub(super) fn series(name: &str, tone: Tone, style: Style, values: impl Fn(f64) -> f64) -> Series {
    let point = |index: u32| {
        let at_s = f64::from(index) * 0.02;
        let cycles = Some(u64::from(index) * 10_000);
        Point { at_s, cycles, value: values(at_s), line: index as usize + 2 }
    };
    Series { name: name.to_owned(), tone, style, points: (0..=500).map(point).collect() }
}

pub(super) fn mark(kind: MarkKind, from_s: f64, to_s: f64, text: &str) -> Mark {
    Mark { kind, from_s, to_s, text: text.to_owned(), cycles: None, label: String::new() }
}

pub(super) fn lingering() -> Lines {
    let proved = |at_s: f64| (950.0 * (1.0 - (-at_s).exp())).round();
    let mut at_barriers = series("lingering at barriers", Tone::Bad, Style::Dots, proved);
    at_barriers.points.retain(|point| point.line % 50 == 2);
    let mut marks = vec![mark(MarkKind::Incident, 9.0, 9.0, "the subject was killed")];
    for barrier in 1..=10 {
        let at_s = f64::from(barrier);
        marks.push(mark(MarkKind::Barrier, at_s, at_s, "barrier"));
        marks.push(mark(MarkKind::Settle, at_s - 0.1, at_s, "settling"));
        marks.push(mark(MarkKind::Drop, at_s * 0.7, at_s * 0.7, "dropped module 88"));
    }
    let between = series("between barriers", Tone::Bad, Style::Faint, |at_s| proved(at_s) + 20.0);
    Lines {
        unit: Some(Unit::Count),
        series: vec![at_barriers, between],
        limits: vec![],
        marks,
        ..Lines::default()
    }
}

pub(super) fn mappings() -> Lines {
    let limit = |name: &str, value| LimitLine { name: name.to_owned(), value };
    Lines {
        unit: Some(Unit::Count),
        series: vec![
            series("mappings", Tone::Series(0), Style::Line, |at_s| 40.0 + at_s * 290.0),
            series("descriptors", Tone::Series(1), Style::Line, |at_s| 20.0 + at_s * 94.0),
        ],
        limits: vec![limit("vm.max_map_count", 65_530.0), limit("RLIMIT_NOFILE", 4_096.0)],
        marks: vec![],
        fits: vec![],
    }
}

pub(super) fn memory() -> Lines {
    let mib = |count: f64| count * 1_048_576.0;
    let stacked = |name: &str, number, size: f64| {
        series(name, Tone::Series(number), Style::Stacked, move |at_s| {
            mib(size * (1.0 + at_s / 9.0))
        })
    };
    Lines {
        unit: Some(Unit::Bytes),
        series: vec![
            stacked("anonymous", 0, 10.0),
            stacked("files", 1, 5.0),
            stacked("shared", 2, 12.0),
            stacked("page tables", 3, 3.0),
        ],
        limits: vec![],
        marks: vec![],
        fits: vec![],
    }
}

/// Slots that are lent at random and keep their images.
pub(super) fn slots(rows: u32, columns: u32) -> SlotMaps {
    let states = |row: u32| {
        let state = move |slot: u32| match (slot.wrapping_mul(2_654_435_761) >> 7) % 1_000 {
            at if at < 8 => SlotState::InUse,
            at if at < 30 => SlotState::Affine,
            at if at < 60 => SlotState::Queued,
            at if at < 60 + 900 * row / rows.max(1) => SlotState::AffineDropped,
            at if at % 3 == 0 => SlotState::Warm,
            _ => SlotState::Cold,
        };
        (0..columns).map(state).collect()
    };
    slots_of((0..rows).map(states))
}

/// The rows of one process whose slots have these states.
pub(super) fn slots_of(rows: impl Iterator<Item = Vec<SlotState>>) -> SlotMaps {
    let row = |(number, states): (u32, Vec<SlotState>)| SlotRow {
        at_s: f64::from(number),
        cycles: u64::from(number) * 300,
        map: SlotMap::of_states(&states).expect("slots"),
        line: number as usize + 3,
    };
    let rows: Vec<SlotRow> = (0..).zip(rows).map(row).collect();
    let pool = SlotRows { subject: 0, slots: rows[0].map.slots(), rows };
    SlotMaps { maps: vec![pool], rest: 0 }
}

pub(super) fn times() -> Times {
    let bin = |index: u32| {
        let from_ns = 1_000.0 * 1.25_f64.powi(index as i32);
        let far = (f64::from(index) - 10.0) / 5.0;
        let count = (200_000.0 * (-far * far).exp()) as u64;
        TimeBin { from_ns, to_ns: from_ns * 1.25, count }
    };
    let bins: Vec<TimeBin> = (0..40).map(bin).collect();
    let count = bins.iter().map(|bin| bin.count).sum();
    let (p50_ns, p99_ns) = (Some(9_300), Some(41_000));
    Times { bins, count, p50_ns, p99_ns, max_ns: Some(7_300_000) }
}

pub(super) fn survival() -> Survival {
    let bin = |index: u64| AgeBin {
        from: index * 75,
        to: (index + 1) * 75,
        dropped: 75.0,
        lingering: vec![5, 60 - index],
    };
    Survival {
        bins: (0..40).map(bin).collect(),
        reasons: vec![Reason::QueuedSlot, Reason::AffineSlot],
        random_slots: Some(1_000),
        cycles: vec![(0, 3_000)],
    }
}

pub(super) fn heat() -> Heat {
    let axis = |flag: &str, values: [&str; 3]| Axis {
        flags: vec![flag.to_owned()],
        values: values.map(|value| vec![value.to_owned()]).to_vec(),
    };
    let cell = |value: Option<f64>| HeatCell {
        value,
        text: value.map_or("refused".to_owned(), |value| value.to_string()),
        tone: if value == Some(0.0) { Tone::Good } else { Tone::Bad },
        name: "a run".to_owned(),
    };
    let rows = [[0, 0, 0], [15, 28, 469], [49, 112, 493]];
    let mut cells: Vec<Vec<HeatCell>> =
        rows.map(|row| row.map(|value| cell(Some(f64::from(value)))).to_vec()).to_vec();
    cells[2][0] = cell(None);
    Heat {
        what: "images lingering at the end".to_owned(),
        across: axis("warm-slots", ["0", "100", "1000"]),
        down: axis("decommit-batch", ["1", "16", "64"]),
        cells,
    }
}

pub(super) fn panels(count: u32) -> Panels {
    let panel = |index: u32| {
        let rate = f64::from(index);
        let lines = Lines {
            series: vec![series("lingering", Tone::Bad, Style::Line, move |at_s| {
                at_s * 40.0 * rate
            })],
            ..Lines::default()
        };
        let note = format!("{} of 3,000 linger", 400 * index);
        let tone = if index == 0 { Tone::Good } else { Tone::Bad };
        Panel { name: format!("wasmtime@{index}"), note, tone, lines }
    };
    Panels { panels: (0..count).map(panel).collect(), ..Panels::default() }
}

pub(super) fn figure(label: &str, value: &str, beside: &str, tone: Tone) -> Figure {
    let [label, value, beside] = [label, value, beside].map(str::to_owned);
    Figure { label, value, beside, tone }
}

pub(super) fn report(verdict: Verdict, headline: &str, charts: Vec<Chart>) -> Report {
    Report {
        suspects: Vec::new(),
        title: "builtin, strategy random over 1,000 slots, on drop keep, 1 process, seed 7"
            .to_owned(),
        verdict,
        headline: headline.to_owned(),
        figures: vec![
            figure("lingering at the end", "942", "of 3,000 images", Tone::Bad),
            figure("drop to release, median", "13.8 µs", "p99 41 µs, max 7.3 ms", Tone::Neutral),
            figure("rate", "51,200 cycles/s", "over 10.0 s", Tone::Good),
        ],
        charts,
        next: vec![],
        findings: vec![],
        lingering: None,
        tables: vec![],
        facts: vec![],
        unmeasured: vec![],
        recording: None,
    }
}

pub(super) fn leak() -> Report {
    let headline = "LEAK — 942 of 3,000 images linger, held by 942 affine slots";
    report(
        Verdict::Leak,
        headline,
        vec![
            chart("lingering", "Images lingering", Plot::Lines(lingering())),
            chart("slots", "Slot map", Plot::Slots(slots(60, 1_000))),
            chart("release", "From drop to release", Plot::Times(times())),
            chart("objects", "Mappings and descriptors", Plot::Lines(mappings())),
            chart("memory", "Memory", Plot::Lines(memory())),
            chart("survival", "Survival after the drop", Plot::Survival(survival())),
        ],
    )
}

pub(super) fn comparison() -> Report {
    report(
        Verdict::Leak,
        "LEAK — 1 of 4 runs leaks",
        vec![
            chart("panels", "Lingering, run by run", Plot::Panels(panels(4))),
            chart("heat", "Lingering by two flags", Plot::Heat(heat())),
        ],
    )
}
