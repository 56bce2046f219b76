//! The ledger of arbitrary lines: its numbers add up.

use leakbench_model::{Histogram, Resource, Verdict};
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::{CountsSource, Images, Ledger};
use leakbench_recording::recording::*;
use leakbench_scenarios::Options;
use proptest::prelude::*;

use crate::fixtures::any_run::any_recording;
use crate::fixtures::run as common;

fn adds_up(images: &Images) -> bool {
    images.synchronous + images.late + images.lingering + images.unknown == images.made
}

proptest! {
    #[test]
    fn images_of_any_recording_add_up(recording in any_recording()) {
        let ledger = Ledger::of(&recording).expect("it has a start");
        prop_assert!(adds_up(&ledger.images));
        for subject in &ledger.subjects {
            prop_assert!(adds_up(&subject.images));
        }
        let made: u64 = ledger.subjects.iter().map(|subject| subject.images.made).sum();
        prop_assert_eq!(ledger.images.made, made);
        let grouped: u64 = ledger.held_by.iter().map(|group| group.images).sum();
        prop_assert_eq!(grouped, ledger.lingering_listed());
    }

    /// Only recorded releases count as released, and only images that linger at a barrier as
    /// lingering.
    #[test]
    fn images_are_released_and_lingering_only_as_recorded(recording in any_recording()) {
        let ledger = Ledger::of(&recording).expect("it has a start");
        for subject in &ledger.subjects {
            let (images, counts) = (&subject.images, &subject.counts);
            prop_assert_eq!(images.released(), counts.synchronous + counts.late);
            let at_barrier = matches!(subject.counts_from, CountsSource::LastBarrier | CountsSource::Barrier);
            let lingering = if at_barrier { counts.lingering } else { 0 };
            prop_assert_eq!(images.lingering, lingering);
            prop_assert!(images.unknown >= counts.unknown);
        }
    }

    /// Missing lines never make a verdict clean.
    #[test]
    fn a_clean_verdict_needs_every_subject_seen_to_its_end(recording in any_recording()) {
        let ledger = Ledger::of(&recording).expect("it has a start");
        if Judgement::of(&ledger).verdict == Verdict::Clean {
            prop_assert_eq!(ledger.subjects.len(), 3);
            prop_assert!(ledger.subjects.iter().all(|subject| subject.reached_last_barrier()));
            prop_assert_eq!(ledger.images.released(), ledger.images.made);
            prop_assert!(ledger.witness_failures.is_empty());
        }
    }
}

#[test]
fn a_recording_without_a_start_says_nothing() {
    let none = Ledger::of(&Recording::default());
    assert!(none.is_err());
}

#[test]
fn peaks_are_each_subjects_own_added_and_absent_where_one_was_not_measured() {
    let clean = Ledger::of(&common::clean()).expect("it has a start");
    assert_eq!(clean.peak.of(Resource::Mappings), Some(2 * 1_506));
    assert_eq!(clean.peak.of(Resource::Fds), Some(2 * 14));

    let mut recording = common::clean();
    for record in &mut recording.records {
        match record {
            Record::Subject(up) if up.subject == 1 => up.at_rest.set(Resource::Fds, None),
            Record::Sample(sample) if sample.subject == 1 => {
                sample.footprint.set(Resource::Fds, None)
            }
            Record::Barrier(barrier) if barrier.subject == 1 => {
                barrier.footprint.set(Resource::Fds, None)
            }
            _ => {}
        }
    }
    let blind = Ledger::of(&recording).expect("it has a start");
    assert_eq!(blind.peak.of(Resource::Fds), None);
    assert_eq!(blind.peak.of(Resource::Mappings), clean.peak.of(Resource::Mappings));
}

#[test]
fn release_times_are_merged_over_subjects() {
    let ledger = Ledger::of(&common::clean()).expect("it has a start");
    assert_eq!(ledger.release.count, 1_000_000);
    assert_eq!(ledger.release.p50_ns, Some(1_200));
    assert_eq!(ledger.release.p99_ns, Some(1_200));
    assert_eq!(ledger.release.max_ns, Some(3 * common::MS));
}

proptest! {
    /// Quantiles against the sorted values themselves.
    #[test]
    fn quantiles_are_those_of_the_values(
        parts in proptest::collection::vec(proptest::collection::vec(0..50u64, 0..20), 0..4),
        quantile in 0.0..=1.0f64,
    ) {
        let histograms: Vec<Histogram> = parts.iter().map(|values| {
            let mut sorted = values.clone();
            sorted.sort_unstable();
            Histogram(sorted.into_iter().map(|value| (value, 1)).collect())
        }).collect();
        let merged = Histogram::merged(&histograms);
        let mut values = parts.concat();
        values.sort_unstable();
        prop_assert_eq!(merged.count(), values.len() as u64);
        prop_assert_eq!(merged.max_ns(), values.last().copied());
        let rank = (values.len() as f64 * quantile).ceil().max(1.0) as usize;
        prop_assert_eq!(merged.quantile_ns(quantile), values.get(rank - 1).copied());
    }
}

/// A recording comes from a file and may contain any number.
#[test]
fn the_largest_numbers_can_be_judged() {
    let ledger = Ledger::of(&common::largest_numbers()).expect("it has a start");
    let judgement = Judgement::of(&ledger);
    assert!(judgement.findings.iter().any(|finding| finding.rule == "late-releases"));
}

/// A run of 3,000 cycles in two subjects that ran for 100 and 120 ms and stood at barriers for most of
/// the time.
fn at_barriers() -> Recording {
    let reached = |subject: u32, at_ms: u64, cycles: u64, running_ms: u64| {
        let counts = common::counts(cycles, 0);
        let barrier = common::barrier(subject, at_ms, counts);
        let running_us = Some(running_ms * 1_000);
        Record::Barrier(Box::new(Barrier { running_us, last: cycles == 1_500, ..barrier }))
    };
    common::recording([
        common::start(3_000, 2, Options::default()),
        common::up(0, 1_500),
        common::up(1, 1_500),
        reached(0, 300, 750, 40),
        reached(1, 310, 750, 50),
        reached(0, 600, 1_500, 100),
        reached(1, 620, 1_500, 120),
        common::end(700),
    ])
}

#[test]
fn a_rate_counts_only_the_time_in_which_cycles_ran() {
    let recording = at_barriers();
    let ledger = Ledger::of(&recording).expect("it has a start");
    assert_eq!(ledger.cycle_time_us(), Some(120_000), "of the subject that ran longest");
    assert_eq!(ledger.rate_per_s(), Some(25_000.0));

    // The same cycles with barriers that take ten times as long.
    let mut slow = recording.clone();
    for record in &mut slow.records {
        match record {
            Record::Barrier(barrier) => barrier.at_ms *= 10,
            Record::End(end) => (end.at_ms, end.running_ms) = (7_000, 6_950),
            _ => {}
        }
    }
    let slow = Ledger::of(&slow).expect("it has a start");
    assert_eq!(slow.rate_per_s(), ledger.rate_per_s());

    // A run that was cut has the rate of its cycles.
    let mut cut = recording.clone();
    cut.records.truncate(5);
    let cut = Ledger::of(&cut).expect("it has a start");
    assert_eq!(cut.rate_per_s(), Some(30_000.0), "1,500 cycles in 50 ms");
}

#[test]
fn an_older_recording_has_the_time_with_barriers() {
    let mut recording = at_barriers();
    for record in &mut recording.records {
        if let Record::Barrier(barrier) = record {
            barrier.running_us = None;
        }
    }
    let lines: Vec<String> =
        recording.records.iter().map(|r| serde_json::to_string(r).expect("JSON")).collect();
    assert!(!lines.concat().contains("running_us"));
    let ledger = Ledger::of(&recording).expect("it has a start");
    assert_eq!((ledger.cycle_time_us(), ledger.running_us()), (None, 650_000));
    recording.records.pop();
    let cut = Ledger::of(&recording).expect("it has a start");
    assert_eq!(cut.running_us(), 620_000);
}
