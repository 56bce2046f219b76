//! The series, read back.

use leakbench_model::{Footprint, Resource};
use leakbench_recording::recording::Record;
use leakbench_reports::comparison::Refusal;
use leakbench_reports::recorded::RecordedKind;
use leakbench_reports::render::Format;

use super::{Case, cases};
use crate::{common, comparison};

/// The names of the columns, and the lines.
fn read(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let heads = reader.headers().expect("heads").iter().map(str::to_owned).collect();
    let lines = reader.records().map(|line| {
        line.expect("a line as long as the others").iter().map(str::to_owned).collect()
    });
    (heads, lines.collect())
}

#[test]
fn every_sample_is_a_line_with_its_line_of_the_recording() {
    let mut recording = common::leak_queue();
    let unseen = Footprint::default().with(Resource::Fds, 7);
    recording.records.insert(2, common::sample(0, 90, common::counts(700, 0), unseen));
    let case = Case::run("leak", &recording, None);
    let (heads, lines) = read(&case.file(Format::Csv));
    let at = |name: &str| heads.iter().position(|head| head == name).expect("a head");
    let looks: Vec<(usize, &Record)> = (1..)
        .zip(&recording.records)
        .filter(|(_, record)| matches!(record, Record::Sample(_) | Record::Barrier(_)))
        .collect();
    assert_eq!(lines.len(), looks.len());
    for (line, (number, record)) in lines.iter().zip(looks) {
        assert_eq!(line[at("line")], number.to_string());
        let (kind, counts, seen) = match record {
            Record::Sample(sample) => ("sample", sample.counts, sample.footprint),
            Record::Barrier(barrier) => ("barrier", barrier.counts, barrier.footprint),
            _ => unreachable!("neither is among the looks"),
        };
        assert_eq!(line[at("kind")], kind);
        assert_eq!(line[at("cycles")], counts.cycles.to_string());
        assert_eq!(line[at("lingering")], counts.lingering.to_string());
        // Missing measurements are empty, not 0.
        for (name, value) in [
            ("mappings", seen.of(Resource::Mappings)),
            ("fds", seen.of(Resource::Fds)),
            ("rss_bytes", seen.of(Resource::RssBytes)),
            ("page_tables_bytes", seen.of(Resource::PageTablesBytes)),
        ] {
            assert_eq!(line[at(name)], value.map_or(String::new(), |value| value.to_string()));
        }
    }
    assert_eq!(lines[0][at("mappings")], "");
    assert_eq!(lines[0][at("fds")], "7");
}

#[test]
fn all_lines_have_as_many_cells_as_the_head() {
    for case in cases() {
        let (heads, lines) = read(&case.file(Format::Csv));
        assert!(!lines.is_empty(), "{}", case.name);
        let mut unlike = heads.clone();
        unlike.sort_unstable();
        unlike.dedup();
        assert_eq!(unlike.len(), heads.len(), "{heads:?}");
        if let RecordedKind::Observation(diagnosis) = &case.recorded.what {
            let numbers: Vec<&str> = lines.iter().map(|line| line[0].as_str()).collect();
            let expected = diagnosis.ledger.sample_lines.iter().map(usize::to_string);
            assert_eq!(heads[0], "line");
            assert_eq!(numbers, expected.collect::<Vec<String>>());
        }
    }
}

/// A refused row has a line without measurements.
#[test]
fn a_comparison_has_a_line_for_each_run_and_each_refusal() {
    let case = Case::comparison("swept", comparison::swept(), &[], None);
    let (heads, lines) = read(&case.file(Format::Csv));
    assert_eq!(heads[..3], ["setting_subject", "setting_strategy", "row"]);
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[0][..2], ["builtin", "random"]);
    let refused = &lines[3];
    assert!(refused.iter().any(|cell| cell.contains("has no --strategy random")), "{refused:?}");
    assert!(refused[heads.len() - 20..].iter().all(String::is_empty), "{refused:?}");
}

#[test]
fn a_spreadsheet_finds_no_formula() {
    for hostile in ["=1+1", "+1", "-1", "@SUM(A1)", "＝1", "\t=1", "\r\n=1", "a\",\n=1"] {
        let mut comparison = comparison::swept();
        comparison.rows[0].name = hostile.to_owned();
        comparison.rows[0].values[0] = hostile.to_owned();
        comparison.rows[3].refusal = Some(Refusal::NotOffered(hostile.to_owned()));
        let case = Case::comparison("swept", comparison, &[], None);
        let text = case.file(Format::Csv);
        let (_, lines) = read(&text);
        for cell in lines.iter().flatten() {
            assert!(!cell.starts_with(['=', '+', '-', '@', '＝', '\t', '\r']), "{cell:?}");
        }
        // A text never spans two lines.
        assert_eq!(text.lines().count(), lines.len() + 1, "{text}");
    }
}
