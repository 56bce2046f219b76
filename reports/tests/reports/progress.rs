//! The progress line: its parts and its width.

use leakbench_model::Counts;
use leakbench_reports::render::{Progress, RunProgress, RunSample};
use proptest::prelude::*;

use crate::common;

/// Of a run whose cycles ran all the time.
fn sample(at_ms: u64, cycles: u64) -> RunSample {
    let counts = common::counts(cycles, 0);
    RunSample { at_ms, running_us: at_ms * 1_000, counts, ..RunSample::default() }
}

#[test]
fn it_has_cycles_rate_time_left_and_footprint() {
    let mut progress = RunProgress::new(1_000_000);
    assert_eq!(progress.plain(), "0 of 1,000,000 cycles (0%), 0 lingering");
    for (at_ms, cycles) in [(1_000, 32_000), (2_000, 64_000), (3_000, 96_000)] {
        let counts = Counts { lingering: 6, ..common::counts(cycles, 0) };
        let footprint = common::footprint(3_012, 28, 2 << 20);
        progress.see(RunSample { counts, footprint, ..sample(at_ms, cycles) });
    }
    assert_eq!(
        progress.plain(),
        "96,000 of 1,000,000 cycles (9%), 32,000/s, 6 lingering, 29 s left, 3,012 mappings, 28 fds"
    );
    assert_eq!(progress.line(200), progress.plain().replace(", ", "  "));
}

/// The rate is that of the last seconds: a run that slows down shows it.
#[test]
fn the_rate_is_of_the_last_seconds() {
    let mut progress = RunProgress::new(1_000_000);
    for second in 0..20 {
        progress.see(sample(second * 1_000, second * 10_000));
    }
    for second in 0..20 {
        progress.see(sample(20_000 + second * 1_000, 200_000 + second * 100));
    }
    let plain = progress.plain();
    assert!(plain.contains(", 100/s, "), "{plain}");
    // Missing measurements are not shown.
    assert!(!plain.contains("mapping") && !plain.contains("fd"), "{plain}");
}

/// Barriers take nine tenths of the time: the time left has them, and the rate does not.
#[test]
fn the_rate_is_without_barriers() {
    let mut progress = RunProgress::new(10_000);
    for second in 0..5 {
        let running_us = second * 100_000;
        progress.see(RunSample { running_us, ..sample(second * 1_000, second * 1_000) });
    }
    let plain = progress.plain();
    assert!(plain.contains(", 10,000/s, ") && plain.contains(", 6 s left"), "{plain}");
}

/// Counts come from the subject, which may report any number.
#[test]
fn the_largest_numbers_do_not_wrap_around() {
    let max = u64::MAX;
    let mut progress = RunProgress::new(max);
    let footprint = common::footprint(max, max, max);
    for at_ms in [0, max - 1, max] {
        let counts = Counts { cycles: max, lingering: max, ..Counts::default() };
        progress.see(RunSample { at_ms, running_us: at_ms, counts, footprint });
    }
    let plain = progress.plain();
    assert!(plain.contains("18,446,744,073,709,551,615 lingering"), "{plain}");
}

proptest! {
    #[test]
    fn a_line_fits_its_width_and_is_a_beginning_of_the_whole(
        samples in proptest::collection::vec((0..9_999_999u64, 0..9_999_999u64), 0..50),
        asked in 0..9_999_999u64,
        width in 0..120usize,
    ) {
        let mut progress = RunProgress::new(asked);
        for (at_ms, cycles) in samples {
            let footprint = common::footprint(1_000, 9, 1);
            progress.see(RunSample { footprint, ..sample(at_ms, cycles) });
        }
        let line = progress.line(width);
        prop_assert!(line.chars().count() <= width);
        prop_assert!(progress.line(1_000).starts_with(&line));
    }
}
