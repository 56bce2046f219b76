//! The order of charts, their marks and their limits.

use super::*;
use proptest::prelude::*;

proptest! {
    // Each case has thousands of lines.
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The first, the last and the worst of many barriers are shown, each with its line.
    #[test]
    fn slot_maps_keep_the_ends_and_the_worst(barriers in 1_usize..450, worst in 0.0..1.0) {
        let worst = (worst * barriers as f64) as usize;
        let mut records = vec![start(1_000_000, 1, Options::default()), up(0, 1_000_000)];
        for number in 0..barriers {
            let lingering = if number == worst { 9 } else { number as u64 % 3 };
            let counts = counts(100 * (number as u64 + 1), lingering);
            let mut seen = barrier(0, 50 * (number as u64 + 1), counts);
            let mut states = vec![SlotState::Cold; 64];
            states[number % 64] = SlotState::AffineDropped;
            let mut map = SlotMap::of_states(&states).expect("slots");
            // Older maps are coarser.
            map.coarsen(if number < barriers / 2 { 16 } else { 64 });
            seen.slot_map = Some(map);
            records.push(Record::Barrier(Box::new(seen)));
        }
        let recording = recording(records);
        let report = report(&recording);
        let Plot::Slots(maps) = plot(&report, "slots") else { panic!("a slot map") };
        let [slots] = maps.maps.as_slice() else { panic!("one process") };
        prop_assert_eq!(slots.rows.len(), barriers.min(SlotRows::ROWS_MAX));
        let lines: Vec<usize> = slots.rows.iter().map(|row| row.line).collect();
        prop_assert!(lines.is_sorted_by(|a, b| a < b));
        for number in [0, worst, barriers - 1] {
            prop_assert!(lines.contains(&(number + 3)), "{number} of {lines:?}");
        }
        for row in &slots.rows {
            let number = row.line - 3;
            prop_assert_eq!(row.cycles, 100 * (number as u64 + 1));
            let Record::Barrier(barrier) = record(&recording, row.line) else {
                panic!("line {} is no barrier", row.line);
            };
            prop_assert_eq!(Some(&row.map), barrier.slot_map.as_ref());
        }
    }
}

/// Each process has a map, with fewer rows where there are many.
#[test]
fn every_process_has_a_slot_map() {
    let maps = |processes: u32, slots: usize| {
        let mut records = vec![start(1_000_000, processes, Options::default())];
        for subject in 0..processes {
            for number in 0..30 {
                let mut seen = barrier(subject, 50 * (number + 1), counts(100 * (number + 1), 0));
                seen.slot_map = SlotMap::of_states(&vec![SlotState::Cold; slots]);
                records.push(Record::Barrier(Box::new(seen)));
            }
        }
        let report = report(&recording(records));
        let chart = report.charts.iter().find(|chart| chart.id == "slots").expect("a chart");
        let Plot::Slots(maps) = &chart.plot else { panic!("slot maps") };
        let rows = maps.maps.iter().map(|pool| pool.rows.len()).max().expect("a process");
        (maps.maps.len(), rows, maps.rest, chart.title.clone(), chart.reads.clone())
    };
    let (shown, rows, rest, title, reads) = maps(6, 20_000);
    assert_eq!((shown, rows, rest), (6, 30, 0));
    assert_eq!(title, "States of 20,000 slots in each of 6 processes");
    assert!(reads.contains("A cell is 79 neighbouring slots"), "{reads}");
    let (shown, rows, rest, _, reads) = maps(70, 1_024);
    assert_eq!((shown, rows, rest), (64, 12, 6));
    assert!(reads.ends_with("6 more processes are not shown."), "{reads}");
    assert!(!reads.contains("A cell is"), "{reads}");
}

#[test]
fn charts_come_in_their_order() {
    let mut recording = leak_keep();
    for record in &mut recording.records {
        if let Record::Barrier(barrier) = record {
            barrier.slot_map = SlotMap::of_states(&[SlotState::AffineDropped; 1_000]);
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
