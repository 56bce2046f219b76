//! The ledger over any records at all: its numbers add up, and add nothing.

use proptest::prelude::*;

use crate::common;
use leakbench_model::{Counts, Histogram, Holder, LingeringImage, SlotCounts, SlotState, Verdict};
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::{CountsSource, Images, Ledger};
use leakbench_recording::recording::*;
use leakbench_reports::render::{ResultJson, Summary};
use leakbench_scenarios::Options;

fn any_counts() -> impl Strategy<Value = Counts> {
    proptest::array::uniform7(0..1_000u64).prop_map(
        |[cycles, made, synchronous, late, live, lingering, unknown]| Counts {
            cycles,
            made,
            synchronous,
            late,
            live,
            lingering,
            unknown,
        },
    )
}

fn any_footprint() -> impl Strategy<Value = Footprint> {
    proptest::array::uniform6(proptest::option::of(0..100_000u64)).prop_map(
        |[mappings, memfd_mappings, fds, rss_bytes, shmem_bytes, page_tables_bytes]| Footprint {
            mappings,
            memfd_mappings,
            fds,
            rss_bytes,
            shmem_bytes,
            page_tables_bytes,
        },
    )
}

fn any_holder() -> impl Strategy<Value = Holder> {
    let state = prop_oneof![
        Just(SlotState::InUse),
        Just(SlotState::Affine),
        Just(SlotState::Queued),
        Just(SlotState::Cold)
    ];
    prop_oneof![
        (0..100i32).prop_map(|fd| Holder::Fd { fd }),
        (0..100u32, state).prop_map(|(slot, state)| Holder::Slot { slot, state }),
        (0..100u64).prop_map(|start| Holder::Mapping { start, end: start + 1 }),
    ]
}

fn any_lingering() -> impl Strategy<Value = Vec<LingeringImage>> {
    let holders = proptest::collection::vec(any_holder(), 0..3);
    let image = (0..1_000u64, holders).prop_map(|(number, holders)| common::image(number, holders));
    proptest::collection::vec(image, 0..4)
}

pub(crate) fn any_sample() -> impl Strategy<Value = Record> {
    (0..100_000u64, 0..3u32, any_counts(), any_footprint()).prop_map(
        |(at_ms, subject, counts, footprint)| common::sample(subject, at_ms, counts, footprint),
    )
}

pub(crate) fn any_barrier() -> impl Strategy<Value = Record> {
    let marks = (any::<bool>(), 0..3u64, 0..3u64);
    (0..100_000u64, 0..3u32, any_counts(), any_footprint(), any_lingering(), marks).prop_map(
        |(
            at_ms,
            subject,
            counts,
            footprint,
            lingering,
            (last, disagreements_total, reset_failures),
        )| {
            Record::Barrier(Box::new(Barrier {
                last,
                footprint,
                lingering,
                disagreements_total,
                memory: None,
                reset_failures,
                ..common::barrier(subject, at_ms, counts)
            }))
        },
    )
}

fn any_how() -> impl Strategy<Value = ExitKind> {
    prop_oneof![
        Just(ExitKind::Done),
        Just(ExitKind::Stopped),
        Just(ExitKind::Exited { code: 1 }),
        Just(ExitKind::Hung { silent_ms: 9 }),
        ".*".prop_map(|error| ExitKind::Failed { error }),
        any::<i32>().prop_map(|signal| ExitKind::Signaled { signal }),
        ".*".prop_map(|said| ExitKind::ProtocolViolation { line: said }),
    ]
}

/// The last steps of as many threads.
fn any_steps() -> impl Strategy<Value = Vec<(u64, String)>> {
    proptest::collection::vec((any::<u64>(), ".{0,60}"), 0..6)
}

fn any_record() -> impl Strategy<Value = Record> {
    prop_oneof![
        4 => any_sample(),
        4 => any_barrier(),
        2 => (0..3u32, 0..1_000u64).prop_map(|(subject, cycles)| common::up(subject, cycles)),
        1 => (0..3u32, 0..99_999u64, any_how(), any_steps()).prop_map(|(subject, at_ms, how, steps)| {
            let steps: Vec<(u64, &str)> =
                steps.iter().map(|(cycle, step)| (*cycle, step.as_str())).collect();
            common::exit(subject, at_ms, how, &steps)
        }),
        1 => (0..3u32, ".{0,9}").prop_map(|(subject, what)| Record::WitnessFailure(WitnessFailure {
            at_ms: 5, subject, witness: Witness::ProcScan, what
        })),
        1 => Just(Record::Interrupted(Interrupted { at_ms: 7 })),
        1 => (50..99_999u64).prop_map(common::end),
    ]
}

/// A start, and whatever may follow it.
pub(crate) fn any_recording() -> impl Strategy<Value = Recording> {
    proptest::collection::vec(any_record(), 0..40).prop_map(|records| {
        let start = common::start(1_000, 3, Options::default());
        common::recording(std::iter::once(start).chain(records))
    })
}

fn adds_up(images: &Images) -> bool {
    images.synchronous + images.late + images.lingering + images.unknown == images.made
}

proptest! {
    #[test]
    fn images_add_up_whatever_was_recorded(recording in any_recording()) {
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

    /// Nothing that was not seen released is told as released, and only what was seen to linger
    /// at a barrier as lingering.
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

    /// A verdict is never better for something having been recorded less of.
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

    #[test]
    fn whatever_was_recorded_can_be_drawn(recording in any_recording()) {
        let ledger = Ledger::of(&recording).expect("it has a start");
        let judgement = Judgement::of(&ledger);
        for width in [60, 61, 67, 80, 99, 100] {
            let drawn = common::summary(&ledger, &judgement, width, None);
            prop_assert!(drawn.lines().count() <= Summary::LINES_MAX, "{}", drawn);
            prop_assert_eq!(drawn.lines().filter(|line| line.starts_with("verdict: ")).count(), 1);
            prop_assert!(drawn.lines().all(|line| !line.contains(char::is_control)), "{}", drawn);
            let told = common::findings_told(&drawn);
            let decisive = judgement.decisive().iter().count();
            prop_assert_eq!(told, judgement.findings.len() - decisive, "{}", drawn);
        }
        prop_assert!(ResultJson::new(&ledger, &judgement).to_text().is_ok());
    }
}

/// A recording comes from a file, and may hold any number.
#[test]
fn the_largest_numbers_can_be_judged_and_drawn() {
    let most = u64::MAX;
    let counts = Counts {
        cycles: most,
        made: most,
        synchronous: most,
        late: most,
        live: most,
        lingering: 0,
        unknown: 0,
    };
    let all = Footprint {
        mappings: Some(most),
        memfd_mappings: Some(most),
        fds: Some(most),
        rss_bytes: Some(most),
        shmem_bytes: Some(most),
        page_tables_bytes: Some(most),
    };
    let slots: SlotCounts = SlotCounts::states().map(|state| (state, most)).collect();
    let mut records = vec![common::start(1_000, 2, Options::default())];
    for subject in 0..2 {
        records.push(common::up(subject, most));
        for (last, footprint) in [(false, Footprint { mappings: Some(1), ..all }), (true, all)] {
            records.push(Record::Barrier(Box::new(Barrier {
                last,
                footprint,
                slots: Some(slots),
                disagreements_total: most,
                release: Histogram(vec![(most - 1, most), (most, most)]),
                memory: None,
                reset_failures: most,
                ..common::barrier(subject, most, counts)
            })));
        }
    }
    let ledger = Ledger::of(&common::recording(records)).expect("it has a start");
    let judgement = Judgement::of(&ledger);
    assert!(judgement.findings.iter().any(|finding| finding.rule == "late-releases"));
    let drawn = common::summary(&ledger, &judgement, 60, None);
    assert!(drawn.lines().count() <= Summary::LINES_MAX, "{drawn}");
    assert!(ResultJson::new(&ledger, &judgement).to_text().is_ok());
}

#[test]
fn a_recording_without_a_start_says_nothing() {
    let none = Ledger::of(&Recording::default());
    assert!(none.is_err());
}

#[test]
fn peaks_are_each_subjects_own_added_and_absent_where_one_was_not_measured() {
    let clean = Ledger::of(&common::clean()).expect("it has a start");
    assert_eq!(clean.peak.mappings, Some(2 * 1_506));
    assert_eq!(clean.peak.fds, Some(2 * 14));

    let mut recording = common::clean();
    for record in &mut recording.records {
        match record {
            Record::Subject(up) if up.subject == 1 => up.at_rest.fds = None,
            Record::Sample(sample) if sample.subject == 1 => sample.footprint.fds = None,
            Record::Barrier(barrier) if barrier.subject == 1 => barrier.footprint.fds = None,
            _ => {}
        }
    }
    let blind = Ledger::of(&recording).expect("it has a start");
    assert_eq!(blind.peak.fds, None);
    assert_eq!(blind.peak.mappings, clean.peak.mappings);
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
