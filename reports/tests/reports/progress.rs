//! The progress line: its parts and its width.

use leakbench_model::{Counts, Footprint};
use leakbench_reports::render::{Progress, RunProgress};
use proptest::prelude::*;

use crate::common;

fn counts(cycles: u64, lingering: u64) -> Counts {
    Counts { lingering, ..common::counts(cycles, 0) }
}

#[test]
fn it_adds_the_latest_samples_of_all_subjects() {
    let mut progress = RunProgress::new(1_000_000);
    assert_eq!(progress.plain(), "0 of 1,000,000 cycles (0%), 0 lingering");
    let had = common::footprint(1_506, 14, 1 << 20);
    for (at_ms, cycles) in [(1_000, 16_000), (2_000, 32_000), (3_000, 48_000)] {
        for subject in 0..2 {
            progress.see(at_ms + u64::from(subject), subject, &counts(cycles, 3), &had);
        }
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
    let none = Footprint::default();
    for second in 0..20 {
        progress.see(second * 1_000, 0, &counts(second * 10_000, 0), &none);
    }
    for second in 0..20 {
        let at_ms = 20_000 + second * 1_000;
        progress.see(at_ms, 0, &counts(200_000 + second * 100, 0), &none);
    }
    let plain = progress.plain();
    assert!(plain.contains(", 100/s, "), "{plain}");
    // Missing measurements are not shown.
    assert!(!plain.contains("mapping") && !plain.contains("fd"), "{plain}");
}

#[test]
fn a_sum_with_an_unknown_part_is_not_shown() {
    let mut progress = RunProgress::new(100);
    progress.see(0, 0, &counts(1, 0), &common::footprint(5, 5, 5));
    progress.see(0, 1, &counts(1, 0), &Footprint::default());
    assert_eq!(progress.plain(), "2 of 100 cycles (2%), 0 lingering");
}

/// Counts come from the subject, which may report any number.
#[test]
fn the_largest_numbers_do_not_wrap_around() {
    let max = u64::MAX;
    let mut progress = RunProgress::new(max);
    for (at_ms, subject) in [(0, 0), (max - 1, 1), (max, 2)] {
        let had = common::footprint(max, max, max);
        progress.see(
            at_ms,
            subject,
            &Counts { cycles: max, lingering: max, ..Counts::default() },
            &had,
        );
    }
    let plain = progress.plain();
    assert!(plain.contains("18,446,744,073,709,551,615 lingering"), "{plain}");
}

proptest! {
    #[test]
    fn a_line_fits_its_width_and_is_a_beginning_of_the_whole(
        samples in proptest::collection::vec((0..9_999_999u64, 0..3u32, 0..9_999_999u64), 0..50),
        asked in 0..9_999_999u64,
        width in 0..120usize,
    ) {
        let mut progress = RunProgress::new(asked);
        for (at_ms, subject, cycles) in samples {
            progress.see(at_ms, subject, &counts(cycles, 0), &common::footprint(1_000, 9, 1));
        }
        let line = progress.line(width);
        prop_assert!(line.chars().count() <= width);
        prop_assert!(progress.line(1_000).starts_with(&line));
    }
}
