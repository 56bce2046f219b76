//! The report of a comparison: everything left out is counted.

use leakbench_recording::judge::Level;
use leakbench_reports::comparison::{Comparison, Kind, Row, RunSummary, Swept};
use leakbench_reports::recorded::{RecordedComparison, RecordedRun};
use leakbench_reports::report::Report;

use crate::common::leak_keep;

/// A sweep of this many runs, each of which leaks.
fn leaking(rows: usize) -> RecordedComparison {
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
        kind: Kind::Sweep,
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
    let of_one = Report::of_comparison(&leaking(1)).findings.len();
    assert!(of_one > 0);
    for rows in [100 / of_one, 100 / of_one + 30] {
        let findings = Report::of_comparison(&leaking(rows)).findings;
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
    let report = Report::of_comparison(&leaking(3));
    let heat = report.charts.iter().find(|chart| chart.id == "heat").expect("a map");
    assert!(heat.reads.contains("the stronger the colour, the more"), "{}", heat.reads);
    assert!(!heat.reads.contains("dark"), "{}", heat.reads);
}
