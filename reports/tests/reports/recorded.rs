//! Output folders read back: runs, observations, comparisons, and bad input.

use std::path::Path;

use leakbench_model::Verdict;
use leakbench_recording::recording::{RECORDING_FILE, Recording};
use leakbench_reports::comparison::{COMPARISON_FILE, Comparison, Kind, Refusal, Row, Swept};
use leakbench_reports::recorded::{Recorded, RecordedComparison, RecordedError, RecordedKind};
use leakbench_reports::render::ComparisonJson;
use leakbench_reports::report::*;

use crate::common::*;

/// Writes a recording into a folder.
fn keep(recording: &Recording, folder: &Path) {
    std::fs::create_dir_all(folder).expect("a folder");
    let lines = recording.records.iter();
    let lines = lines.map(|record| serde_json::to_string(record).expect("JSON") + "\n");
    let text: String = lines.collect();
    std::fs::write(folder.join(RECORDING_FILE), text).expect("a recording");
}

fn summary(
    folder: &str,
    round: u32,
    recording: &Recording,
) -> leakbench_reports::comparison::RunSummary {
    let ledger = leakbench_recording::ledger::Ledger::of(recording).expect("a start");
    let judgement = leakbench_recording::judge::Judgement::of(&ledger);
    leakbench_reports::comparison::RunSummary::new(round, folder.to_owned(), &ledger, &judgement)
}

/// A sweep of three flags; the first row is clean, the second leaks, the third was refused.
fn sweep(folder: &Path) -> Comparison {
    let mut rows = Vec::new();
    for (number, values) in [["1", "0"], ["1", "100"], ["16", "0"]].iter().enumerate() {
        let name = format!("decommit-batch={},warm-slots={}", values[0], values[1]);
        let kept = match number {
            0 => Some(clean()),
            1 => Some(leak_keep()),
            _ => None,
        };
        let run = kept.map(|recording| {
            let run = format!("{:02}-run", number + 1);
            keep(&recording, &folder.join(&run));
            summary(&run, 1, &recording)
        });
        rows.push(Row {
            name,
            subject: "builtin".to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            refusal: run.is_none().then(|| Refusal::NotOffered("it has no such batch".to_owned())),
            runs: run.into_iter().collect(),
        });
    }
    let swept = |flag: &str, values: &[&str]| Swept {
        flag: flag.to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    Comparison {
        kind: Kind::Sweep,
        command: "leakbench sweep".to_owned(),
        rounds: 1,
        swept: vec![swept("decommit-batch", &["1", "16"]), swept("warm-slots", &["0", "100"])],
        rows,
        interrupted: false,
    }
}

fn keep_comparison(comparison: &Comparison, folder: &Path) {
    let text = ComparisonJson::new(comparison).to_text().expect("JSON");
    std::fs::write(folder.join(COMPARISON_FILE), text).expect("a comparison");
}

fn comparison(recorded: &Recorded) -> &RecordedComparison {
    match &recorded.what {
        RecordedKind::Comparison(comparison) => comparison,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_is_read_from_its_folder_and_from_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    keep(&leak_keep(), folder.path());
    let read = Recorded::read(folder.path()).expect("a run");
    assert_eq!(read, Recorded::of_run(folder.path(), &leak_keep()).expect("a run"));
    assert_eq!(read, Recorded::read(&folder.path().join(RECORDING_FILE)).expect("a run"));
    let report = Report::of(&read);
    assert_eq!(report.verdict, Verdict::Leak);
    assert_eq!(report.recording.as_deref(), Some(folder.path()));
    // A file of another name is not found in its folder.
    let renamed = folder.path().join("mine.jsonl");
    std::fs::rename(folder.path().join(RECORDING_FILE), &renamed).expect("renamed");
    let report = Report::of(&Recorded::read(&renamed).expect("a run"));
    assert_eq!(report.recording.as_deref(), Some(renamed.as_path()));
    let kept_nowhere = Recorded::of_run(Path::new(""), &leak_keep()).expect("a run");
    assert_eq!(Report::of(&kept_nowhere).recording, None);
}

#[test]
fn a_comparison_is_read_from_the_recordings_of_its_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut made = sweep(folder.path());
    keep_comparison(&made, folder.path());
    let read = Recorded::read(folder.path()).expect("a comparison");
    assert_eq!(comparison(&read).comparison, made);
    let folders: Vec<&str> = comparison(&read).runs.iter().map(|run| run.0.as_str()).collect();
    assert_eq!(folders, ["01-run", "02-run"]);
    assert_eq!(read, Recorded::of_comparison(folder.path(), made.clone()).expect("the same"));

    // Recordings decide, whatever other files say.
    made.rows[0].runs[0] = summary("01-run", 1, &leak_keep());
    keep_comparison(&made, folder.path());
    assert_eq!(Recorded::read(folder.path()).expect("a comparison"), read);
}

#[test]
fn a_run_that_is_missing_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut made = sweep(folder.path());
    keep_comparison(&made, folder.path());
    std::fs::remove_dir_all(folder.path().join("02-run")).expect("it is there");
    let error = Recorded::read(folder.path()).expect_err("a run is missing");
    let said = error.to_string();
    assert!(matches!(error, RecordedError::RunMissing { .. }), "{said}");
    assert!(said.contains("decommit-batch=1,warm-slots=100") && said.contains("02-run"), "{said}");

    // No other folder is searched.
    for elsewhere in ["../02-run", "/02-run", "a/b", "..", ""] {
        made.rows[1].runs[0].folder = elsewhere.to_owned();
        keep_comparison(&made, folder.path());
        keep(&leak_keep(), &folder.path().join("a/b"));
        let error = Recorded::read(folder.path()).expect_err("not in the folder");
        assert!(matches!(error, RecordedError::RunMissing { .. }), "{elsewhere}: {error}");
    }
}

#[test]
fn what_is_no_recording_says_what_was_looked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let read = || Recorded::read(folder.path()).expect_err("nothing to read").to_string();
    let said = read();
    assert!(said.contains(RECORDING_FILE) && said.contains(COMPARISON_FILE), "{said}");

    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("a file");
    };
    write(COMPARISON_FILE, "{}");
    assert!(read().contains("it has no version"), "{}", read());
    write(COMPARISON_FILE, r#"{"version":99}"#);
    assert!(read().contains("a comparison of version 99"), "{}", read());
    write(COMPARISON_FILE, r#"{"version":2,"kind":"sweep"}"#);
    assert!(read().contains("missing field"), "{}", read());
    write(RECORDING_FILE, "");
    assert!(read().contains("both"), "{}", read());
    let recording = folder.path().join(RECORDING_FILE);
    let said = Recorded::read(&recording).expect_err("an empty recording").to_string();
    assert!(said.contains("empty") && said.contains(RECORDING_FILE), "{said}");
    let absent = folder.path().join("absent");
    let said = Recorded::read(&absent).expect_err("no such folder").to_string();
    assert!(said.contains("absent"), "{said}");
}

#[test]
fn a_sweep_is_drawn_by_its_flags() {
    let folder = tempfile::tempdir().expect("a folder");
    let recorded = Recorded::of_comparison(folder.path(), sweep(folder.path())).expect("runs");
    let report = Report::of(&recorded);
    let ids: Vec<&str> = report.charts.iter().map(|chart| &chart.id[..]).collect();
    assert_eq!(ids[0], "heat");
    assert_eq!(ids[ids.len() - 2..], ["panels", "panels-mappings"], "{ids:?}");
    let Plot::Heat(heat) = &report.charts[0].plot else { panic!("a map") };
    assert_eq!(
        (&heat.down.flags[..], &heat.across.flags[..]),
        (&["decommit-batch".to_owned()][..], &["warm-slots".to_owned()][..],)
    );
    let cells = heat.cells.iter().flatten();
    let figures: Vec<(&str, Option<f64>, Tone)> =
        cells.map(|cell| (&cell.text[..], cell.value, cell.tone)).collect();
    let expected = [
        ("0", Some(0.0), Tone::Good),
        ("951", Some(951.0), Tone::Bad),
        ("not offered", None, Tone::Neutral),
        ("not run", None, Tone::Neutral),
    ];
    assert_eq!(figures, expected);

    let panels = report.charts.iter().find(|chart| chart.id == "panels").expect("panels");
    let Plot::Panels(panels) = &panels.plot else { panic!("panels") };
    let notes: Vec<&str> = panels.panels.iter().map(|panel| &panel.note[..]).collect();
    let expected = [
        "1,000,000 of 1,000,000 images released",
        "951 of 3,000 images linger",
        "not offered",
        "not run",
    ];
    assert_eq!(notes, expected);
    assert!(panels.grid.is_some());
    let series = |panel: &Panel| -> Vec<String> {
        panel.lines.series.iter().map(|series| series.name.clone()).collect()
    };
    assert_eq!(series(&panels.panels[0]), series(&panels.panels[1]));
    assert_eq!(series(&panels.panels[2]), Vec::<String>::new());

    let table = &report.tables[0];
    assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
    assert_eq!(table.columns.last().map(|column| &column.name[..]), Some("ratio"));
    assert!(report.unmeasured.contains(&"it has no such batch".to_owned()));
    assert_eq!(report.figures.len(), 3);
}

#[test]
fn one_flag_is_a_row_and_several_flags_share_a_side() {
    let folder = tempfile::tempdir().expect("a folder");
    let map = |comparison: Comparison| -> Heat {
        let recorded = Recorded::of_comparison(folder.path(), comparison).expect("runs");
        let mut charts = Report::of(&recorded).charts.into_iter();
        match charts.next().map(|chart| chart.plot) {
            Some(Plot::Heat(heat)) => heat,
            other => panic!("{other:?}"),
        }
    };
    let mut one = sweep(folder.path());
    one.swept.remove(0);
    one.rows.retain(|row| row.values[0] == "1");
    one.rows.iter_mut().for_each(|row| drop(row.values.remove(0)));
    let drawn = map(one);
    assert_eq!(drawn.down, Axis { flags: Vec::new(), values: vec![Vec::new()] });
    let texts: Vec<&str> = drawn.cells[0].iter().map(|cell| &cell.text[..]).collect();
    assert_eq!(texts, ["0", "951"]);

    let mut many = sweep(folder.path());
    let values = (0..8).map(|seed| seed.to_string()).collect();
    many.swept.push(Swept { flag: "seed".to_owned(), values });
    many.rows.iter_mut().for_each(|row| row.values.push("1".to_owned()));
    let drawn = map(many);
    assert_eq!(drawn.down.flags, ["decommit-batch", "warm-slots"]);
    assert_eq!(drawn.across.flags, ["seed"]);
    assert_eq!((drawn.cells.len(), drawn.cells[0].len()), (4, 8));
    assert_eq!(drawn.cells[1][0].text, "not run");
    assert_eq!(drawn.cells[1][1].text, "951");
    assert_eq!(drawn.down.headings(0), [("1", 2), ("16", 2)]);
    assert_eq!(drawn.down.heading_at(1, 1), Some(("100", 1)));
    assert_eq!(drawn.down.heading_at(0, 1), None);
}

/// Evidence and reports name the file that was read.
#[test]
fn the_file_that_was_read_is_known() {
    let folder = tempfile::tempdir().expect("a folder");
    keep(&leak_keep(), folder.path());
    let (kept, other) = (folder.path().join(RECORDING_FILE), folder.path().join("old.jsonl"));
    std::fs::copy(&kept, &other).expect("a copy");
    for (path, file) in [(folder.path(), &kept), (&kept, &kept), (&other, &other)] {
        let recorded = Recorded::read(path).expect("it is a recording");
        assert_eq!((recorded.folder.as_path(), &recorded.file), (folder.path(), file));
        let budget = leakbench_reports::gate::Budget::default();
        let recordings = [("run".to_owned(), recorded)];
        let outcome = leakbench_reports::gate::judge(&budget, &recordings, None, &[]);
        let outcome = outcome.expect("there is a run");
        let mut evidence = outcome.policies.iter().flat_map(|policy| &policy.evidence);
        assert!(evidence.next().is_some() && evidence.all(|line| line.path == *file));
        let report = Report::of(&recordings[0].1);
        let format = leakbench_reports::render::Format::Markdown;
        let drawn = format.files(&report, &recordings[0].1, None).expect("it can be drawn");
        let text = String::from_utf8_lossy(&drawn[0].content).into_owned();
        let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
        assert!(text.contains(&format!("Source: `{name}` in ")), "{text}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    keep_comparison(&sweep(folder.path()), folder.path());
    let recorded = Recorded::read(folder.path()).expect("it is a comparison");
    assert_eq!(recorded.file, folder.path().join(COMPARISON_FILE));
}
