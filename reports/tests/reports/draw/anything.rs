//! Charts of any data and any names can be drawn.

use leakbench_model::{Estimate, Reason, Resource, SlotState, Unit, Verdict};
use leakbench_recording::recording::{SlotMap, SlotRun};
use leakbench_reports::draw;
use leakbench_reports::report::{
    AgeBin, Axis, Fit, FitLimit, Heat, HeatCell, LimitLine, Lines, Mark, MarkKind, Panel, Panels,
    Peak, Peaks, Plot, Point, Proof, Series, SlotMaps, SlotRow, SlotRows, Spread, Spreads, Stretch,
    Style, Survival, TimeBin, Times, Tone,
};
use proptest::prelude::*;

use super::samples::{heat, lingering, panels, report};
use super::{chart, decoded, texts};

/// A name with markup, control characters, and of great length.
const HOSTILE: &str =
    "</text><script>alert('1')</script>&amp;\"\u{0}\u{1b}[2J\u{202e}\u{ffff}大👾\r\n]]>";

#[test]
fn a_name_from_outside_is_text_and_nothing_else() {
    let mut lines = lingering();
    lines.series[0].name = HOSTILE.to_owned();
    lines.marks[0].text = HOSTILE.to_owned();
    lines.limits.push(LimitLine { name: HOSTILE.to_owned(), value: 1e9 });
    let mut heat = heat();
    heat.across.values[0][0] = HOSTILE.to_owned();
    heat.cells[0][0].text = HOSTILE.to_owned();
    let mut panels = panels(2);
    panels.panels[0].name = HOSTILE.repeat(1_000);
    for plot in [Plot::Lines(lines), Plot::Heat(heat), Plot::Panels(panels)] {
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
    let styles = [Style::Line, Style::Faint, Style::Dots, Style::Stacked, Style::Expected];
    let style = prop::sample::select(styles.to_vec());
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
    let kind = prop::sample::select(MarkKind::ALL.to_vec());
    let mark = (kind, amount(), amount(), name(), prop::option::of(number())).prop_map(
        |(kind, a, b, text, cycles)| Mark {
            kind,
            from_s: a.min(b),
            to_s: a.max(b),
            label: if kind == MarkKind::Event { text.clone() } else { String::new() },
            text,
            cycles,
        },
    );
    let fit = (tone(), [amount(), amount(), amount(), amount()], amount(), name()).prop_map(
        |(tone, [a, b, at_s, value], rate, text)| Fit {
            tone,
            from_s: a.min(b),
            to_s: a.max(b),
            at_s,
            value,
            per_s: Estimate { value: rate, low: rate * 0.9, high: rate * 1.2 },
            limit: (rate > 1.0).then_some(FitLimit { value: value * 3.0, text }),
        },
    );
    let unit = prop::sample::select(vec![None, Some(Unit::Count), Some(Unit::Bytes)]);
    (
        unit,
        prop::collection::vec(series, 0..4),
        prop::collection::vec(limit, 0..3),
        prop::collection::vec(mark, 0..6),
        prop::collection::vec(fit, 0..3),
    )
        .prop_map(|(unit, series, limits, marks, fits)| Lines {
            unit,
            series,
            limits,
            marks,
            fits,
        })
}

fn any_slots() -> impl Strategy<Value = SlotMaps> {
    let run = (prop::sample::select(SlotState::ALL.to_vec()), 1_u32..=u32::MAX / 8);
    let map = prop::collection::vec(run, 1..6).prop_map(|runs| {
        let runs = runs.into_iter().map(|(state, slots)| SlotRun { state, slots });
        SlotMap::of(runs).expect("slots")
    });
    let small = prop::collection::vec(prop::sample::select(SlotState::ALL.to_vec()), 1..40);
    let small = small.prop_map(|states| SlotMap::of_states(&states).expect("slots"));
    let row = (prop_oneof![map, small], amount(), number());
    let pool = prop::collection::vec(row, 0..9).prop_map(|rows| {
        let row = |(map, at_s, cycles)| SlotRow { at_s, cycles, map, line: 1 };
        let rows: Vec<SlotRow> = rows.into_iter().map(row).collect();
        let slots = rows.last().map_or(0, |row| row.map.slots());
        SlotRows { subject: 0, slots, rows }
    });
    (prop::collection::vec(pool, 0..7), number()).prop_map(|(maps, rest)| SlotMaps { maps, rest })
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

fn any_survival() -> impl Strategy<Value = Survival> {
    let reasons = [Reason::InUseSlot, Reason::QueuedSlot, Reason::ColdSlot, Reason::NotInSubject];
    let bin = (number(), number(), amount(), prop::collection::vec(number(), 0..5)).prop_map(
        |(a, b, dropped, lingering)| AgeBin { from: a.min(b), to: a.max(b), dropped, lingering },
    );
    let reasons = prop::sample::subsequence(reasons.to_vec(), 0..4);
    let slots = prop::option::of(1_u32..2_000);
    (prop::collection::vec(bin, 0..41), reasons, slots).prop_map(|(bins, reasons, random_slots)| {
        Survival { bins, reasons, random_slots, cycles: Vec::new() }
    })
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
        let values = prop::collection::vec(prop::collection::vec(name(), 0..3), 0..4);
        (prop::collection::vec(name(), 0..3), values)
            .prop_map(|(flags, values)| Axis { flags, values })
    };
    // Also fewer cells than values.
    let cells = prop::collection::vec(prop::collection::vec(cell(), 0..4), 0..4);
    (name(), axis(), axis(), cells).prop_map(|(what, across, down, cells)| Heat {
        what,
        across,
        down,
        cells,
    })
}

fn any_spreads() -> impl Strategy<Value = Spreads> {
    let rounds = prop::collection::vec(amount(), 0..6);
    let row = (name(), any::<u8>(), rounds, amount(), amount()).prop_map(
        |(name, series, rounds, middle, half)| Spread {
            text: name.clone(),
            name,
            series,
            rounds,
            middle,
            interval: Some((middle - half, middle + half)),
        },
    );
    (prop::collection::vec(row, 0..9), number(), any::<bool>()).prop_map(
        |(rows, rest, is_logarithmic)| Spreads {
            rows,
            rest,
            reference: is_logarithmic.then_some(1.0),
            is_logarithmic,
        },
    )
}

fn any_panels() -> impl Strategy<Value = Panels> {
    let panel = (name(), name(), tone(), any_lines()).prop_map(|(name, note, tone, lines)| Panel {
        name,
        note,
        tone,
        lines,
    });
    (prop::collection::vec(panel, 0..7), number()).prop_map(|(panels, rest)| Panels {
        panels,
        rest,
        ..Panels::default()
    })
}

fn any_proof() -> impl Strategy<Value = Proof> {
    let stretch = (number(), number(), 0_u64..3, any::<u32>()).prop_map(
        |(released, late, disagreements, subject)| Stretch {
            subject,
            barriers: 1,
            released,
            late,
            disagreements,
            ..Stretch::default()
        },
    );
    (prop::collection::vec(stretch, 0..30), number(), any::<bool>())
        .prop_map(|(stretches, unverified, by_process)| Proof { stretches, unverified, by_process })
}

fn any_peaks() -> impl Strategy<Value = Peaks> {
    let resource = prop::sample::select(vec![Resource::Mappings, Resource::RssBytes]);
    let limit = prop::option::of((name(), number()));
    let peak = (resource, name(), prop::option::of(number()), number(), limit).prop_map(
        |(resource, name, at_rest, peak, limit)| Peak {
            resource,
            name,
            at_rest,
            peak,
            limit,
            uncounted: peak / 7,
        },
    );
    prop::collection::vec(peak, 0..6).prop_map(|rows| Peaks { rows })
}

fn any_plot() -> impl Strategy<Value = Plot> {
    prop_oneof![
        any_lines().prop_map(Plot::Lines),
        any_slots().prop_map(Plot::Slots),
        any_times().prop_map(Plot::Times),
        any_survival().prop_map(Plot::Survival),
        any_heat().prop_map(Plot::Heat),
        any_panels().prop_map(Plot::Panels),
        any_proof().prop_map(Plot::Proof),
        any_peaks().prop_map(Plot::Peaks),
        any_spreads().prop_map(Plot::Spreads),
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
