//! The table of lingering images.

use leakbench_model::LingeringImage;
use proptest::prelude::*;

use super::*;

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
            let Plot::Lifetimes(lifetimes) = plot(&report, "lifetimes") else { panic!("bars") };
            prop_assert_eq!(lifetimes.bars.len() as u64 + lifetimes.rest, lingering);
            prop_assert!(lifetimes.bars.len() <= Lifetimes::BARS_MAX);
            let reach = |bar: &Lifetime| bar.to_s - bar.from_s;
            prop_assert!(lifetimes.bars.is_sorted_by(|a, b| reach(a) >= reach(b) - 1e-9));
        } else {
            prop_assert!(!ids(&report).contains(&"lifetimes"));
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

/// A recording comes from a file, and may hold any number.
#[test]
fn a_process_beyond_those_of_the_scenario_has_no_share() {
    let mut seen = barrier(u32::MAX, 2_000, counts(3_000, 1));
    seen.lingering = vec![image(7, vec![])];
    let recording = recording([start(u64::MAX, 2, Options::default()), mid_barrier(seen)]);
    let table = report(&recording).lingering.expect("a table");
    assert_eq!(table.rows[0].created_at_cycle, None);
}
