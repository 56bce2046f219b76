//! The report of a comparison: everything left out is counted.

use leakbench_recording::judge::Level;
use leakbench_reports::comparison::{Comparison, Kind, Row, RunSummary, Swept};
use leakbench_reports::recorded::{RecordedComparison, RecordedRun};
use leakbench_reports::report::Report;

use crate::common::leak_keep;

/// A comparison of this many runs, each of which leaks.
fn leaking(kind: Kind, rows: usize) -> RecordedComparison {
    let run = RecordedRun::of(&leak_keep()).expect("a start");
    let folder = |number: usize| format!("{number:03}-run");
    let row = |number: usize| Row {
        name: format!("slots={number}"),
        subject: "builtin".to_owned(),
        values: vec![number.to_string()],
        runs: vec![RunSummary::new(1, folder(number), &run.ledger, &run.judgement)],
        refusal: None,
    };
    let values = (0..rows).map(|number| number.to_string()).collect();
    let comparison = Comparison {
        kind,
        command: "leakbench sweep".to_owned(),
        rounds: 1,
        swept: vec![Swept { flag: "slots".to_owned(), values }],
        rows: (0..rows).map(row).collect(),
        interrupted: false,
    };
    RecordedComparison {
        comparison,
        runs: (0..rows).map(|number| (folder(number), run.clone())).collect(),
    }
}

#[test]
fn findings_beyond_a_hundred_are_counted() {
    let of_one = Report::of_comparison(&leaking(Kind::Compare, 1)).findings.len();
    assert!(of_one > 0);
    for rows in [100 / of_one, 100 / of_one + 30] {
        let findings = Report::of_comparison(&leaking(Kind::Compare, rows)).findings;
        let (notes, shown): (Vec<_>, Vec<_>) =
            findings.iter().partition(|finding| finding.level == Level::Note);
        let all = rows * of_one;
        assert_eq!(shown.len(), all.min(100));
        let messages: Vec<&str> = notes.iter().map(|note| note.message.as_str()).collect();
        let more = format!("and {} more findings, in the reports of the runs", all - 100.min(all));
        assert_eq!(messages, if all > 100 { vec![more.as_str()] } else { vec![] });
    }
}

/// On a dark page the strongest colour is the lightest.
#[test]
fn the_caption_of_a_heat_map_fits_light_and_dark() {
    let report = Report::of_comparison(&leaking(Kind::Sweep, 3));
    let heat = report.charts.iter().find(|chart| chart.id == "heat").expect("a map");
    assert!(heat.reads.contains("The stronger the colour, the more"), "{}", heat.reads);
    assert!(!heat.reads.contains("dark"), "{}", heat.reads);
}

/// Findings of one rule are one, with what its combinations have in common.
#[test]
fn findings_of_a_sweep_are_grouped() {
    let mut recorded = leaking(Kind::Sweep, 4);
    let swept = &mut recorded.comparison.swept;
    let values = |values: [&str; 2]| values.map(str::to_owned).to_vec();
    *swept = vec![
        Swept { flag: "on-drop".to_owned(), values: values(["keep", "purge"]) },
        Swept { flag: "slots".to_owned(), values: values(["10", "20"]) },
    ];
    let settings = [["keep", "10"], ["keep", "20"], ["purge", "10"], ["purge", "20"]];
    for (row, settings) in recorded.comparison.rows.iter_mut().zip(settings) {
        row.values = settings.map(str::to_owned).to_vec();
        row.name = format!("on-drop={},slots={}", settings[0], settings[1]);
    }
    let lingering = |recorded: &RecordedComparison| {
        let findings = Report::of_comparison(recorded).findings;
        let mut of_rule = findings.into_iter().filter(|it| it.rule == "lingering-images");
        let found = of_rule.next().expect("a leak");
        assert_eq!(of_rule.next(), None, "one for the rule");
        found.message
    };
    assert!(
        lingering(&recorded).starts_with("all 4 combinations; at worst on-drop=keep,slots=10: ")
    );
    recorded.comparison.rows[2].runs.clear();
    recorded.comparison.rows[3].runs.clear();
    let said = lingering(&recorded);
    assert!(said.starts_with("2 combinations with on-drop=keep; at worst slots=10: "), "{said}");
    recorded.comparison.rows[0].runs.clear();
    let said = lingering(&recorded);
    assert!(said.starts_with("on-drop=keep,slots=20: "), "{said}");
    let headline = leaking(Kind::Sweep, 4).comparison.headline();
    assert!(headline.starts_with("LEAK — 4 of 4 combinations; at worst slots=0 ("), "{headline}");
}
