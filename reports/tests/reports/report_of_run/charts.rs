//! The order of charts, their marks and their limits.

use leakbench_model::Resource;

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
        "peaks",
        "memory",
        "page-tables",
        "survival",
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
fn a_run_without_a_leak_begins_with_its_proof() {
    let report = report(&clean());
    let chart = &report.charts[0];
    let Plot::Proof(proof) = &chart.plot else { panic!("{:?}", ids(&report)) };
    assert_eq!(
        chart.title,
        "1,000,000 of 1,000,000 images verified, by two witnesses, at 4 barriers"
    );
    assert_eq!((proof.verified(), proof.late(), proof.unverified), (1_000_000, 1_200, 0));
    let of = |line: usize| proof.stretches.iter().find(|it| it.line == line).expect("a barrier");
    let Record::Barrier(half) = record(&clean(), 5).clone() else { panic!("a barrier") };
    assert_eq!((of(5).subject, of(5).released), (0, half.counts.synchronous));
    assert_eq!((of(6).released, of(6).late), (250_000, 600), "since the barrier before");
    // Nothing lingered, and no other chart says so again.
    let lingering = report.charts.iter().find(|chart| chart.id == "lingering").expect("a chart");
    assert!(lingering.is_quiet());

    for leak in [leak_keep(), leak_earlier()] {
        let report = self::report(&leak);
        assert!(!ids(&report).contains(&"proof"));
        assert!(!report.charts[0].is_quiet());
    }
}

#[test]
fn what_the_witnesses_did_not_verify_is_not_said_to_be() {
    let report = report(&inconclusive());
    let Plot::Proof(proof) = plot(&report, "proof") else { panic!("a proof") };
    assert_eq!((proof.released(), proof.verified(), proof.unverified), (2_900, 0, 3_000));
    assert_eq!(proof.stretches[0].disagreements, 31);
    let report = self::report(&died(ExitKind::Signaled { signal: 9 }));
    let Plot::Proof(proof) = plot(&report, "proof") else { panic!("a proof") };
    assert_eq!((proof.verified(), proof.unverified), (100_000, 2_500));
}

/// Each process has the limit, so the one that has most is nearest to it.
#[test]
fn a_peak_is_compared_with_the_limit_of_one_process() {
    let mut recording = clean();
    if let Record::Start(start) = &mut recording.records[0] {
        start.fingerprint.insert("max_map_count".to_owned(), 65_530.into());
    }
    recording.records.insert(4, sample(1, 900, counts(9, 0), footprint(3_000, 9, 1 << 20)));
    let Plot::Peaks(peaks) = plot(&report(&recording), "peaks").clone() else { panic!("peaks") };
    let texts: Vec<(String, String, String, Option<String>)> = peaks
        .rows
        .iter()
        .map(|peak| (peak.name.clone(), peak.amount(), peak.beside(), peak.percent()))
        .collect();
    let row = |name: &str, peak: &str, beside: &str, percent: Option<&str>| {
        (name.to_owned(), peak.to_owned(), beside.to_owned(), percent.map(str::to_owned))
    };
    let of_mappings = "of 65,530, vm.max_map_count; 60 at rest";
    assert_eq!(texts[0], row("mappings of process 1", "3,000", of_mappings, Some("4.6 %")));
    assert_eq!(texts[1], row("descriptors of process 0", "14", "11 at rest", None));
    assert_eq!(texts[2].0, "resident memory of 2 processes");
}

#[test]
fn a_death_begins_with_the_resource_that_was_nearest_to_its_limit() {
    let first = |allowed: u64, had: u64| {
        let mut records = vec![start(3_000, 1, Options::default()), up(0, 3_000)];
        records.push(sample(0, 100, counts(900, 0), footprint(60, had, 1 << 20)));
        records.push(exit(0, 150, ExitKind::Signaled { signal: 9 }, &[]));
        if let Record::Start(start) = &mut records[0] {
            start.fingerprint.insert("max_map_count".to_owned(), 65_530.into());
            let limit = serde_json::json!({ "soft": allowed, "hard": allowed });
            start.fingerprint.insert("open_files".to_owned(), limit);
        }
        let report = report(&recording(records));
        (report.charts[0].id.clone(), report.charts[0].title.clone())
    };
    let near = ("descriptors".to_owned(), "Descriptors: 1,020 of 1,024, RLIMIT_NOFILE".to_owned());
    assert_eq!(first(1_024, 1_020), near);
    assert_eq!(first(20_000, 1_020).0, "peaks", "no limit was near");
}

/// The kernel counts numbers of descriptors: one that was inherited with a higher number is not in the way.
#[test]
fn descriptors_beyond_their_limit_do_not_count_towards_it() {
    let of = |had: [u64; 2], beyond: u64| {
        let mut records = vec![start(3_000, 2, Options::default())];
        for (subject, had) in (0..2).zip(had) {
            let mut up = up(subject, 1_500);
            if let Record::Subject(up) = &mut up {
                up.at_rest = footprint(60, 9 + beyond, 1 << 20);
                // The second process raised its own limit.
                let max = 64 * (1 + u64::from(subject));
                up.open_files = Some(OpenFiles { max, beyond });
            }
            records.push(up);
            records.push(sample(subject, 100, counts(900, 0), footprint(60, had, 1 << 20)));
        }
        let report = report(&recording(records));
        let Plot::Peaks(peaks) = plot(&report, "peaks") else { panic!("{:?}", ids(&report)) };
        let peak = peaks.rows.iter().find(|peak| peak.resource == Resource::Fds).expect("a peak");
        let limit = lines(&report, "descriptors").limits[0].clone();
        (peak.name.clone(), peak.amount(), peak.beside(), peak.percent().expect("a limit"), limit)
    };
    let limit = |name: &str, value| LimitLine { name: name.to_owned(), value };
    let row = |name: &str, peak: &str, beside: &str, percent: &str, limit| {
        (name.to_owned(), peak.to_owned(), beside.to_owned(), percent.to_owned(), limit)
    };
    assert_eq!(
        of([65, 65], 1),
        row(
            "descriptors of process 0",
            "65",
            "of 64, RLIMIT_NOFILE; 1 inherited and not counted; 10 at rest",
            "100.0 %",
            limit("RLIMIT_NOFILE of 2 processes plus 2 inherited:", 194.0),
        )
    );
    // The one nearest to its own limit, not the one that has most.
    let of_both = limit("RLIMIT_NOFILE of 2 processes", 192.0);
    assert_eq!(
        of([32, 96], 0),
        row(
            "descriptors of process 1",
            "96",
            "of 128, RLIMIT_NOFILE; 9 at rest",
            "75.0 %",
            of_both.clone(),
        )
    );
    assert_eq!(of([60, 96], 0).0, "descriptors of process 0");
    // A limit that was raised later.
    assert_eq!(of([70, 96], 0).3, "above the limit at its start");
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
