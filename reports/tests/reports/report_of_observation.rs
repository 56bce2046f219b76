//! The report of an observation, compared with the recording line by line.

use std::collections::BTreeSet;

use leakbench_model::{Resource, Verdict};
use leakbench_recording::observation::*;
use leakbench_reports::report::*;

use crate::fixtures::observation::{
    attached, gone, healthy, memfd_leak, remark, socket_leak, with,
};

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
    for table in &report.tables {
        assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
    }
    let [table, flat] = &report.tables[..] else { panic!("{:?}", report.tables) };
    assert!(flat.is_folded && !table.is_folded);
    assert!(flat.title.contains(&format!("{} flat resources", flat.rows.len())), "{}", flat.title);
    assert_eq!(table.tones.len(), table.rows.len());
    assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
    let stack = &lines(&report, "memory").series;
    assert!(stack.iter().all(|series| series.style == Style::Stacked), "{stack:?}");
}

/// What happens in any process's life is an event; what disturbs the observation is an incident.
#[test]
fn events_have_labels() {
    let event = |kind, program: &str, what: &str| {
        let event = Some(ProcessEvent { kind, program: program.to_owned() });
        let (at_ms, what) = (100, what.to_owned());
        ObservationRecord::Remark(Remark { at_ms, prevents_clean: false, what, event })
    };
    let recording = with(
        socket_leak(),
        event(ProcessEventKind::Exec, "python3", "process 7 runs another program now: python3"),
    );
    let recording = with(recording, event(ProcessEventKind::Started, "sleep", "7 (sleep) joined"));
    let recording = with(recording, remark(true, "cannot read fdinfo"));
    let recording = gone(recording, ProcessExitKind::Exited { code: 0 }, true);
    let report = report(&recording);
    let marks = &lines(&report, "descriptors").marks;
    let marks: Vec<(MarkKind, &str)> = marks.iter().map(|it| (it.kind, &it.label[..])).collect();
    let expected = [
        (MarkKind::Event, "exec python3"),
        (MarkKind::Event, "+ sleep"),
        (MarkKind::Incident, ""),
        (MarkKind::Event, "exit 0"),
    ];
    assert_eq!(marks, expected);
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

/// A process that has every kind of descriptor, and leaks one of them.
#[test]
fn series_of_one_chart_have_tones_of_their_own() {
    let kinds = || Resource::Fds.kinds();
    let report = report(&attached(|s| {
        let leaked = (Resource::SocketFds, 12 * s);
        let total = (Resource::Fds, 12 * s + 5 * kinds().count() as u64);
        kinds().map(|kind| (kind, 5)).chain([leaked, total]).collect()
    }));
    let shown = &lines(&report, "descriptors").series;
    assert_eq!(shown.len(), 1 + kinds().count());
    let tones: BTreeSet<Tone> = shown.iter().map(|series| series.tone).collect();
    assert_eq!(tones.len(), shown.len(), "{tones:?}");
    assert!(tones.contains(&Tone::Bad), "{tones:?}");
}

/// A suspect has all that its finding has, and the way to its code.
#[test]
fn each_suspect_has_a_card() {
    let report = report(&socket_leak());
    let [card] = &report.suspects[..] else { panic!("{:?}", report.suspects) };
    assert_eq!(card.name, "socket descriptors");
    assert_eq!(card.chart.as_deref(), Some("descriptors"));
    assert_eq!(card.rate, "+12.0 ± 0.0/s");
    assert_eq!(card.grew, "from 4 to 712 in 59.0 s");
    assert_eq!(card.evidence, ["descriptors"]);
    assert!(!card.examples.is_empty() && card.examples.len() <= 2, "{:?}", card.examples);
    let forecast = card.forecast.as_ref().expect("a limit");
    let said = (&forecast.limit[..], &forecast.max[..], &forecast.left[..], &forecast.used[..]);
    assert_eq!(said, ("RLIMIT_NOFILE", "1,024", "25 s", "70 %"));
    let next = card.next.as_ref().expect("a step");
    let Means::Choice { command, .. } = &next.means else { panic!("{next:?}") };
    let command = command.as_deref();
    assert_eq!(command, Some("strace -f -k -e 'socket,accept,accept4,close' -p 4242"));

    assert_eq!(self::report(&healthy()).suspects, []);
}

/// A command that leakbench started is started again under the tool.
#[test]
fn a_started_command_is_traced_from_its_start() {
    let mut recording = socket_leak();
    let ObservationRecord::Start(start) = &mut recording.records[0] else { panic!("no start") };
    start.started_here = true;
    start.command = "leakbench exec --tree -- sh -c 'a -- b'".to_owned();
    let report = report(&recording);
    let next = report.suspects[0].next.as_ref().expect("a step");
    let Means::Choice { command: Some(command), .. } = &next.means else { panic!("{next:?}") };
    assert!(command.ends_with(",close' -- sh -c 'a -- b'"), "{command}");
}

/// The line goes through the amounts, and its limit is where the forecast is.
#[test]
fn the_suspect_has_its_line_on_its_chart() {
    let report = report(&socket_leak());
    let shown = lines(&report, "descriptors");
    let [total, sockets] = &shown.fits[..] else { panic!("{:?}", shown.fits) };
    assert_eq!((total.tone, sockets.tone), (Tone::Series(0), Tone::Bad));
    let of_sockets = shown.series.iter().find(|series| series.tone == Tone::Bad).expect("a series");
    assert_eq!(of_sockets.name, "socket descriptors");
    for point in of_sockets.points.iter().filter(|point| point.at_s >= sockets.from_s) {
        assert!((sockets.at(point.at_s).value - point.value).abs() < 0.5, "{point:?}");
    }
    assert_eq!(sockets.limit, None);
    let limit = total.limit.as_ref().expect("a limit");
    assert_eq!(limit.text, "RLIMIT_NOFILE 1,024 in 25 s");
    let reaches_s = total.reaches_s().expect("a time");
    assert!((84.0..85.0).contains(&reaches_s), "{reaches_s}");
    assert!(total.until_s(60.0) > reaches_s, "a near limit is on the axis");
    assert_eq!(total.until_s(20.0), 25.0, "a far one is not");

    let healthy = self::report(&healthy());
    assert!(healthy.charts.iter().all(|chart| lines(&healthy, &chart.id).fits.is_empty()));
}
