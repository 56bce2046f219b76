//! The table of lingering images.

use std::num::NonZeroU32;

use leakbench_model::LingeringImage;
use leakbench_scenarios::{OnDrop, Strategy};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

use super::*;
use leakbench_reports::render::{Closing, Summary, SummaryStyle};

proptest! {
    // Each case has thousands of lines.
    #![proptest_config(ProptestConfig::with_cases(24))]

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
            let listed = barrier.lingering.iter().find(|image| image.object.ino == row.inode);
            let listed = listed.expect("an image of the barrier");
            prop_assert_eq!((row.module, row.age_ms), (listed.module, listed.lingering_ms));
            // One thread has all modules, in the order of its cycles.
            prop_assert_eq!(row.created_at_cycle, Some(row.module));
        }
        if listed > 0 {
            let Plot::Survival(survival) = plot(&report, "survival") else { panic!("ages") };
            let all: u64 = survival.bins.iter().flat_map(|bin| &bin.lingering).sum();
            prop_assert_eq!(all, listed as u64);
            // Every age of the run, or those of which all images are listed.
            let youngest = if more > 0 { 3_000 - listed as u64 } else { 0 };
            prop_assert_eq!(survival.bins[0].from, youngest);
            prop_assert!(survival.bins.len() <= Survival::BINS_MAX);
            prop_assert!(survival.bins.windows(2).all(|pair| pair[0].to == pair[1].from));
            let dropped: f64 = survival.bins.iter().map(|bin| bin.dropped).sum();
            prop_assert_eq!(dropped, (3_000 - youngest) as f64);
        } else {
            prop_assert!(!ids(&report).contains(&"survival"));
        }
    }
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
    let Plot::Survival(survival) = plot(&report, "survival") else { panic!("ages") };
    assert_eq!(survival.bins[0].from, 28_000 - 40, "younger images are not listed");

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
    assert!(!ids(&report).contains(&"survival"));
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

/// After a death, what lingered when it was last seen is part of what is unknown, and is named.
#[test]
fn a_summary_after_a_death_names_what_lingered_before() {
    let summary = |recording: &Recording| {
        let ledger = Ledger::of(recording).expect("it has a start");
        let summary = Summary::of_run(&ledger, &Judgement::of(&ledger));
        summary.draw(&SummaryStyle::default(), &Closing::default())
    };
    let died = summary(&recording(killed_leaking()));
    let images = "0 late; 1,002 unknown, 1,000 of them lingering when last seen";
    let in_one_line = died.split_whitespace().collect::<Vec<&str>>().join(" ");
    assert!(in_one_line.contains(images), "{died}");
    assert!(!died.contains("0 lingering"), "{died}");
    assert!(
        died.contains("lingered   inode 4623 of module 0, dropped at cycle 0: slot 0"),
        "{died}"
    );
    // Of a subject that ran to its end nothing is unknown.
    let earlier = summary(&leak_earlier());
    assert!(earlier.contains("; 0 lingering\n"), "{earlier}");
    assert!(earlier.contains("lingered   inode 4623 of module 0"), "{earlier}");
    let clean = summary(&clean());
    assert!(!clean.contains("lingered"), "{clean}");
}

/// A recording counts the cycles of threads, and a report those of the run.
#[test]
fn cycles_are_those_of_the_run() {
    let options = Options { threads: std::num::NonZeroU32::new(2), ..Options::default() };
    let seen = |subject: u32, module: u64| {
        let mut seen = barrier(subject, 2_000, counts(2_000, 1));
        seen.lingering = vec![LingeringImage { dropped_at_cycle: 7, ..image(module, vec![]) }];
        mid_barrier(seen)
    };
    // Each of four threads has 1,000 cycles.
    let records = [start(4_000, 2, options), seen(0, 1_005), seen(1, 2_006)];
    let report = report(&recording(records));
    let marks = &lines(&report, "lingering").marks;
    let first: Vec<&Mark> = marks.iter().filter(|mark| mark.kind == MarkKind::Onset).collect();
    assert_eq!(first.len(), 1);
    for mark in first {
        // Beside the number of the run, which a thread begins in its own place.
        assert!(mark.text.ends_with("; cycle 7 of its thread"), "{}", mark.text);
    }
    let table = report.lingering.expect("a table");
    let cycles = table.rows.iter().map(|row| (row.created_at_cycle, row.dropped_at_cycle));
    assert_eq!(cycles.collect::<Vec<_>>(), [(Some(1_005), 1_007), (Some(2_006), 2_007)]);
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

/// The theory is that of one instance at a time in random slots that keep their images.
#[test]
fn what_is_expected_is_drawn_where_the_theory_holds() {
    let keep = || Options { on_drop: Some(OnDrop::Keep), ..Options::default() };
    let expected = |options: Options, processes: u32| {
        let mut records = vec![start(3_000, processes, options)];
        for subject in 0..processes {
            let done = 3_000 / u64::from(processes);
            let mut seen = barrier(subject, 210, counts(done, done / 2));
            seen.lingering = vec![image(0, vec![slot(3, SlotState::Affine)])];
            seen.last = true;
            records.extend([up(subject, done), mid_barrier(seen)]);
        }
        let report = report(&recording(records));
        let series = lines(&report, "lingering").series.iter();
        let mut expected = series.filter(|series| series.style == Style::Expected);
        let last = expected.next().and_then(|series| series.points.last().copied());
        last.map(|point| (point.cycles, point.value.round()))
    };
    // 1,000 (1 - 0.999^3000), and twice 1,000 (1 - 0.999^1500).
    assert_eq!(expected(keep(), 1), Some((Some(3_000), 950.0)));
    assert_eq!(expected(keep(), 2), Some((Some(3_000), 1_554.0)));
    let two = NonZeroU32::new(2);
    for other in [
        Options { on_drop: Some(OnDrop::Purge), ..Options::default() },
        Options { strategy: Some(Strategy::WarmLru), ..keep() },
        Options { threads: two, ..keep() },
        Options { instances: two, ..keep() },
        Options { live_modules: two, ..keep() },
        Options { decommit_batch: two, ..keep() },
        Options { mode: vec![leakbench_scenarios::Mode::Grow], ..keep() },
        Options { long_lived: Some(1), ..keep() },
    ] {
        assert_eq!(expected(other, 1), None);
    }
}

/// The first barrier that saw a lingering image names the drop that began it, at its own cycle.
#[test]
fn the_first_drop_is_marked() {
    let report = report(&leak_earlier());
    let marks = &lines(&report, "lingering").marks;
    let first: Vec<&Mark> = marks.iter().filter(|mark| mark.kind == MarkKind::Onset).collect();
    let [first] = first.as_slice() else { panic!("{first:?}") };
    assert_eq!(first.text, "inode 4623 of module 0, dropped at cycle 0: fd 20");
    assert_eq!(first.cycles, Some(0));
    // Of drops in the same millisecond, that of the lowest cycle.
    let mut together = leak_earlier();
    if let Record::Barrier(half) = &mut together.records[2] {
        half.lingering.iter_mut().for_each(|image| image.lingering_ms = 7);
        half.lingering.reverse();
    }
    let again = self::report(&together);
    let of = |report: &Report| -> Vec<String> {
        let marks = lines(report, "lingering").marks.clone().into_iter();
        marks.filter(|mark| mark.kind == MarkKind::Onset).map(|mark| mark.text).collect()
    };
    assert_eq!(of(&again), of(&report));
    // None lingers at the end, so no drop of those is marked.
    assert!(!marks.iter().any(|mark| mark.kind == MarkKind::Drop));
    let clean = self::report(&clean());
    assert!(!lines(&clean, "lingering").marks.iter().any(|mark| mark.kind == MarkKind::Onset));
}

/// Drops that do not follow the cycles have no ages in them.
#[test]
fn a_survival_needs_drops_that_fit_the_cycles() {
    let with = |images: Vec<LingeringImage>| {
        let mut seen = barrier(0, 210, counts(100, images.len() as u64));
        (seen.last, seen.lingering) = (true, images);
        let records = [start(100, 1, Options::default()), up(0, 100), mid_barrier(seen)];
        ids(&report(&recording(records))).contains(&"survival")
    };
    let of = |cycle: u64| LingeringImage { dropped_at_cycle: cycle, ..image(cycle, vec![]) };
    assert!(with((0..50).map(of).collect()));
    assert!(!with((0..50).map(|_| of(7)).collect()), "50 drops in one cycle");
}
