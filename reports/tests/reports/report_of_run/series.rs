//! Series and their points.

use leakbench_model::{Footprint, LingeringImage, Resource};
use leakbench_recording::recording::*;
use leakbench_reports::report::*;
use leakbench_scenarios::Options;
use proptest::prelude::*;

use super::*;

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
            records.push(sample(0, 100 * (number as u64 + 1), counts(cycles, 0), had));
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
        let recorded = || (2..=recording.records.len()).filter_map(|line| {
            sample_on(&recording, line).2.of(Resource::Mappings)
        });
        let has = |value: Option<u64>| {
            points.iter().any(|point| Some(point.value) == value.map(|value| value as f64))
        };
        prop_assert!(has(recorded().max()));
        prop_assert!(has(recorded().min()));
        prop_assert_eq!(points[0].line, 2, "at rest");
        prop_assert_eq!(points[points.len() - 1].line, recording.records.len());
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
    let point = |at_s, cycles, value, line| Point { at_s, cycles: Some(cycles), value, line };
    let expected = [
        point(0.02, 0, 2.0 * 60.0, 3),
        point(1.0, 1_500, 60.0 + 1_060.0, 4),
        point(2.0, 3_000, 2.0 * 1_060.0, 6),
    ];
    assert_eq!(*mappings, expected);

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
