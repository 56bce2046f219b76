//! The report of an observation, compared with the recording line by line.

use leakbench_model::{Resource, Verdict};
use leakbench_recording::observation::*;
use leakbench_reports::report::*;

use crate::fixtures::observation::{gone, healthy, memfd_leak, remark, socket_leak, with};

fn report(recording: &ObservationRecording) -> Report {
    Report::of_observation(&Diagnosis::of(recording).expect("it says what was observed"))
}

fn ids(report: &Report) -> Vec<&str> {
    report.charts.iter().map(|chart| chart.id.as_str()).collect()
}

fn lines<'a>(report: &'a Report, id: &str) -> &'a Lines {
    let chart = report.charts.iter().find(|chart| chart.id == id);
    match &chart.unwrap_or_else(|| panic!("no {id} in {:?}", ids(report))).plot {
        Plot::Lines(lines) => lines,
        other => panic!("{id} is {other:?}"),
    }
}

#[test]
fn every_point_is_on_its_line() {
    for recording in [socket_leak(), memfd_leak(), with(healthy(), remark(true, "gone blind"))] {
        let report = report(&recording);
        let mut drawn = 0;
        for chart in &report.charts {
            for series in &lines(&report, &chart.id).series {
                let of_name = |resource: &Resource| resource.noun() == series.name;
                let resource = Resource::ALL.into_iter().find(of_name).expect("a resource");
                assert_eq!(series.points.len(), 60, "{}", series.name);
                for point in &series.points {
                    let ObservationRecord::Sample(look) = &recording.records[point.line - 1] else {
                        panic!("line {} is no look", point.line);
                    };
                    assert_eq!(point.value, look.amounts.of(resource).expect("measured") as f64);
                    assert_eq!(point.at_s, look.at_ms as f64 / 1e3);
                    assert_eq!(point.cycles, None);
                    drawn += 1;
                }
            }
        }
        assert!(drawn > 500, "{drawn}");
    }
}

#[test]
fn the_leak_has_the_main_chart_and_the_figures() {
    let report = report(&socket_leak());
    assert_eq!(ids(&report), ["descriptors", "mappings", "memory", "shared"]);
    let names: Vec<&str> =
        lines(&report, "descriptors").series.iter().map(|series| &series.name[..]).collect();
    assert_eq!(names, ["descriptors", "file descriptors", "socket descriptors"]);
    assert_eq!(report.figures[0].label, "socket descriptors grow");
    assert_eq!(report.figures[0].value, "+12.0 ± 0.0/s");
    assert_eq!(report.figures[0].tone, Tone::Bad);
    assert_eq!(report.figures[2].value, "60");
    assert_eq!(report.verdict, Verdict::Leak);

    // Memfds have a chart of their own, which is first.
    let memfds = self::report(&memfd_leak());
    assert_eq!(ids(&memfds)[0], "memfds", "{:?}", ids(&memfds));
}

#[test]
fn a_healthy_process_has_good_figures() {
    let report = report(&healthy());
    assert_eq!(report.figures[0].tone, Tone::Good);
    assert_eq!((&report.figures[0].label[..], &report.figures[0].value[..]), ("leaks", "0"));
    let class = |name: &str| {
        let row = report.tables[0].rows.iter().find(|row| row[0] == name);
        row.map(|row| row[1].clone())
    };
    assert_eq!(class("pipe descriptors").as_deref(), Some("sawtooth"));
    assert_eq!(class("address space").as_deref(), Some("reservation"));
    assert!(ids(&report).contains(&"address-space-bytes"), "{:?}", ids(&report));
    let table = &report.tables[0];
    assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
    let stack = &lines(&report, "memory").series;
    assert!(stack.iter().all(|series| series.style == Style::Stacked), "{stack:?}");
}

#[test]
fn events_are_marked_and_missing_measurements_are_listed() {
    let recording = with(socket_leak(), remark(true, "cannot read fdinfo"));
    let recording = gone(recording, ProcessExitKind::Signaled { signal: 9 }, true);
    let report = report(&recording);
    let marks = &lines(&report, "descriptors").marks;
    let texts: Vec<(f64, &str)> = marks.iter().map(|mark| (mark.from_s, &mark.text[..])).collect();
    assert_eq!(texts[0], (0.1, "cannot read fdinfo"));
    assert!(texts[1].1.ends_with("was killed by signal 9 (SIGKILL)"), "{texts:?}");
    let is_listed = |words: &str| report.unmeasured.iter().any(|text| text.contains(words));
    assert!(is_listed("cannot read fdinfo"), "{:?}", report.unmeasured);
    assert!(is_listed("could never be read") && is_listed("zombies"), "{:?}", report.unmeasured);
}
