//! Comparisons: rows, rounds, ratios, the verdict, and each format against its golden file.

use std::path::Path;

use leakbench_model::Verdict;
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::Ledger;
use leakbench_recording::recording::{ExitKind, Recording};
use leakbench_reports::comparison::{Comparison, Kind, Refusal, Row, RunSummary, Swept};
use leakbench_reports::render::{
    Closing, ComparisonJson, Summary, SummaryStyle, comparison_markdown,
};
use proptest::prelude::*;

use crate::common::{self, golden};

fn run(round: u32, folder: &str, recording: &Recording) -> RunSummary {
    let ledger = Ledger::of(recording).expect("it has a start");
    RunSummary::new(round, folder.to_owned(), &ledger, &Judgement::of(&ledger))
}

fn row(name: &str, runs: Vec<RunSummary>) -> Row {
    let subject = name.split(' ').next().unwrap_or(name).to_owned();
    Row { name: name.to_owned(), subject, values: Vec::new(), runs, refusal: None }
}

/// A run of 3,000 cycles at this rate, with this many lingering images.
fn timed(round: u32, rate_per_s: f64, lingering: u64) -> RunSummary {
    let recording = if lingering > 0 { common::leak_keep() } else { common::leak_earlier() };
    let mut summary = run(round, "folder", &recording);
    summary.verdict = if lingering > 0 { Verdict::Leak } else { Verdict::Clean };
    summary.reason = (lingering > 0).then(|| format!("{lingering} of 3,000 images linger"));
    summary.images.lingering = lingering;
    summary.images.synchronous = 3_000 - lingering;
    summary.rate_per_s = Some(rate_per_s);
    summary
}

fn compare(rows: Vec<Row>) -> Comparison {
    Comparison {
        kind: Kind::Compare,
        command: "leakbench compare".to_owned(),
        rounds: 1,
        swept: Vec::new(),
        rows,
        interrupted: false,
    }
}

/// A row of each verdict.
pub(crate) fn compared() -> Comparison {
    let failed = ExitKind::Failed { error: "cannot instantiate module 51424".to_owned() };
    compare(vec![
        row("builtin (1)", vec![run(1, "01-builtin-1", &common::clean())]),
        row("builtin (2)", vec![run(1, "02-builtin-2", &common::leak_keep())]),
        row("wasmtime@3", vec![run(1, "03-wasmtime@3", &common::leak_earlier())]),
        row("wasmtime@48", vec![run(1, "04-wasmtime@48", &common::died(failed))]),
        row("node driver.mjs", vec![run(1, "05-node-driver.mjs", &common::copy())]),
        row("unsure", vec![run(1, "06-unsure", &common::inconclusive())]),
        Row {
            refusal: Some(Refusal::AtStart("1000000 slots do not fit".to_owned())),
            ..row("refusing", Vec::new())
        },
    ])
}

pub(crate) fn swept() -> Comparison {
    let flag = |flag: &str, values: &[&str]| Swept {
        flag: flag.to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let swept = vec![
        flag("subject", &["builtin", "wasmtime@48"]),
        flag("strategy", &["random", "next-available", "warm-lru"]),
    ];
    let combination = |subject: &str, strategy: &str, runs: Vec<RunSummary>| Row {
        values: vec![subject.to_owned(), strategy.to_owned()],
        ..row(&format!("subject={subject},strategy={strategy}"), runs)
    };
    let not_offered = |strategy: &str| Row {
        refusal: Some(Refusal::NotOffered(format!(
            "wasmtime@48 has no --strategy {strategy}: it has warm-lru"
        ))),
        ..combination("wasmtime@48", strategy, Vec::new())
    };
    Comparison {
        kind: Kind::Sweep,
        swept,
        rows: vec![
            combination("builtin", "random", vec![run(1, "01", &common::clean())]),
            combination("builtin", "next-available", vec![run(1, "02", &common::leak_keep())]),
            combination("builtin", "warm-lru", vec![run(1, "03", &common::leak_queue())]),
            not_offered("random"),
            not_offered("next-available"),
            combination("wasmtime@48", "warm-lru", vec![]),
        ],
        ..compare(Vec::new())
    }
}

fn draw(comparison: &Comparison, width: Option<usize>, out: &Path) -> String {
    let style = SummaryStyle { width, out: Some(out), ..SummaryStyle::default() };
    Summary::of_comparison(comparison).draw(&style, &Closing::default())
}

#[test]
fn every_format_is_as_it_was() {
    let out = Path::new("leakbench-out/compare-20250615-153000");
    let repeated = Comparison {
        rounds: 3,
        ..compare(vec![
            row("builtin", (1..=3).map(|n| timed(n, 1_000.0 * f64::from(n), 0)).collect()),
            row("wasmtime@3", (1..=3).map(|n| timed(n, 400.0 * f64::from(n + 1), 9)).collect()),
        ])
    };
    let mut wrong = Vec::new();
    for (name, comparison) in
        [("compare", compared()), ("sweep", swept()), ("compare-rounds", repeated)]
    {
        for (width, suffix) in [(None, ""), (Some(80), "-80-columns")] {
            let drawn = draw(&comparison, width, out);
            wrong.extend(golden(&format!("{name}{suffix}.txt"), &drawn).err());
        }
        wrong.extend(golden(&format!("{name}.md"), &comparison_markdown(&comparison)).err());
        let json = ComparisonJson::new(&comparison).to_text().expect("text and numbers");
        wrong.extend(golden(&format!("{name}.json"), &json).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn tables_keep_to_the_width_of_a_terminal() {
    for comparison in [compared(), swept()] {
        for width in 77..=130 {
            let out = Path::new("out");
            let drawn = draw(&comparison, Some(width), out);
            for line in drawn.lines().filter(|line| !line.starts_with("verdict: ")) {
                assert!(line.chars().count() <= width, "at {width}: {line}\n{drawn}");
            }
        }
    }
}

#[test]
fn missing_measurements_have_a_dash() {
    let drawn = draw(&compared(), None, Path::new("out"));
    let cells = |name: &str| -> Vec<&str> {
        let line = drawn.lines().find(|line| line.starts_with(name)).expect("a row");
        line[name.len()..].split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
    };
    // It died: its end is unknown, and its rate is that of a part of the run.
    assert_eq!(cells("wasmtime@48")[0], "subject died");
    assert_eq!(cells("wasmtime@48")[5..], ["–", "–", "–", "–", "42.0", "–", "–"]);
    // It made no image, so none was released. That none is mapped was measured.
    assert_eq!(cells("node driver.mjs")[..6], ["clean", "–", "–", "–", "–", "0"]);
    assert_eq!(cells("refusing"), [&["refused"][..], &["–"; 11]].concat());
}

#[test]
fn the_gravest_verdict_is_that_of_the_whole() {
    let headline = |rows: Vec<Row>| {
        let comparison = compare(rows);
        (comparison.verdict(), comparison.headline())
    };
    let clean = || row("a", vec![timed(1, 1.0, 0)]);
    let leak = || row("b", vec![timed(1, 1.0, 940)]);
    let died = || row("c", vec![run(1, "c", &common::died(ExitKind::Signaled { signal: 9 }))]);
    assert_eq!(
        headline(vec![clean(), clean()]),
        (
            Some(Verdict::Clean),
            "clean — the kernel released 6,000 of 6,000 images in 2 runs".to_owned()
        )
    );
    assert_eq!(
        headline(vec![clean(), leak()]),
        (Some(Verdict::Leak), "LEAK — 1 of 2 subjects: b (940 of 3,000 images linger)".to_owned())
    );
    let (verdict, text) = headline(vec![leak(), clean(), died()]);
    assert_eq!(verdict, Some(Verdict::SubjectDied));
    assert!(text.starts_with("subject died — 1 of 3 subjects: c ("), "{text}");
    assert!(text.ends_with("; LEAK — 1 of 3 subjects: b (940 of 3,000 images linger)"), "{text}");
    let (_, text) = headline((0..6).map(|_| leak()).collect());
    assert!(text.ends_with(", and 3 more"), "{text}");
    let interrupted = Comparison {
        interrupted: true,
        rounds: 2,
        ..compare(vec![
            leak(),
            row("x", vec![run(1, "x", &common::interrupted())]),
            row("y", vec![]),
        ])
    };
    assert_eq!(interrupted.verdict(), Some(Verdict::Interrupted));
    assert_eq!(
        interrupted.headline(),
        "interrupted — 1 of 6 runs done; LEAK — 1 of 3 subjects: b (940 of 3,000 images linger)"
    );
    assert_eq!(compare(vec![row("a", vec![])]).verdict(), None);
}

#[test]
fn a_row_is_as_grave_as_its_gravest_round_and_shows_that_one() {
    let rounds = vec![timed(1, 1.0, 0), timed(2, 2.0, 5), timed(3, 9.0, 7), timed(4, 1.0, 7)];
    let row = row("a", rounds);
    assert_eq!(row.verdict(), Some(Verdict::Leak));
    assert_eq!(row.worst().map(|run| run.round), Some(3));
    assert_eq!(row.rate_per_s(), Some(1.5));
}

#[test]
fn a_round_in_which_one_was_not_finished_has_no_ratio() {
    let mut second = row("b", vec![timed(1, 50.0, 0), timed(2, 30.0, 0)]);
    let first = row("a", vec![timed(1, 100.0, 0), timed(2, 100.0, 0), timed(3, 1.0, 0)]);
    second.runs[0].cycles -= 1;
    let comparison = compare(vec![first, second]);
    let ratio = comparison.ratio(1).expect("of round 2");
    assert_eq!((ratio.median, ratio.min, ratio.max, ratio.rounds), (0.3, 0.3, 0.3, 1));
    assert_eq!((ratio.to_string().as_str(), ratio.within_noise), ("0.30", None));
    assert_eq!(comparison.ratio(0).map(|ratio| ratio.rounds), Some(3));
    assert_eq!(comparison.ratio(2), None);
}

#[test]
fn a_ratio_is_printed_with_its_interval() {
    let printed = |rates: [f64; 4]| {
        let rounds =
            |rates: [f64; 4]| (1..).zip(rates).map(|(n, rate)| timed(n, rate, 0)).collect();
        let comparison = compare(vec![row("a", rounds([100.0; 4])), row("b", rounds(rates))]);
        comparison.ratio(1).expect("both ran").to_string()
    };
    assert_eq!(printed([80.0, 82.0, 78.0, 81.0]), "0.80 ± 0.03");
    assert_eq!(printed([98.0, 102.0, 90.0, 109.0]), "1.00 [0.88, 1.13], within noise");
    assert_eq!(printed([200.0; 4]), "2.00");
}

proptest! {
    /// The machine changes its speed between rounds, never within one: the ratio stays.
    #[test]
    fn ratios_are_of_one_round(
        speeds in prop::collection::vec(0.1_f64..10.0, 1..8),
        truth in 0.01_f64..100.0,
    ) {
        let rounds = |factor: f64| {
            let speeds = speeds.iter().enumerate();
            speeds.map(|(n, speed)| timed(n as u32 + 1, 1_000.0 * speed * factor, 0)).collect()
        };
        let comparison = compare(vec![row("a", rounds(1.0)), row("b", rounds(truth))]);
        let ratio = comparison.ratio(1).expect("both ran");
        for part in [ratio.mean, ratio.median, ratio.min, ratio.max] {
            prop_assert!((part / truth - 1.0).abs() < 1e-9, "{ratio:?}");
        }
    }
}
