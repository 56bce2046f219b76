//! Reports made by hand: the historic leak of 1,000 slots at ten barriers, and variants of it.

use leakbench_model::{Estimate, Reason, Resource, SlotState, Unit, Verdict};
use leakbench_recording::judge::{Finding, Level};
use leakbench_recording::recording::{SlotMap, SlotRun};
use leakbench_reports::report::*;

/// Barriers of the leak, one every 500 ms and 300 cycles.
pub(crate) const BARRIERS: u32 = 10;
/// The end of the leak's run.
pub(crate) const END_S: f64 = 5.0;

/// Lingering images after so many cycles of one instance each: one in each of 1,000 slots that was
/// used.
pub(crate) fn lingering_after(cycles: u64) -> f64 {
    (1_000.0 * (1.0 - 0.999_f64.powf(cycles as f64))).round()
}

fn point(at_s: f64, value: f64, line: usize) -> Point {
    Point { at_s, cycles: Some((at_s * 600.0) as u64), value, line }
}

/// A point for each barrier, on lines from 10.
fn at_barriers(value: impl Fn(u64) -> f64) -> Vec<Point> {
    let of = |n: u32| point(f64::from(n) * 0.5, value(u64::from(n) * 300), 9 + n as usize);
    (1..=BARRIERS).map(of).collect()
}

/// A point every 50 ms, on lines from 100.
fn sampled(value: impl Fn(u64) -> f64) -> Vec<Point> {
    let of = |n: u32| point(f64::from(n) * 0.05, value(u64::from(n) * 30), 100 + n as usize);
    (0..=100).map(of).collect()
}

fn series(name: &str, tone: Tone, style: Style, points: Vec<Point>) -> Series {
    Series { name: name.to_owned(), tone, style, points }
}

fn chart(id: &str, title: &str, reads: &str, plot: Plot) -> Chart {
    let [id, title, reads] = [id, title, reads].map(str::to_owned);
    Chart { id, title, reads, plot }
}

fn limit(name: &str, value: f64) -> LimitLine {
    LimitLine { name: name.to_owned(), value }
}

fn marks() -> Vec<Mark> {
    let mark = |kind, from_s, to_s, text: String| Mark {
        kind,
        from_s,
        to_s,
        text,
        cycles: None,
        label: String::new(),
    };
    let mut marks = Vec::new();
    for n in 1..=BARRIERS {
        let at = f64::from(n) * 0.5;
        marks.push(mark(MarkKind::Settle, at - 0.02, at, "settle time".to_owned()));
        marks.push(mark(MarkKind::Barrier, at, at, format!("barrier {n}")));
    }
    for n in 0..60 {
        let at = f64::from(n) * 0.04 + 0.01;
        marks.push(mark(MarkKind::Drop, at, at, format!("module {n} dropped")));
    }
    marks
}

fn slot_maps() -> SlotMaps {
    let rows = (1..=BARRIERS).map(|n| {
        let dropped = lingering_after(u64::from(n) * 300) as u64;
        // Slots in a pseudo-random order.
        let cells = (0..1_000_u64).map(|slot| match (slot * 617 + 31) % 1_000 {
            place if place < dropped => SlotState::AffineDropped,
            999 => SlotState::InUse,
            _ => SlotState::Cold,
        });
        SlotRow {
            at_s: f64::from(n) * 0.5,
            cycles: u64::from(n) * 300,
            map: SlotMap::of_states(&cells.collect::<Vec<_>>()).expect("slots"),
            line: 9 + n as usize,
        }
    });
    let pool = SlotRows { subject: 0, slots: 1_000, rows: rows.collect() };
    SlotMaps { maps: vec![pool], rest: 0 }
}

/// The leak with a slot map of which so many slots are held, without order.
pub(crate) fn held(slots: u32, held: u32) -> Report {
    let mut report = leak();
    // A number that has no divisor in common with the number of slots visits each of them once.
    let is_held = |slot: u32| u64::from(slot) * 7_919 % u64::from(slots) < u64::from(held);
    let states = (0..slots).map(|slot| match is_held(slot) {
        true => SlotState::AffineDropped,
        false => SlotState::Cold,
    });
    let map = SlotMap::of_states(&states.collect::<Vec<_>>()).expect("slots");
    for chart in &mut report.charts {
        if let Plot::Slots(maps) = &mut chart.plot {
            maps.maps[0].slots = slots;
            maps.maps[0].rows.iter_mut().for_each(|row| row.map = map.clone());
        }
    }
    report
}

fn times() -> Times {
    let bins = (30..70).map(|n| {
        let edge = |n: i32| 10_f64.powf(f64::from(n) / 10.0) * 1_000.0;
        let count = (2_000.0 * (-f64::from(n - 56).powi(2) / 40.0).exp()) as u64;
        TimeBin { from_ns: edge(n), to_ns: edge(n + 1), count }
    });
    let bins: Vec<TimeBin> = bins.collect();
    let count = bins.iter().map(|bin| bin.count).sum();
    let (p50_ns, p99_ns) = (Some(480_000_000), Some(3_690_987_519));
    Times { bins, count, p50_ns, p99_ns, max_ns: Some(4_529_848_319) }
}

/// Ten ages of 300 cycles; images that were dropped long ago linger more rarely.
fn survival() -> Survival {
    let bin = |n: u64| {
        let lingering = vec![10, (220.0 * 0.999_f64.powi(n as i32 * 300)) as u64];
        AgeBin { from: n * 300, to: (n + 1) * 300, dropped: 300.0, lingering }
    };
    Survival {
        bins: (0..10).map(bin).collect(),
        reasons: vec![Reason::QueuedSlot, Reason::AffineSlot],
        random_slots: Some(1_000),
        cycles: vec![(0, 3_000)],
    }
}

fn lingering_rows() -> LingeringTable {
    let rows = (0..200_u64).map(|n| LingeringRow {
        subject: 0,
        inode: 49_800_661 + n * 7 % 1_000,
        module: n * 3 + 1,
        created_at_cycle: (n != 3).then_some(n * 3 + 1),
        dropped_at_cycle: n * 3 + 1,
        age_ms: 4_713 - n * 5,
        holders: vec![match n % 5 {
            4 => format!("slot {} (queued)", n * 731 % 1_000),
            _ => format!("slot {} (affine)", n * 731 % 1_000),
        }],
        holders_total: 1 + n % 3,
        reason: if n % 5 == 4 { Reason::QueuedSlot } else { Reason::AffineSlot },
        line: 19,
    });
    LingeringTable { rows: rows.collect(), total: 950, ..LingeringTable::default() }
}

fn facts() -> Vec<FactGroup> {
    let group = |name: &str, facts: &[(&str, &str)]| FactGroup {
        name: name.to_owned(),
        facts: facts.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
    };
    vec![
        group(
            "run again",
            &[
                ("command", "leakbench --cycles 3000 --on-drop keep --barriers 10"),
                ("recorded", "2026-11-21 07:16:35 UTC, in 5.0 s"),
            ],
        ),
        group(
            "scenario",
            &[("subject", "builtin"), ("strategy", "random"), ("slots", "1,000"), ("seed", "0")],
        ),
        group(
            "machine",
            &[("kernel", "6.18.44"), ("processor", "2 × Xeon"), ("vm.max_map_count", "65,530")],
        ),
    ]
}

/// The choices of a run with random slots that keep dropped images.
pub(crate) fn leak() -> Report {
    let amounts = |unit, series, limits| {
        Plot::Lines(Lines { unit, series, limits, marks: marks(), fits: Vec::new() })
    };
    let lingering = amounts(
        Some(Unit::Count),
        vec![
            series("between barriers", Tone::Bad, Style::Faint, sampled(lingering_after)),
            series("lingering", Tone::Bad, Style::Dots, at_barriers(lingering_after)),
            series("live", Tone::Series(0), Style::Line, sampled(|_| 1.0)),
        ],
        Vec::new(),
    );
    let mappings = |cycles| 44.0 + 3.0 * lingering_after(cycles);
    let mappings = amounts(
        Some(Unit::Count),
        vec![
            series("mappings", Tone::Series(0), Style::Line, sampled(mappings)),
            series(
                "memfd mappings",
                Tone::Series(1),
                Style::Line,
                sampled(|n| lingering_after(n) + 1.0),
            ),
        ],
        vec![limit("vm.max_map_count", 65_530.0)],
    );
    let descriptors = amounts(
        Some(Unit::Count),
        vec![series(
            "descriptors",
            Tone::Series(0),
            Style::Line,
            sampled(|n| 8.0 + (n % 7) as f64),
        )],
        vec![limit("RLIMIT_NOFILE", 18.0)],
    );
    let memory = amounts(
        Some(Unit::Bytes),
        vec![
            series(
                "resident",
                Tone::Series(0),
                Style::Stacked,
                sampled(|n| 2e7 + n as f64 * 500.0),
            ),
            series("shmem", Tone::Series(1), Style::Stacked, sampled(|n| 4e6 + n as f64 * 100.0)),
        ],
        vec![limit("memory.max", 3e7)],
    );
    let page_tables = amounts(
        Some(Unit::Bytes),
        vec![series(
            "page tables",
            Tone::Series(2),
            Style::Line,
            sampled(|n| 118_784.0 + n as f64 * 2_600.0),
        )],
        Vec::new(),
    );
    let charts = vec![
        chart(
            "lingering",
            "Images lingering",
            "Rises with every module until each slot maps the image of a dropped one.",
            lingering,
        ),
        chart("mappings", "Mappings", "Three mappings for each lingering image.", mappings),
        chart("descriptors", "Descriptors", "Does not rise.", descriptors),
        chart(
            "slots",
            "What slots do",
            "Each row is a barrier; vermilion slots map the image of a dropped module.",
            Plot::Slots(slot_maps()),
        ),
        chart("release", "From drop to release", "None at the drop itself.", Plot::Times(times())),
        chart("memory", "Memory", "Resident memory and what of it is shared.", memory),
        chart("page-tables", "Page tables", "8 KiB for each touched slot.", page_tables),
        chart("survival", "Survival", "None ends.", Plot::Survival(survival())),
    ];
    let figure = |label: &str, value: &str, beside: &str, tone| Figure {
        label: label.to_owned(),
        value: value.to_owned(),
        beside: beside.to_owned(),
        tone,
    };
    let finding = |policy, level, message: &str| Finding {
        rule: policy,
        level,
        message: message.to_owned(),
        supports: None,
    };
    Report {
        title: "builtin, strategy random over 1,000 slots, on drop keep, 3,000 cycles".to_owned(),
        verdict: Verdict::Leak,
        headline: "LEAK — 950 of 3,000 images linger, held by 950 affine slots".to_owned(),
        figures: vec![
            figure("lingering at the end", "950", "of 3,000 images", Tone::Bad),
            figure("released late", "2,050", "none at the drop itself", Tone::Warning),
            figure("drop to release, p99", "3.7 s", "median 480 ms", Tone::Neutral),
        ],
        suspects: Vec::new(),
        charts,
        findings: vec![
            finding(
                "lingering-images",
                Level::Error,
                "950 of 3,000 images linger, held by 950 affine slots",
            ),
            finding("late-releases", Level::Warn, "2,050 images were released late"),
            finding("coverage", Level::Note, "both witnesses agreed at 10 barriers"),
        ],
        next: vec![
            NextStep {
                means: Means::Choice {
                    words: "--on-drop purge".to_owned(),
                    command: Some(
                        "leakbench --cycles 3000 --barriers 10 --on-drop purge".to_owned(),
                    ),
                },
                effect: "removes a dropped module's images from its slots".to_owned(),
            },
            NextStep { means: Means::OnRecording("report"), effect: "draws it".to_owned() },
            NextStep { means: Means::OnRecording("gate"), effect: "judges it".to_owned() },
            NextStep { means: Means::Command("doctor"), effect: "shows the machine".to_owned() },
        ],
        lingering: Some(lingering_rows()),
        tables: vec![Table {
            is_folded: false,
            tones: vec![Tone::Bad, Tone::Neutral, Tone::Series(0)],
            id: "resources".to_owned(),
            title: "Resources".to_owned(),
            note: String::new(),
            columns: ["resource", "last", "rate"]
                .iter()
                .enumerate()
                .map(|(n, name)| match n {
                    0 => Column::words(name).coloured(),
                    _ => Column::numbers(name),
                })
                .collect(),
            rows: [
                ["mappings", "2,894", "1.2/s"],
                ["sockets", "9", "–"],
                ["memory", "23.5 MiB", "14 KiB/s"],
            ]
            .map(|row| row.map(str::to_owned).to_vec())
            .to_vec(),
        }],
        facts: facts(),
        unmeasured: vec![
            "the subject's address space is not limited, so no limit is drawn".to_owned(),
        ],
    }
}

/// A clean run with few charts.
pub(crate) fn clean() -> Report {
    let mut report = leak();
    report.verdict = Verdict::Clean;
    report.headline = "clean — the kernel released 3,000 of 3,000 images".to_owned();
    report.charts.truncate(1);
    report.findings.clear();
    report.lingering = Some(LingeringTable::default());
    report.tables.clear();
    report.unmeasured.clear();
    report
}

/// A clean run of two processes as it is drawn: proof, times, peaks, and a chart and a map that have
/// nothing to show.
pub(crate) fn proved() -> Report {
    let mut report = clean();
    let stretch = |n: u32| Stretch {
        subject: n % 2,
        at_s: f64::from(n),
        cycles: u64::from(n / 2 + 1) * 300,
        barriers: 1,
        released: 300,
        late: if n == 3 { 30 } else { 0 },
        disagreements: 0,
        line: 10 + n as usize,
    };
    let stretches = (0..10).map(stretch).collect();
    let proof = Plot::Proof(Proof { stretches, unverified: 0, by_process: true });
    let peak = |resource, name: &str, peak, limit: Option<u64>| Peak {
        resource,
        name: name.to_owned(),
        at_rest: Some(9),
        peak,
        limit: limit.map(|limit| ("RLIMIT_NOFILE".to_owned(), limit)),
    };
    let rows = vec![
        peak(Resource::Fds, "descriptors of process 1", 900, Some(1_024)),
        peak(Resource::RssBytes, "resident memory", 1 << 20, None),
    ];
    let quiet = vec![series("lingering", Tone::Bad, Style::Dots, at_barriers(|_| 0.0))];
    let quiet = Lines { unit: Some(Unit::Count), series: quiet, ..Lines::default() };
    let mappings = leak().charts.swap_remove(1);
    let mut maps = slot_maps();
    for row in &mut maps.maps[0].rows {
        row.map = SlotMap::of_states(&[SlotState::Warm; 1_000]).expect("slots");
    }
    let title = "3,000 of 3,000 images verified, by two witnesses, at 10 barriers";
    report.charts = vec![
        chart("proof", title, "A block for each barrier.", proof),
        chart("lingering", "Images lingering", "Nothing.", Plot::Lines(quiet)),
        mappings,
        chart("slots", "What slots do", "Nothing.", Plot::Slots(maps)),
        chart("release", "From drop to release", "At the drop itself.", Plot::Times(times())),
        chart("peaks", "Peaks", "Beside their limits.", Plot::Peaks(Peaks { rows })),
    ];
    report
}

/// An observed process with two leaks, the first of which reaches its limit soon.
pub(crate) fn observed() -> Report {
    let mut report = leak();
    report.lingering = None;
    let at =
        |n: u32, value: f64| Point { at_s: f64::from(n), cycles: None, value, line: n as usize };
    let sockets: Vec<Point> = (0..=60).map(|n| at(n, 4.0 + 12.0 * f64::from(n))).collect();
    let per_s = Estimate { value: 12.0, low: 11.0, high: 13.0 };
    let event = |at_s, label: &str| Mark {
        kind: MarkKind::Event,
        from_s: at_s,
        to_s: at_s,
        text: format!("process 7: {label}"),
        cycles: None,
        label: label.to_owned(),
    };
    let limit = FitLimit { value: 1_024.0, text: "RLIMIT_NOFILE 1,024 in 25 s".to_owned() };
    let fit = Fit {
        tone: Tone::Bad,
        from_s: 20.0,
        to_s: 60.0,
        at_s: 40.0,
        value: 484.0,
        per_s,
        limit: Some(limit),
    };
    let lines = Lines {
        unit: Some(Unit::Count),
        series: vec![series("socket descriptors", Tone::Bad, Style::Line, sockets)],
        limits: vec![self::limit("RLIMIT_NOFILE", 1_024.0)],
        marks: vec![
            event(2.0, "exec python3"),
            event(2.1, "exec gunicorn: <b>"),
            event(60.0, "exit 0"),
        ],
        fits: vec![fit],
    };
    report.charts =
        vec![chart("descriptors", "Descriptors", "The kind that rises.", Plot::Lines(lines))];
    let trace = "strace -f -k -e socket,accept,accept4,close -p 4242";
    let forecast = Forecast {
        limit: "RLIMIT_NOFILE".to_owned(),
        max: "1,024".to_owned(),
        left: "25 s".to_owned(),
        between: Some("23 s to 27 s".to_owned()),
        used: "71 %".to_owned(),
        share: 0.71,
        observed_s: 60.0,
        seconds: Estimate { value: 25.0, low: 23.0, high: 27.0 },
    };
    let card = |name: &str, forecast| SuspectCard {
        name: name.to_owned(),
        chart: Some("descriptors".to_owned()),
        rate: "+12.0 ± 1.0/s".to_owned(),
        grew: "from 4 to 724 in 60 s".to_owned(),
        evidence: vec!["descriptors".to_owned()],
        forecast,
        examples: vec![format!(
            "inode 7 on 0:9, {}socket: fd 17, for 58 s",
            "/a/long/path".repeat(9)
        )],
        next: Some(NextStep {
            means: Means::Choice { words: "strace -k".to_owned(), command: Some(trace.to_owned()) },
            effect: "prints the stack of each call".to_owned(),
        }),
    };
    report.tables.push(Table {
        id: "flat".to_owned(),
        title: "1 flat resource".to_owned(),
        columns: vec![Column::words("resource"), Column::words("example").paths()],
        rows: vec![vec!["zombies".to_owned(), "/a/long/path".repeat(9)]],
        is_folded: true,
        ..Table::default()
    });
    report.suspects = vec![card("socket descriptors", Some(forecast)), card("threads", None)];
    report
}

/// A comparison with two swept flags.
pub(crate) fn comparison() -> Report {
    let mut report = leak();
    let panel = |n: u64| Panel {
        name: format!("decommit-batch={n}"),
        note: format!("{} of 3,000 linger", 30 * n),
        tone: if n == 0 { Tone::Good } else { Tone::Bad },
        lines: Lines {
            unit: Some(Unit::Count),
            series: vec![series(
                "lingering",
                Tone::Bad,
                Style::Dots,
                at_barriers(|cycles| (cycles * n) as f64 / 100.0),
            )],
            limits: Vec::new(),
            marks: marks(),
            fits: Vec::new(),
        },
    };
    let cell = |n: u64| HeatCell {
        value: (n != 5).then_some((n * n * 10) as f64),
        text: if n == 5 { "refused".to_owned() } else { (n * n * 10).to_string() },
        tone: if n == 0 { Tone::Good } else { Tone::Bad },
        name: format!("run {n}"),
    };
    let axis = |flag: &str, values: &[&str]| Axis {
        flags: vec![flag.to_owned()],
        values: values.iter().map(|value| vec![value.to_string()]).collect(),
    };
    let heat = Heat {
        what: "images lingering at the end".to_owned(),
        across: axis("warm-slots", &["0", "100", "1000"]),
        down: axis("decommit-batch", &["1", "16", "64"]),
        cells: (0..3).map(|row| (0..3).map(|column| cell(row * 3 + column)).collect()).collect(),
    };
    report.charts = vec![
        chart(
            "panels",
            "Images lingering",
            "One panel a run, all on one scale.",
            Plot::Panels(Panels {
                panels: (0..6).map(panel).collect(),
                rest: 2,
                ..Panels::default()
            }),
        ),
        chart("heat", "Lingering by two flags", "The darker, the more.", Plot::Heat(heat)),
    ];
    report.lingering = None;
    report
}

/// A sweep of three flags, whose charts are a grid.
pub(crate) fn swept() -> Report {
    let mut report = comparison();
    let values = |values: &[&[&str]]| {
        let row = |values: &&[&str]| values.iter().map(|value| value.to_string()).collect();
        values.iter().map(row).collect()
    };
    let down = Axis { flags: vec!["on-drop".to_owned()], values: values(&[&["keep"], &["purge"]]) };
    let across = Axis {
        flags: vec!["strategy".to_owned(), "slots".to_owned()],
        values: values(&[
            &["random", "100"],
            &["random", "1000"],
            &["warm-lru", "100"],
            &["warm-lru", "1000"],
        ]),
    };
    for chart in &mut report.charts {
        match &mut chart.plot {
            Plot::Panels(panels) => {
                panels.panels.extend_from_within(..2);
                panels.panels[5].lines.series.clear();
                panels.grid = Some((down.clone(), across.clone()));
            }
            Plot::Heat(heat) => {
                let cells: Vec<HeatCell> = heat.cells.concat();
                heat.cells = cells[..8].chunks(4).map(<[HeatCell]>::to_vec).collect();
                (heat.down, heat.across) = (down.clone(), across.clone());
            }
            _ => {}
        }
    }
    report
}

/// A comparison of three subjects: lines over each other, and ratios of which one is within noise.
pub(crate) fn compared() -> Report {
    let mut report = comparison();
    let names = ["builtin", "wasmtime@48", "python3 a/long/path/to/a/driver/of/some/runtime.py"];
    let lines = names.iter().zip(0..).map(|(name, n)| {
        series(
            name,
            Tone::Series(n),
            Style::Dots,
            at_barriers(|cycles| (cycles * u64::from(n)) as f64),
        )
    });
    let lines = Lines { unit: Some(Unit::Count), series: lines.collect(), ..Lines::default() };
    let (name, note) = (String::new(), String::new());
    let panel = Panel { name, note, tone: Tone::Neutral, lines };
    let panels = Panels { panels: vec![panel], ..Panels::default() };
    let spread = |n: u8, middle: f64, text: &str| Spread {
        name: names[usize::from(n)].to_owned(),
        series: n,
        rounds: vec![middle * 0.9, middle, middle * 1.1],
        middle,
        interval: Some((middle * 0.85, middle * 1.2)),
        text: text.to_owned(),
    };
    let rows =
        vec![spread(1, 0.98, "0.98 [0.83, 1.18], within noise"), spread(2, 0.05, "0.05 ± 0.01")];
    let ratios = Spreads { rows, rest: 0, reference: Some(1.0), is_logarithmic: true };
    report.charts = vec![
        chart("panels", "Images lingering", "Over cycles.", Plot::Panels(panels)),
        chart("ratios", "Ratio to builtin", "Each dot is a round.", Plot::Spreads(ratios)),
    ];
    report
}

/// Charts without data, with one item, and with more than there can be.
pub(crate) fn odd() -> Report {
    let mut report = leak();
    let values = [f64::NAN, f64::INFINITY, 0.0, u64::MAX as f64, 0.25, -3.0];
    let points = |n: usize| -> Vec<Point> {
        let values = values.iter().cycle().take(n).enumerate();
        let of = |(n, &value): (usize, &f64)| Point {
            at_s: n as f64 * 1e6,
            cycles: (n % 2 == 0).then_some(u64::MAX / 8 * n as u64),
            value,
            line: usize::MAX,
        };
        values.map(of).collect()
    };
    let lines = |n: usize, style| Lines {
        unit: [None, Some(Unit::Bytes), Some(Unit::Count)][n % 3],
        series: vec![series("odd", Tone::Series(250), style, points(n))],
        limits: vec![limit("none", 0.0), limit("endless", f64::MAX)],
        marks: Vec::new(),
        fits: Vec::new(),
    };
    report.charts.clear();
    for (n, style) in
        [Style::Line, Style::Dots, Style::Faint, Style::Stacked, Style::Stacked].iter().enumerate()
    {
        let plot = Plot::Lines(lines(n, *style));
        report.charts.push(chart(&format!("lines-{n}"), "", "", plot));
    }
    report.charts.push(chart("none", "", "", Plot::Lines(Lines::default())));
    let mut maps = slot_maps();
    let pool = &mut maps.maps[0];
    pool.rows.truncate(1);
    pool.slots = 1;
    pool.rows[0].map = SlotMap::of_states(&[SlotState::Queued]).expect("a slot");
    report.charts.push(chart("slot", "", "", Plot::Slots(maps)));
    let all = SlotRun { state: SlotState::MapsDropped, slots: u32::MAX };
    let mut huge = slot_maps();
    huge.maps[0].slots = u32::MAX;
    for row in &mut huge.maps[0].rows {
        row.map = SlotMap::of([all]).expect("slots");
    }
    huge.maps.push(SlotRows { subject: 1, ..SlotRows::default() });
    report.charts.push(chart("huge", "", "", Plot::Slots(huge)));
    report.charts.push(chart("no-slots", "", "", Plot::Slots(SlotMaps::default())));
    let bin = |from_ns, to_ns, count| TimeBin { from_ns, to_ns, count };
    for (n, bins) in
        [vec![], vec![bin(0.0, 1.0, 0)], vec![bin(5.0, 5.0, 1)], vec![bin(1.0, 9e18, u64::MAX)]]
            .into_iter()
            .enumerate()
    {
        let times =
            Times { bins, count: n as u64, p50_ns: Some(0), p99_ns: None, max_ns: Some(u64::MAX) };
        report.charts.push(chart(&format!("times-{n}"), "", "", Plot::Times(times)));
    }
    report.charts.push(chart("no-lives", "", "", Plot::Survival(Survival::default())));
    let bin = AgeBin { from: 7, to: 8, dropped: 0.0, lingering: vec![u64::MAX] };
    let reasons = vec![Reason::NotInSubject];
    let life = Survival { bins: vec![bin], reasons, ..Survival::default() };
    report.charts.push(chart("life", "", "", Plot::Survival(life)));
    let panel = |n| Panel {
        name: String::new(),
        note: String::new(),
        tone: Tone::Warning,
        lines: lines(n, Style::Line),
    };
    let panels = Panels { panels: (0..3).map(panel).collect(), ..Panels::default() };
    report.charts.push(chart("panels", "", "", Plot::Panels(panels)));
    report.charts.push(chart("no-panels", "", "", Plot::Panels(Panels::default())));
    report.charts.push(chart("heat", "", "", Plot::Heat(Heat::default())));
    report.charts.push(chart("no-proof", "", "", Plot::Proof(Proof::default())));
    let stretches = vec![Stretch { released: u64::MAX, late: 1, ..Stretch::default() }; 2];
    let proof = Proof { stretches, unverified: u64::MAX, by_process: true };
    report.charts.push(chart("proof", "", "", Plot::Proof(proof)));
    report.charts.push(chart("no-peaks", "", "", Plot::Peaks(Peaks::default())));
    report.charts.push(chart("no-spreads", "", "", Plot::Spreads(Spreads::default())));
    let odd = Spread { rounds: vec![0.0, f64::MAX, f64::NAN], ..Spread::default() };
    let spreads = Spreads { rows: vec![odd], is_logarithmic: true, ..Spreads::default() };
    report.charts.push(chart("spreads", "", "", Plot::Spreads(spreads)));
    report.lingering = Some(LingeringTable { total: u64::MAX, ..LingeringTable::default() });
    report.tables = vec![Table { id: "empty".to_owned(), ..Table::default() }];
    (report.figures, report.findings, report.facts) = (Vec::new(), Vec::new(), Vec::new());
    report
}

/// The leak with the maximum of everything.
pub(crate) fn largest() -> Report {
    let mut report = leak();
    let mut noise = 1_u64;
    let mut next = || {
        noise =
            noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        noise >> 33
    };
    for chart in &mut report.charts {
        if let Plot::Lines(lines) = &mut chart.plot {
            for series in &mut lines.series {
                let of = |n: usize| Point {
                    at_s: n as f64 * 16.217,
                    cycles: Some(n as u64 * 10_007),
                    value: next() as f64,
                    line: n * 37,
                };
                series.points = (0..Series::POINTS_MAX).map(of).collect();
            }
        }
        if let Plot::Slots(maps) = &mut chart.plot {
            let mut row = || {
                let states = (0..SlotMap::SLOTS_MAX)
                    .map(|_| SlotState::ALL[next() as usize % SlotState::ALL.len()]);
                SlotMap::of_states(&states.collect::<Vec<_>>()).expect("slots")
            };
            let pool = |subject: u32| SlotRows {
                subject,
                slots: SlotMap::SLOTS_MAX as u32,
                rows: (0..SlotRows::ROWS_MAX)
                    .map(|n| SlotRow {
                        at_s: n as f64 * 81.0,
                        cycles: n as u64 * 50_035,
                        map: row(),
                        line: n,
                    })
                    .collect(),
            };
            maps.maps = (0..4).map(pool).collect();
        }
    }
    let table = report.lingering.get_or_insert_default();
    let row = table.rows[0].clone();
    table.rows = vec![row; LingeringTable::ROWS_MAX];
    report
}

/// A name with markup, scripts and control characters.
pub(crate) const HOSTILE: &str = "<img src=x onerror=alert(1)></script><script>alert(2)</script>\
    \"><svg/onload=alert(3)>'`${alert(4)}&lt;\0\u{202e}\u{2028}]]>--><!--";

/// The leak with [`HOSTILE`] for every text.
pub(crate) fn hostile() -> Report {
    let mut report = leak();
    let name = || HOSTILE.to_owned();
    report.charts.extend(comparison().charts);
    report.title = name();
    report.headline = name();
    for figure in &mut report.figures {
        (figure.label, figure.value, figure.beside) = (name(), name(), name());
    }
    for chart in &mut report.charts {
        (chart.title, chart.reads) = (name(), name());
        match &mut chart.plot {
            Plot::Lines(lines) => rename(lines),
            Plot::Panels(panels) => {
                for panel in &mut panels.panels {
                    (panel.name, panel.note) = (name(), name());
                    rename(&mut panel.lines);
                }
            }
            Plot::Heat(heat) => {
                heat.what = name();
                for axis in [&mut heat.across, &mut heat.down] {
                    axis.flags.iter_mut().for_each(|flag| *flag = name());
                    axis.values.iter_mut().flatten().for_each(|value| *value = name());
                }
                for cell in heat.cells.iter_mut().flatten() {
                    (cell.text, cell.name) = (name(), name());
                }
            }
            Plot::Spreads(spreads) => {
                for row in &mut spreads.rows {
                    (row.name, row.text) = (name(), name());
                }
            }
            Plot::Slots(_)
            | Plot::Times(_)
            | Plot::Proof(_)
            | Plot::Peaks(_)
            | Plot::Survival(_) => {}
        }
    }
    for finding in &mut report.findings {
        // Other than the banner's sentence.
        finding.message = format!("found: {HOSTILE}");
    }
    for row in report.lingering.iter_mut().flat_map(|table| &mut table.rows) {
        row.holders = vec![name(), "x".repeat(10_000)];
    }
    for table in &mut report.tables {
        table.title = name();
        table.columns.iter_mut().for_each(|column| column.name = name());
        table.rows.iter_mut().flatten().for_each(|cell| *cell = name());
    }
    for step in &mut report.next {
        step.effect = name();
        if let Means::Choice { words, command } = &mut step.means {
            (*words, *command) = (name(), Some(name()));
        }
    }
    for group in &mut report.facts {
        group.name = name();
        for (fact, value) in &mut group.facts {
            *value = name();
            if fact != "command" {
                *fact = name();
            }
        }
    }
    report.unmeasured = vec![name(), "y".repeat(10_000)];
    report
}

fn rename(lines: &mut Lines) {
    lines.series.iter_mut().for_each(|series| series.name = HOSTILE.to_owned());
    lines.limits.iter_mut().for_each(|limit| limit.name = HOSTILE.to_owned());
    lines.marks.iter_mut().for_each(|mark| mark.text = HOSTILE.to_owned());
}

/// The same with suspects.
pub(crate) fn hostile_observed() -> Report {
    let name = || HOSTILE.to_owned();
    let mut report = hostile();
    report.suspects = observed().suspects;
    for card in &mut report.suspects {
        (card.name, card.rate, card.grew) = (name(), name(), name());
        (card.evidence, card.examples) = (vec![name()], vec![name()]);
        if let Some(forecast) = &mut card.forecast {
            (forecast.limit, forecast.max, forecast.left) = (name(), name(), name());
        }
    }
    report
}
