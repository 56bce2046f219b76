//! Pictures: that they are well-formed, say what they should, and never fail for what is in them.

use leakbench_reports::draw;
use leakbench_reports::judge::Verdict;
use leakbench_reports::ledger::Reason;
use leakbench_reports::observation::Unit;
use leakbench_reports::recording::{SlotCell, SlotCounts};
use leakbench_reports::report::{
    Axis, Chart, Figure, Heat, HeatCell, Lifetime, Lifetimes, LimitLine, Lines, Mark, MarkKind,
    Panel, Panels, Plot, Point, Report, Series, SlotRow, SlotRows, Style, TimeBin, Times, Tone,
};
use proptest::prelude::*;
use quick_xml::events::Event;

/// A name that is no markup, moves no cursor and is not too long for anything.
const HOSTILE: &str =
    "</text><script>alert('1')</script>&amp;\"\u{0}\u{1b}[2J\u{202e}\u{ffff}大👾\r\n]]>";

fn chart(id: &str, title: &str, plot: Plot) -> Chart {
    let reads = "What to look for, in a sentence that says it.".to_owned();
    Chart { id: id.to_owned(), title: title.to_owned(), reads, plot }
}

fn series(name: &str, tone: Tone, style: Style, values: impl Fn(f64) -> f64) -> Series {
    let point = |index: u32| {
        let at_s = f64::from(index) * 0.02;
        let cycles = Some(u64::from(index) * 10_000);
        Point { at_s, cycles, value: values(at_s), line: index as usize + 2 }
    };
    Series { name: name.to_owned(), tone, style, points: (0..=500).map(point).collect() }
}

fn mark(kind: MarkKind, from_s: f64, to_s: f64, text: &str) -> Mark {
    Mark { kind, from_s, to_s, text: text.to_owned() }
}

fn lingering() -> Lines {
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
    Lines { unit: Some(Unit::Count), series: vec![at_barriers, between], limits: vec![], marks }
}

fn mappings() -> Lines {
    let limit = |name: &str, value| LimitLine { name: name.to_owned(), value };
    Lines {
        unit: Some(Unit::Count),
        series: vec![
            series("mappings", Tone::Series(0), Style::Line, |at_s| 40.0 + at_s * 290.0),
            series("descriptors", Tone::Series(1), Style::Line, |at_s| 20.0 + at_s * 94.0),
        ],
        limits: vec![limit("vm.max_map_count", 65_530.0), limit("RLIMIT_NOFILE", 4_096.0)],
        marks: vec![],
    }
}

fn memory() -> Lines {
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
    }
}

/// Slots that are taken at random and keep what they had.
fn slots(rows: u32, columns: u32) -> SlotRows {
    let row = |row: u32| {
        let cell = |slot: u32| match (slot.wrapping_mul(2_654_435_761) >> 7) % 1_000 {
            at if at < 8 => SlotCell::InUse,
            at if at < 30 => SlotCell::AffineLive,
            at if at < 60 => SlotCell::Queued,
            at if at < 60 + 900 * row / rows.max(1) => SlotCell::AffineDropped,
            at if at % 3 == 0 => SlotCell::Warm,
            _ => SlotCell::Cold,
        };
        let cells: Vec<SlotCell> = (0..columns).map(cell).collect();
        let count = |state| cells.iter().filter(|&&cell| cell == state).count() as u64;
        let counts = SlotCounts {
            cold: count(SlotCell::Cold),
            warm: count(SlotCell::Warm),
            in_use: count(SlotCell::InUse),
            affine_live: count(SlotCell::AffineLive),
            affine_dropped: count(SlotCell::AffineDropped),
            queued: count(SlotCell::Queued),
            unknown: 0,
        };
        let cycles = u64::from(row) * 300;
        SlotRow {
            at_s: f64::from(row),
            cycles,
            cells,
            counts: Some(counts),
            line: row as usize + 3,
        }
    };
    SlotRows { subject: 0, slots: columns, slots_a_cell: 1, rows: (0..rows).map(row).collect() }
}

fn times() -> Times {
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

fn lifetimes() -> Lifetimes {
    let reasons = [Reason::AffineSlot, Reason::QueuedSlot, Reason::DescriptorOnly];
    let bar = |index: u32| Lifetime {
        name: format!("inode {} of module {}", 4_711 + index, 88 + index),
        from_s: f64::from(index * index) / 40.0,
        to_s: 10.0,
        reason: reasons[index as usize % 3],
        holders: format!("slot {} (affine), fd {}", 700 + index, 20 + index),
        line: 12,
    };
    Lifetimes { bars: (0..20).map(bar).collect(), rest: 922, until_s: 10.0 }
}

fn heat() -> Heat {
    let axis = |flag: &str, values: [&str; 3]| Axis {
        flag: flag.to_owned(),
        values: values.map(str::to_owned).to_vec(),
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

fn panels(count: u32) -> Panels {
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
    Panels { panels: (0..count).map(panel).collect(), rest: 0 }
}

fn figure(label: &str, value: &str, beside: &str, tone: Tone) -> Figure {
    let [label, value, beside] = [label, value, beside].map(str::to_owned);
    Figure { label, value, beside, tone }
}

fn report(verdict: Verdict, headline: &str, charts: Vec<Chart>) -> Report {
    Report {
        title: "builtin, strategy random over 1,000 slots, on drop keep, 1 process, seed 7"
            .to_owned(),
        verdict,
        headline: headline.to_owned(),
        figures: vec![
            figure("lingering at the end", "942", "of 3,000 images", Tone::Bad),
            figure("drop to release, median", "13.8 us", "p99 41 us, max 7.3 ms", Tone::Neutral),
            figure("rate", "51,200 cycles/s", "over 10.0 s", Tone::Good),
        ],
        charts,
        findings: vec![],
        lingering: None,
        tables: vec![],
        facts: vec![],
        unmeasured: vec![],
    }
}

fn leak() -> Report {
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
            chart("lifetimes", "Longest-lingering images", Plot::Lifetimes(lifetimes())),
        ],
    )
}

fn comparison() -> Report {
    report(
        Verdict::Leak,
        "LEAK — 1 of 4 runs leaks",
        vec![
            chart("panels", "Lingering, run by run", Plot::Panels(panels(4))),
            chart("heat", "Lingering by two flags", Plot::Heat(heat())),
        ],
    )
}

/// Every text of an SVG, unescaped. Panics if it is not well-formed, or has what XML forbids.
fn texts(svg: &str) -> Vec<String> {
    let forbidden = |c: char| !matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(!svg.contains(forbidden), "a character that XML forbids");
    let mut reader = quick_xml::Reader::from_str(svg);
    let mut texts = vec![String::new()];
    let mut depth = 0;
    loop {
        match reader.read_event().expect("well-formed XML") {
            Event::Start(start) => {
                depth += 1;
                texts.push(String::new());
                let name = start.name();
                assert!(!name.as_ref().eq_ignore_ascii_case("script"), "a script");
                start.attributes().for_each(|attribute| drop(attribute.expect("an attribute")));
            }
            Event::Empty(empty) => {
                empty.attributes().for_each(|attribute| drop(attribute.expect("an attribute")));
            }
            Event::End(_) => depth -= 1,
            Event::Text(text) => texts.last_mut().expect("one").push_str(&text),
            Event::GeneralRef(reference) => {
                let name = &*reference;
                let unescaped =
                    quick_xml::escape::unescape(&format!("&{name};")).expect("known").into_owned();
                texts.last_mut().expect("one").push_str(&unescaped);
            }
            Event::Eof => break,
            other => panic!("no {other:?} is expected"),
        }
    }
    assert_eq!(depth, 0);
    texts.into_iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

#[track_caller]
fn assert_says(plot: Plot, expected: &[&str]) -> String {
    let svg = draw::svg(&chart("one", "What it shows", plot)).expect("a picture");
    let texts = texts(&svg);
    for expected in ["What it shows"].iter().chain(expected) {
        assert!(texts.iter().any(|text| text == expected), "'{expected}' is not in {texts:?}");
    }
    svg
}

/// The size of a PNG, and its pixels, three bytes each.
fn decoded(bytes: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("a frame");
    assert_eq!(info.color_type, png::ColorType::Rgb);
    (info.width, info.height, pixels)
}

fn share_of(pixels: &[u8], colour: [u8; 3]) -> f64 {
    let same = pixels.chunks_exact(3).filter(|pixel| *pixel == colour).count();
    same as f64 * 3.0 / pixels.len() as f64
}

/// What an affine slot of a dropped module looks like.
const VERMILION: [u8; 3] = [0xd1, 0x44, 0x0c];

#[test]
fn lines_say_what_they_are_and_where_they_end() {
    assert_says(
        Plot::Lines(lingering()),
        &[
            "lingering at barriers",
            "950",
            "barrier",
            "settling",
            "the subject was killed",
            "5M",
            "1,000",
        ],
    );
    assert_says(
        Plot::Lines(mappings()),
        &[
            "mappings",
            "2,940",
            "limit vm.max_map_count 65,530, 22 times the peak",
            "RLIMIT_NOFILE 4,096",
        ],
    );
    assert_says(Plot::Lines(memory()), &["shared", "25.3 MiB", "64 MiB", "0 B"]);
}

#[test]
fn a_slot_map_says_how_many_slots_are_in_which_state_that_occurs() {
    let rows = slots(60, 1_000);
    let counts = rows.rows[59].counts.expect("counts");
    let dropped = counts.affine_dropped.to_string();
    let svg = assert_says(
        Plot::Slots(rows),
        &[
            "affine to a dropped module",
            &dropped,
            "in use",
            "slot 0",
            "999",
            "60 barriers, time runs down",
        ],
    );
    assert!(svg.contains("#D1440C") && !svg.contains("not known"), "{svg}");
    let mut clean = slots(60, 1_000);
    for row in &mut clean.rows {
        row.cells.fill(SlotCell::Warm);
    }
    let svg = assert_says(Plot::Slots(clean), &["free, warm without an image"]);
    assert!(!svg.contains("#D1440C"));
}

#[test]
fn the_most_telling_slot_shows_where_there_are_more_than_pixels() {
    let mut rows = slots(400, 1_024);
    for row in &mut rows.rows {
        row.cells.fill(SlotCell::Cold);
    }
    let quiet =
        report(Verdict::Clean, "clean", vec![chart("slots", "", Plot::Slots(rows.clone()))]);
    for row in &mut rows.rows[100..] {
        row.cells[700] = SlotCell::AffineDropped;
    }
    let lone = report(Verdict::Clean, "clean", vec![chart("slots", "", Plot::Slots(rows))]);
    let [quiet, lone] = [quiet, lone].map(|report| {
        let (width, height, pixels) =
            decoded(&draw::picture(&report, &["slots"], 320, 300).expect("a picture"));
        assert_eq!((width, height), (320, 300));
        share_of(&pixels, VERMILION) * 96_000.0
    });
    assert_eq!(quiet, 0.0);
    assert!(lone > 60.0, "a line of one pixel's width: {lone}");
}

#[test]
fn other_plots_say_their_numbers() {
    assert_says(
        Plot::Times(times()),
        &["median 9.3 us", "p99 41.0 us", "max 7.3 ms", "10 us", "1 ms"],
    );
    assert_says(
        Plot::Lifetimes(lifetimes()),
        &[
            "inode 4711 of module 88",
            "slot 700 (affine), fd 20",
            "held by an affine slot",
            "… and 922 more",
        ],
    );
    assert_says(
        Plot::Heat(heat()),
        &[
            "images lingering at the end",
            "--warm-slots",
            "--decommit-batch",
            "1000",
            "469",
            "refused",
        ],
    );
    assert_says(
        Plot::Panels(panels(4)),
        &["wasmtime@3", "1200 of 3,000 linger", "5M cycles", "lingering"],
    );
}

#[test]
fn the_main_picture_has_its_size_and_shows_what_leaked() {
    let (width, height, pixels) = decoded(&draw::png(&leak()).expect("a picture"));
    assert_eq!((width, height), (1_600, 1_200));
    assert!(share_of(&pixels, [255, 255, 255]) < 0.9, "blank");
    assert!(share_of(&pixels, VERMILION) > 0.02);
}

#[test]
fn every_kind_of_report_has_a_main_picture() {
    let clean = report(Verdict::Clean, "clean — nothing was measured", vec![]);
    for (report, banner) in [(comparison(), [0xc2, 0x3b, 0x07]), (clean, [0x00, 0x79, 0x5a])] {
        let (_, _, pixels) = decoded(&draw::png(&report).expect("a picture"));
        assert!(share_of(&pixels, banner) > 0.05);
    }
    let error = draw::picture(&leak(), &["nothing"], 64, 64).expect_err("no such chart");
    assert_eq!(error.to_string(), "the report has no chart 'nothing'");
}

#[test]
fn a_name_from_outside_is_text_and_nothing_else() {
    let mut lines = lingering();
    lines.series[0].name = HOSTILE.to_owned();
    lines.marks[0].text = HOSTILE.to_owned();
    lines.limits.push(LimitLine { name: HOSTILE.to_owned(), value: 1e9 });
    let mut lifetimes = lifetimes();
    lifetimes.bars[0].name = HOSTILE.to_owned();
    lifetimes.bars[1].holders = HOSTILE.repeat(1_000);
    let mut heat = heat();
    heat.across.values[0] = HOSTILE.to_owned();
    heat.cells[0][0].text = HOSTILE.to_owned();
    let mut panels = panels(2);
    panels.panels[0].name = HOSTILE.repeat(1_000);
    for plot in
        [Plot::Lines(lines), Plot::Lifetimes(lifetimes), Plot::Heat(heat), Plot::Panels(panels)]
    {
        let mut chart = chart("hostile", HOSTILE, plot);
        chart.reads = HOSTILE.repeat(1_000);
        let svg = draw::svg(&chart).expect("a picture");
        assert!(texts(&svg).iter().any(|text| text.starts_with("</text><script>")));
        assert!(svg.len() < 100_000, "{}", svg.len());
        let mut report = report(Verdict::Leak, &HOSTILE.repeat(1_000), vec![chart]);
        report.title = HOSTILE.to_owned();
        draw::picture(&report, &["hostile"], 300, 240).expect("a picture");
    }
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), Just(u64::MAX), 0..2_000_u64, any::<u64>()]
}

fn amount() -> impl Strategy<Value = f64> {
    prop_oneof![number().prop_map(|number| number as f64), 0.0..1.0, 0.0..1e9]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![".{0,20}", Just(HOSTILE.to_owned()), Just("long ".repeat(2_000))]
}

fn tone() -> impl Strategy<Value = Tone> {
    prop_oneof![
        Just(Tone::Neutral),
        Just(Tone::Good),
        Just(Tone::Bad),
        any::<u8>().prop_map(Tone::Series)
    ]
}

fn any_lines() -> impl Strategy<Value = Lines> {
    let style = prop::sample::select(vec![Style::Line, Style::Faint, Style::Dots, Style::Stacked]);
    let kinds = [MarkKind::Barrier, MarkKind::Settle, MarkKind::Drop, MarkKind::Incident];
    let point = (amount(), amount(), prop::option::of(number()));
    let points = prop::collection::vec(point, 0..12).prop_map(|mut points| {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let point = |(at_s, value, cycles)| Point { at_s, cycles, value, line: 1 };
        points.into_iter().map(point).collect::<Vec<Point>>()
    });
    let series = (name(), tone(), style, points).prop_map(|(name, tone, style, points)| Series {
        name,
        tone,
        style,
        points,
    });
    let limit = (name(), amount()).prop_map(|(name, value)| LimitLine { name, value });
    let mark = (prop::sample::select(kinds.to_vec()), amount(), amount(), name())
        .prop_map(|(kind, a, b, text)| Mark { kind, from_s: a.min(b), to_s: a.max(b), text });
    let unit = prop::sample::select(vec![None, Some(Unit::Count), Some(Unit::Bytes)]);
    (
        unit,
        prop::collection::vec(series, 0..4),
        prop::collection::vec(limit, 0..3),
        prop::collection::vec(mark, 0..6),
    )
        .prop_map(|(unit, series, limits, marks)| Lines { unit, series, limits, marks })
}

fn any_slots() -> impl Strategy<Value = SlotRows> {
    let cells = |columns| {
        let cell = prop::sample::select(SlotCell::ALL.to_vec());
        let row = (prop::collection::vec(cell, columns), amount(), number(), any::<bool>());
        prop::collection::vec(row, 0..9)
    };
    (0..40_usize).prop_flat_map(cells).prop_map(|rows| {
        let row = |(cells, at_s, cycles, tells): (Vec<SlotCell>, f64, u64, bool)| {
            let counts = tells.then(SlotCounts::default);
            SlotRow { at_s, cycles, cells, counts, line: 1 }
        };
        let rows: Vec<SlotRow> = rows.into_iter().map(row).collect();
        let slots = rows.first().map_or(0, |row| row.cells.len() as u32);
        SlotRows { subject: 0, slots, slots_a_cell: 1, rows }
    })
}

fn any_times() -> impl Strategy<Value = Times> {
    let quantile = || prop::option::of(number());
    let counts = prop::collection::vec(number(), 0..20);
    (counts, amount(), 1.001_f64..50.0, [quantile(), quantile(), quantile()]).prop_map(
        |(counts, first, factor, [p50_ns, p99_ns, max_ns])| {
            let mut from_ns = first;
            let bin = |count| {
                let to_ns = (from_ns * factor).max(1.0);
                let bin = TimeBin { from_ns, to_ns, count };
                from_ns = to_ns;
                bin
            };
            let bins = counts.into_iter().map(bin).collect();
            Times { bins, count: 3, p50_ns, p99_ns, max_ns }
        },
    )
}

fn any_lifetimes() -> impl Strategy<Value = Lifetimes> {
    let reasons = [Reason::InUseSlot, Reason::QueuedSlot, Reason::ColdSlot, Reason::NotInSubject];
    let bar = (name(), amount(), amount(), prop::sample::select(reasons.to_vec()), name())
        .prop_map(|(name, a, b, reason, holders)| Lifetime {
            name,
            from_s: a.min(b),
            to_s: a.max(b),
            reason,
            holders,
            line: 1,
        });
    (prop::collection::vec(bar, 0..41), number(), amount())
        .prop_map(|(bars, rest, until_s)| Lifetimes { bars, rest, until_s })
}

fn any_heat() -> impl Strategy<Value = Heat> {
    let cell = || {
        (prop::option::of(amount()), name(), tone()).prop_map(|(value, text, tone)| HeatCell {
            value,
            text,
            tone,
            name: String::new(),
        })
    };
    let axis = || {
        (name(), prop::collection::vec(name(), 0..4))
            .prop_map(|(flag, values)| Axis { flag, values })
    };
    // Not even as many cells as values: nothing is taken for granted.
    let cells = prop::collection::vec(prop::collection::vec(cell(), 0..4), 0..4);
    (name(), axis(), axis(), cells).prop_map(|(what, across, down, cells)| Heat {
        what,
        across,
        down,
        cells,
    })
}

fn any_panels() -> impl Strategy<Value = Panels> {
    let panel = (name(), name(), tone(), any_lines()).prop_map(|(name, note, tone, lines)| Panel {
        name,
        note,
        tone,
        lines,
    });
    (prop::collection::vec(panel, 0..7), number())
        .prop_map(|(panels, rest)| Panels { panels, rest })
}

fn any_plot() -> impl Strategy<Value = Plot> {
    prop_oneof![
        any_lines().prop_map(Plot::Lines),
        any_slots().prop_map(Plot::Slots),
        any_times().prop_map(Plot::Times),
        any_lifetimes().prop_map(Plot::Lifetimes),
        any_heat().prop_map(Plot::Heat),
        any_panels().prop_map(Plot::Panels),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_a_chart_has_in_it_is_drawn(
        plot in any_plot(),
        title in name(),
        width in 1_u32..160,
        height in 1_u32..160,
    ) {
        let chart = chart("any", &title, plot);
        texts(&draw::svg(&chart).expect("an SVG"));
        let report = report(Verdict::Interrupted, &title, vec![chart]);
        let picture = draw::picture(&report, &["any"], width, height).expect("a PNG");
        let (drawn_width, drawn_height, _) = decoded(&picture);
        prop_assert_eq!((drawn_width, drawn_height), (width, height));
    }
}
