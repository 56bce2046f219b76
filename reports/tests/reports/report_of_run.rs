//! The report of a run, compared with the recording line by line.

use leakbench_model::{Counts, Footprint, LingeringImage, Resource, SlotState};
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::Ledger;
use leakbench_recording::recording::*;
use leakbench_reports::report::*;
use leakbench_scenarios::Options;
use proptest::prelude::*;

use crate::common::*;

fn report(recording: &Recording) -> Report {
    let ledger = Ledger::of(recording).expect("a start");
    Report::of_run(&ledger, &Judgement::of(&ledger))
}

fn ids(report: &Report) -> Vec<&str> {
    report.charts.iter().map(|chart| chart.id.as_str()).collect()
}

fn plot<'a>(report: &'a Report, id: &str) -> &'a Plot {
    let chart = report.charts.iter().find(|chart| chart.id == id);
    &chart.unwrap_or_else(|| panic!("no {id} in {:?}", ids(report))).plot
}

fn lines<'a>(report: &'a Report, id: &str) -> &'a Lines {
    match plot(report, id) {
        Plot::Lines(lines) => lines,
        other => panic!("{id} is {other:?}"),
    }
}

fn mid_barrier(barrier: Barrier) -> Record {
    Record::Barrier(Box::new(barrier))
}

fn record(recording: &Recording, line: usize) -> &Record {
    &recording.records[line - 1]
}

/// The sample or barrier on a line.
fn sample_on(recording: &Recording, line: usize) -> (u64, Counts, Footprint) {
    match record(recording, line) {
        Record::Sample(sample) => (sample.at_ms, sample.counts, sample.footprint),
        Record::Barrier(barrier) => (barrier.at_ms, barrier.counts, barrier.footprint),
        other => panic!("line {line} is {other:?}"),
    }
}

/// Samples: the process, the time since the last one, and its mappings if they were read.
fn samples() -> impl Strategy<Value = Vec<(u32, u64, Option<u64>)>> {
    let mappings = prop::option::weighted(0.9, 0_u64..100_000);
    prop::collection::vec((0_u32..3, 0_u64..3, mappings), 1..60)
}

proptest! {
    /// At each time the latest amounts of all processes, or no point while one is unknown.
    #[test]
    fn amounts_of_processes_are_added_at_each_time(samples in samples()) {
        let mut records = vec![start(3_000, 3, Options::default())];
        let mut at_ms = 30;
        let mut done = [0; 3];
        // Time, process, line, amount and cycles.
        let mut seen: Vec<(u64, u32, usize, Option<u64>, u64)> = Vec::new();
        for (process, after_ms, mappings) in samples {
            at_ms += after_ms;
            done[process as usize] += 7;
            let cycles = done[process as usize];
            let had = footprint(0, 9, 1 << 20).with(Resource::Mappings, mappings);
            records.push(sample(process, at_ms, counts(cycles, 0), had));
            seen.push((at_ms, process, records.len(), mappings, cycles));
        }
        let recording = recording(records);

        let mut expected: Vec<Point> = Vec::new();
        let mut processes: Vec<u32> = seen.iter().map(|look| look.1).collect();
        processes.sort_unstable();
        processes.dedup();
        let mut moments: Vec<u64> = seen.iter().map(|look| look.0).collect();
        moments.dedup();
        for at_ms in moments {
            let latest = processes.iter().map(|process| {
                seen.iter().rfind(|look| look.0 <= at_ms && look.1 == *process)
            });
            let Some(latest) = latest.collect::<Option<Vec<_>>>() else { continue };
            let Some(mappings) = latest.iter().map(|look| look.3).collect::<Option<Vec<_>>>() else {
                continue;
            };
            expected.push(Point {
                at_s: at_ms as f64 / 1e3,
                cycles: Some(latest.iter().map(|look| look.4).sum()),
                value: mappings.iter().sum::<u64>() as f64,
                line: latest.iter().map(|look| look.2).max().expect("a look"),
            });
        }
        let report = report(&recording);
        let chart = report.charts.iter().find(|chart| chart.id == "mappings");
        let drawn = chart.map(|_| {
            let series = lines(&report, "mappings").series.iter();
            series.clone().find(|series| series.name == "mappings").map(|series| series.points.clone())
        });
        prop_assert_eq!(drawn.flatten().unwrap_or_default(), expected);
    }
}

proptest! {
    // Each case has thousands of lines.
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Long series keep their ends and their extremes, and every point has its line's value. Both
    /// extremes may fall on one sample, which then has only one of them.
    #[test]
    fn long_series_keep_their_ends_and_extremes(
        length in 900_usize..4_000, low in 0.0..1.0, high in 0.0..1.0,
    ) {
        let at = |part: f64| (part * length as f64) as usize;
        let mut records = vec![start(1_000_000, 1, Options::default()), up(0, 1_000_000)];
        for number in 0..length {
            let mappings = match number {
                number if number == at(low) => 5,
                number if number == at(high) => 99_999,
                number => 1_000 + number as u64 % 100,
            };
            let cycles = 10 * (number as u64 + 1);
            let had = footprint(mappings, 9, 1 << 20);
            records.push(sample(0, 100 * number as u64, counts(cycles, 0), had));
        }
        let recording = recording(records);
        let report = report(&recording);
        let points = &lines(&report, "mappings").series[0].points;
        prop_assert!(points.len() <= Series::POINTS_MAX);
        prop_assert!(length < Series::POINTS_MAX || points.len() > Series::POINTS_MAX / 2);
        prop_assert!(points.windows(2).all(|pair| pair[0].at_s < pair[1].at_s));
        for point in points {
            let (at_ms, counts, had) = sample_on(&recording, point.line);
            prop_assert_eq!(point.at_s, at_ms as f64 / 1e3);
            prop_assert_eq!(point.cycles, Some(counts.cycles));
            prop_assert_eq!(Some(point.value), had.of(Resource::Mappings).map(|mappings| mappings as f64));
        }
        let recorded = || (3..=recording.records.len()).filter_map(|line| {
            sample_on(&recording, line).2.of(Resource::Mappings)
        });
        let has = |value: Option<u64>| {
            points.iter().any(|point| Some(point.value) == value.map(|value| value as f64))
        };
        prop_assert!(has(recorded().max()));
        prop_assert!(has(recorded().min()));
        prop_assert_eq!(points[0].line, 3);
        prop_assert_eq!(points[points.len() - 1].line, recording.records.len());
    }

    #[test]
    fn tables_are_cut_and_have_the_total(listed in 0_usize..1_300, more in 0_u64..1_000) {
        let images: Vec<LingeringImage> =
            (0..listed as u64).map(|n| image(n, vec![slot(7, SlotState::Affine)])).collect();
        let lingering = listed as u64 + more;
        let mut whole = barrier(0, 2_000, counts(3_000, lingering));
        whole.lingering = images;
        whole.last = true;
        let recording = recording([
            start(3_000, 1, Options::default()),
            up(0, 3_000),
            Record::Barrier(Box::new(whole)),
            exit(0, 2_010, ExitKind::Done, &[]),
            end(2_020),
        ]);
        let report = report(&recording);
        let table = report.lingering.as_ref().expect("a table");
        prop_assert_eq!(table.total, lingering);
        prop_assert_eq!(table.rows.len(), listed.min(LingeringTable::ROWS_MAX));
        prop_assert!(table.rows.is_sorted_by(|a, b| a.age_ms >= b.age_ms));
        for row in &table.rows {
            let Record::Barrier(barrier) = record(&recording, row.line) else {
                panic!("line {} is no barrier", row.line);
            };
            let listed = barrier.lingering.iter().find(|image| image.inode == row.inode);
            let listed = listed.expect("an image of the barrier");
            prop_assert_eq!((row.module, row.age_ms), (listed.module, listed.lingering_ms));
            // One thread has all modules, in the order of its cycles.
            prop_assert_eq!(row.created_at_cycle, Some(row.module));
        }
        if listed > 0 {
            let Plot::Lifetimes(lifetimes) = plot(&report, "lifetimes") else { panic!("bars") };
            prop_assert_eq!(lifetimes.bars.len() as u64 + lifetimes.rest, lingering);
            prop_assert!(lifetimes.bars.len() <= Lifetimes::BARS_MAX);
            let reach = |bar: &Lifetime| bar.to_s - bar.from_s;
            prop_assert!(lifetimes.bars.is_sorted_by(|a, b| reach(a) >= reach(b) - 1e-9));
        } else {
            prop_assert!(!ids(&report).contains(&"lifetimes"));
        }
    }

    /// The first, the last and the worst of many barriers are shown, each with its line.
    #[test]
    fn slot_maps_keep_the_ends_and_the_worst(barriers in 1_usize..450, worst in 0.0..1.0) {
        let worst = (worst * barriers as f64) as usize;
        let mut records = vec![start(1_000_000, 1, Options::default()), up(0, 1_000_000)];
        for number in 0..barriers {
            let lingering = if number == worst { 9 } else { number as u64 % 3 };
            let counts = counts(100 * (number as u64 + 1), lingering);
            let mut seen = barrier(0, 50 * (number as u64 + 1), counts);
            let mut map = SlotMap::new(64, SlotState::Cold).expect("slots");
            map.show(number as u32 % 64, SlotState::AffineDropped);
            // Older maps are coarser.
            map.coarsen(if number < barriers / 2 { 16 } else { 64 });
            seen.slot_map = Some(map);
            records.push(Record::Barrier(Box::new(seen)));
        }
        let recording = recording(records);
        let report = report(&recording);
        let Plot::Slots(slots) = plot(&report, "slots") else { panic!("a slot map") };
        prop_assert_eq!(slots.rows.len(), barriers.min(SlotRows::ROWS_MAX));
        let lines: Vec<usize> = slots.rows.iter().map(|row| row.line).collect();
        prop_assert!(lines.is_sorted_by(|a, b| a < b));
        for number in [0, worst, barriers - 1] {
            prop_assert!(lines.contains(&(number + 3)), "{number} of {lines:?}");
        }
        for row in &slots.rows {
            prop_assert_eq!(row.cells.len(), 64_usize.div_ceil(slots.slots_a_cell as usize));
            let number = row.line - 3;
            prop_assert_eq!(row.cycles, 100 * (number as u64 + 1));
            let shown = number % 64 / slots.slots_a_cell as usize;
            let dropped = row.cells.iter().position(|cell| *cell == SlotState::AffineDropped);
            prop_assert_eq!(dropped, Some(shown));
        }
    }
}

proptest! {
    /// Any recording can be reported, and every number has its line.
    #[test]
    fn every_point_has_the_line_of_its_sample(recording in crate::fixtures::any_run::any_recording()) {
        let report = report(&recording);
        prop_assert_eq!(report.figures.len(), 3);
        let mut ids = ids(&report);
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), report.charts.len());
        for chart in &report.charts {
            let Plot::Lines(lines) = &chart.plot else { continue };
            for series in &lines.series {
                let points = &series.points;
                prop_assert!(!points.is_empty(), "{}", chart.id);
                prop_assert!(points.windows(2).all(|pair| pair[0].at_s < pair[1].at_s));
                for point in points {
                    let (at_ms, ..) = sample_on(&recording, point.line);
                    prop_assert!(at_ms as f64 / 1e3 <= point.at_s);
                }
            }
        }
    }
}

#[test]
fn charts_come_in_their_order() {
    let mut recording = leak_keep();
    for record in &mut recording.records {
        if let Record::Barrier(barrier) = record {
            barrier.slot_map = SlotMap::new(1_000, SlotState::AffineDropped);
            barrier.memory =
                Some(ExactMemory { pss_bytes: Some(9 << 20), ..ExactMemory::default() });
        }
    }
    let report = report(&recording);
    let expected = [
        "lingering",
        "mappings",
        "descriptors",
        "slots",
        "release",
        "memory",
        "page-tables",
        "lifetimes",
    ];
    assert_eq!(ids(&report), expected);
    assert_eq!(report.figures.len(), 3);
    assert_eq!(report.figures[0].value, "951");
    assert_eq!(report.figures[0].tone, Tone::Bad);
    let memory: Vec<&str> = lines(&report, "memory").series.iter().map(|s| &s.name[..]).collect();
    assert_eq!(memory, ["resident", "shared: memfds", "proportional (PSS), exact"]);
}

#[test]
fn drops_settle_times_and_barriers_are_marked() {
    let report = report(&leak_keep());
    let marks = &lines(&report, "lingering").marks;
    let of = |kind| marks.iter().filter(move |mark| mark.kind == kind);
    let barriers: Vec<&str> = of(MarkKind::Barrier).map(|mark| &mark.text[..]).collect();
    let texts = [
        "barrier after 1,500 cycles: 777 images linger",
        "barrier after 3,000 cycles: 951 images linger",
    ];
    assert_eq!(barriers, texts);
    let settled: Vec<(f64, f64)> =
        of(MarkKind::Settle).map(|mark| (mark.from_s, mark.to_s)).collect();
    assert_eq!(settled, [(0.0, 0.1), (0.01, 0.21)], "200 ms before each");
    assert_eq!(of(MarkKind::Drop).count(), 300, "of 951");
    assert_eq!(of(MarkKind::Incident).count(), 0);
}

/// A barrier at which nothing lingers ends its settle time early.
#[test]
fn only_full_settle_times_are_marked() {
    let report = report(&leak_earlier());
    let marks = &lines(&report, "lingering").marks;
    let settled: Vec<f64> =
        marks.iter().filter(|mark| mark.kind == MarkKind::Settle).map(|mark| mark.to_s).collect();
    assert_eq!(settled, [0.1], "and not at 0.21");
}

/// Two processes, each with a lingering image. One leaves earlier.
#[test]
fn a_process_that_has_left_counts_as_it_was_at_its_last_barrier() {
    let ended = |subject: u32, at_ms: u64, lingering_ms: u64| {
        let mut seen = barrier(subject, at_ms, counts(1_500, 1));
        seen.last = true;
        seen.lingering = vec![LingeringImage { lingering_ms, ..image(7, vec![]) }];
        mid_barrier(seen)
    };
    let recording = recording([
        start(3_000, 2, Options::default()),
        up(0, 1_500),
        up(1, 1_500),
        ended(0, 1_000, 100),
        // A sample of the exiting process.
        sample(0, 1_100, counts(1_500, 1), Footprint::default()),
        ended(1, 2_000, 900),
        end(2_100),
    ]);
    let report = report(&recording);
    let mappings = &lines(&report, "mappings").series[0].points;
    let expected = Point { at_s: 2.0, cycles: Some(3_000), value: 2.0 * 1_060.0, line: 6 };
    assert_eq!(*mappings, [expected]);

    let table = report.lingering.as_ref().expect("a table");
    let rows: Vec<(u32, u64, usize)> =
        table.rows.iter().map(|row| (row.subject, row.age_ms, row.line)).collect();
    assert_eq!(rows, [(1, 900, 6), (0, 100, 4)], "the longest-lingering first");
}

#[test]
fn a_process_that_died_has_nothing() {
    let had = |subject: u32, at_ms: u64, mappings: u64| {
        sample(subject, at_ms, counts(at_ms, 0), footprint(mappings, 9, 1 << 20))
    };
    let recording = recording([
        start(100_000, 2, Options::default()),
        had(0, 1_000, 700),
        had(1, 1_000, 30),
        // A sample of the exiting process.
        sample(0, 1_100, counts(1_100, 0), Footprint::default()),
        had(1, 1_110, 35),
        exit(0, 1_110, ExitKind::Signaled { signal: 9 }, &[]),
        had(1, 1_200, 40),
    ]);
    let report = report(&recording);
    let mappings = &lines(&report, "mappings").series[0].points;
    let point = |at_s, cycles, value, line| Point { at_s, cycles: Some(cycles), value, line };
    let expected =
        [point(1.0, 2_000, 730.0, 3), point(1.11, 2_110, 735.0, 5), point(1.2, 2_200, 40.0, 7)];
    assert_eq!(*mappings, expected);
    let unread = |report: &Report| report.unmeasured.iter().any(|text| text.contains("mappings, "));
    assert!(!unread(&report), "{:?}", report.unmeasured);

    // Measurements that were never possible are listed.
    let blind = |at_ms| sample(0, at_ms, counts(at_ms, 0), Footprint::default());
    let killed = exit(0, 1_200, ExitKind::Signaled { signal: 9 }, &[]);
    let options = Options::default();
    let report =
        self::report(&self::recording([start(100, 1, options), blind(90), blind(95), killed]));
    assert!(unread(&report), "{:?}", report.unmeasured);
}

#[test]
fn deaths_and_witness_failures_are_marked_and_listed() {
    let report = report(&died(ExitKind::Signaled { signal: 9 }));
    let marks = &lines(&report, "mappings").marks;
    let texts: Vec<&str> = marks.iter().map(|mark| &mark.text[..]).collect();
    let killed = "subject 0 was killed by signal 9 (SIGKILL)";
    assert_eq!(texts, [killed, "subject 1 was stopped"]);
    assert_eq!(report.figures[0].label, "subject 0 died after");
    assert_eq!(report.figures[0].beside, "of 500,000; killed by SIGKILL");

    let report = self::report(&inconclusive());
    assert_eq!(report.figures[0].tone, Tone::Warning, "{:?}", report.figures[0]);
    let is_listed = |words: &str| report.unmeasured.iter().any(|text| text.contains(words));
    for words in [
        "In subject 0, the death watch failed: the event queue overflowed",
        "the /proc scan failed: cannot read /proc/4711/maps",
        "The fate of 100 images is unknown",
        "The states of slots are unknown",
        "PSS",
    ] {
        assert!(is_listed(words), "{words}: {:#?}", report.unmeasured);
    }
    assert!(!ids(&report).contains(&"slots"));
}

/// A subject that leaks until it is killed, with a sample after its last barrier.
fn killed_leaking() -> Vec<Record> {
    let mut seen = barrier(0, 2_000, counts(28_000, 1_000));
    seen.lingering = (0..40).map(|n| image(n, vec![slot(n as u32, SlotState::Affine)])).collect();
    vec![
        start(30_000, 1, Options::default()),
        up(0, 30_000),
        mid_barrier(barrier(0, 1_000, counts(14_000, 0))),
        mid_barrier(seen),
        sample(0, 2_050, counts(28_100, 1_001), footprint(3_000, 900, 1 << 20)),
        sample(0, 2_090, counts(28_200, 1_002), Footprint::default()),
        exit(0, 2_090, ExitKind::Signaled { signal: 9 }, &[]),
        end(2_100),
    ]
}

#[test]
fn the_list_of_the_latest_barrier_survives_a_death() {
    let recording = recording(killed_leaking());
    let report = report(&recording);
    let table = report.lingering.as_ref().expect("a table");
    assert_eq!((table.rows.len(), table.total), (40, 1_000));
    let caveat = "Listed at the barrier after cycle 28,000. The fate of 1,002 images is unknown.";
    assert_eq!(table.caveat.as_deref(), Some(caveat));
    assert!(table.rows.iter().all(|row| row.line == 4 && row.holders_total == 1));
    let Plot::Lifetimes(lifetimes) = plot(&report, "lifetimes") else { panic!("bars") };
    assert_eq!((lifetimes.bars.len(), lifetimes.rest), (40, 960));
    assert!(lifetimes.bars.iter().all(|bar| bar.to_s == 2.0 && bar.line == 4));

    // The judge does not count images of unknown fate.
    let ledger = Ledger::of(&recording).expect("a start");
    assert_eq!((ledger.lingering_listed(), ledger.images.lingering), (0, 0));
    assert_eq!((ledger.images.unknown, ledger.held_by.len()), (1_002, 0));
}

#[test]
fn a_later_barrier_replaces_the_list() {
    let mut records = killed_leaking();
    records.truncate(5);
    let mut last = barrier(0, 2_300, counts(30_000, 0));
    last.last = true;
    records.extend([mid_barrier(last), exit(0, 2_310, ExitKind::Done, &[]), end(2_320)]);
    let report = report(&recording(records));
    let table = report.lingering.as_ref().expect("a table");
    assert_eq!((table.rows.len(), table.total), (0, 0));
    let caveat = "1,000 images lingered at the barrier after cycle 28,000; none does at the end.";
    assert_eq!(table.caveat.as_deref(), Some(caveat));
    assert!(!ids(&report).contains(&"lifetimes"));
}

#[test]
fn only_a_complete_run_has_no_caveat() {
    let caveat = |recording: &Recording| report(recording).lingering.expect("a table").caveat;
    assert_eq!(caveat(&clean()), None);
    assert_eq!(caveat(&leak_keep()), None);
    let unknown = |number: u64| Some(format!("The fate of {number} images is unknown."));
    assert_eq!(caveat(&inconclusive()), unknown(100));
    assert_eq!(caveat(&died(ExitKind::Signaled { signal: 9 })), unknown(2));

    let mut barriers_alone = killed_leaking();
    barriers_alone.truncate(3);
    let incomplete = "Not every process reached its last barrier.";
    assert_eq!(caveat(&recording(barriers_alone)).as_deref(), Some(incomplete));
}

#[test]
fn cycles_are_those_of_a_thread_if_there_are_several() {
    let by_thread = |processes: u32, threads: u32| {
        let threads = std::num::NonZeroU32::new(threads);
        let options = Options { threads, ..Options::default() };
        let seen = mid_barrier(barrier(0, 2_000, counts(1_000, 0)));
        let recording = recording([start(3_000, processes, options), seen]);
        report(&recording).lingering.expect("a table").by_thread
    };
    assert_eq!([by_thread(1, 1), by_thread(2, 1), by_thread(1, 2)], [false, true, true]);
}

/// The figure of lingering images.
fn lingering_figure(recording: &Recording) -> Figure {
    let figures = report(recording).figures.into_iter();
    let mut lingering = figures.filter(|figure| figure.label.starts_with("lingering"));
    lingering.next().expect("how many linger")
}

#[test]
fn an_unknown_number_is_not_zero() {
    let texts = |recording: &Recording| {
        let Figure { label, value, beside, tone } = lingering_figure(recording);
        (label, value, beside, tone)
    };
    let figure = |label: &str, value: &str, beside: &str, tone| {
        (label.to_owned(), value.to_owned(), beside.to_owned(), tone)
    };
    let proved = "at the barrier after cycle 28,000; of 28,200 images, 1,002 unknown";
    assert_eq!(
        texts(&recording(killed_leaking())),
        figure("lingering, proved earlier", "1,000", proved, Tone::Bad)
    );
    let unseen = "of 102,500 images, 2 unknown";
    assert_eq!(
        texts(&died(ExitKind::Signaled { signal: 9 })),
        figure("lingering when last seen", "unknown", unseen, Tone::Warning)
    );
    let failed = "of 3,000 images, 100 unknown";
    assert_eq!(
        texts(&inconclusive()),
        figure("lingering at the end", "unknown", failed, Tone::Warning)
    );
    assert_eq!(
        texts(&leak_earlier()),
        figure("lingering at the end", "0", "of 3,000 images, 12 before", Tone::Bad)
    );
    assert_eq!(
        texts(&clean()),
        figure("lingering at the end", "0", "of 1,000,000 images", Tone::Good)
    );
}

#[test]
fn limits_of_one_process_hold_for_each_of_several() {
    let limit = |processes: u32| {
        let mut records = vec![start(3_000, processes, Options::default())];
        for process in 0..processes {
            records.push(sample(process, 100, counts(10, 0), footprint(60, 9, 1 << 20)));
        }
        if let Record::Start(start) = &mut records[0] {
            start.fingerprint.insert("max_map_count".to_owned(), 65_530.into());
            let unlimited = serde_json::json!({ "soft": "unlimited", "hard": "unlimited" });
            start.fingerprint.insert("open_files".to_owned(), unlimited);
        }
        let report = report(&recording(records));
        assert_eq!(lines(&report, "descriptors").limits, []);
        lines(&report, "mappings").limits[0].clone()
    };
    let one = LimitLine { name: "vm.max_map_count".to_owned(), value: 65_530.0 };
    assert_eq!(limit(1), one);
    let name = "vm.max_map_count of 3 processes".to_owned();
    assert_eq!(limit(3), LimitLine { name, value: 196_590.0 });
}

/// A recording comes from a file, and may hold any number.
#[test]
fn a_process_beyond_those_of_the_scenario_has_no_share() {
    let mut seen = barrier(u32::MAX, 2_000, counts(3_000, 1));
    seen.lingering = vec![image(7, vec![])];
    let recording = recording([start(u64::MAX, 2, Options::default()), mid_barrier(seen)]);
    let table = report(&recording).lingering.expect("a table");
    assert_eq!(table.rows[0].created_at_cycle, None);
}

#[test]
fn a_runtime_without_images_has_figures_of_growth() {
    let options = Options {
        subject: Some("python3 driver.py".parse().expect("a name")),
        ..Options::default()
    };
    let mut records = vec![start(3_000, 1, options), up(0, 3_000)];
    for number in 1..60 {
        let counts = Counts { cycles: 50 * number, ..Counts::default() };
        let had = footprint(60 + 50 * number, 9, 30 << 20);
        records.push(sample(0, 100 * number, counts, had));
    }
    let counts = Counts { cycles: 3_000, ..Counts::default() };
    let mut seen = barrier(0, 6_000, counts);
    (seen.last, seen.footprint) = (true, footprint(3_060, 9, 30 << 20));
    records.extend([mid_barrier(seen), exit(0, 6_010, ExitKind::Done, &[]), end(6_020)]);
    let report = report(&recording(records));
    let texts: Vec<(&str, &str, Tone)> =
        report.figures.iter().map(|f| (&f.label[..], &f.value[..], f.tone)).collect();
    let expected = [
        ("mappings per 1,000 cycles", "+1,000", Tone::Bad),
        ("descriptors per 1,000 cycles", "no growth", Tone::Good),
        ("resident memory per 1,000 cycles", "no growth", Tone::Good),
    ];
    assert_eq!(texts, expected);
}

#[test]
fn without_images_there_are_other_figures() {
    let report = report(&copy());
    assert!(!ids(&report).contains(&"lingering"), "{:?}", ids(&report));
    assert_eq!(report.lingering, None);
    let labels: Vec<&str> = report.figures.iter().map(|figure| &figure.label[..]).collect();
    assert_eq!(labels, ["cycles", "cycles a second", "resident at the end"]);
    assert!(report.unmeasured.iter().any(|text| text.contains("No image was seen")));
}

#[test]
fn facts_have_choices_and_machine() {
    let report = report(&leak_keep());
    let groups: Vec<&str> = report.facts.iter().map(|group| &group.name[..]).collect();
    assert_eq!(groups, ["reproduce", "scenario", "machine", "runtime", "cost of measuring"]);
    let fact = |group: &str, name: &str| {
        let group = report.facts.iter().find(|known| known.name == group).expect("a group");
        let mut facts = group.facts.iter();
        facts.find(|fact| fact.0 == name).map(|fact| fact.1.as_str())
    };
    assert_eq!(fact("reproduce", "recorded"), Some("2025-06-15 15:06:40 UTC"));
    assert_eq!(fact("reproduce", "seed"), Some("0"));
    assert_eq!(fact("scenario", "on-drop"), Some("keep"));
    assert_eq!(fact("scenario", "invoke"), None);
    assert_eq!(fact("machine", "kernel"), Some("Linux 6.18.0"));
}
