//! Bounds of a run's recording: limits hold, and the ledger is the same after thinning.

use leakbench_model::{Histogram, Holder, Resource};
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::Ledger;
use leakbench_recording::recording::*;
use leakbench_scenarios::Options;
use proptest::prelude::*;

use crate::fixtures::any_run::{any_barrier, any_sample};
use crate::fixtures::run as common;
use crate::recorder::record_all;

fn samples(recording: &Recording, subject: u32) -> Vec<&Sample> {
    let records = recording.records.iter();
    records
        .filter_map(|record| match record {
            Record::Sample(sample) if sample.subject == subject => Some(sample),
            _ => None,
        })
        .collect()
}

#[test]
fn a_million_samples_are_thinned_evenly() {
    let mut recorder = Recorder::in_memory();
    let start = common::start(1_000_000, 2, Options::default());
    recorder.record(start).expect("in memory");
    let total = 1_000_000;
    for index in 0..total {
        let subject = (index % 2) as u32;
        // One high peak, within a stretch.
        let mappings = if index == 123_457 { 9_999 } else { 1_000 };
        let footprint = common::footprint(mappings, 11, 1 << 20);
        let sample = common::sample(subject, index * 50, common::counts(index, 0), footprint);
        recorder.record(sample).expect("in memory");
        assert!(recorder.recording().records.len() <= 4_001);
    }
    let recording = recorder.finish();
    for subject in 0..2 {
        let kept = samples(&recording, subject);
        assert!((500..=2_000).contains(&kept.len()), "{}", kept.len());
        let newest = kept.last().expect("there are samples").at_ms;
        assert_eq!(newest, (total - 2 + u64::from(subject)) * 50);
        let gaps = kept.windows(2).map(|pair| pair[1].at_ms - pair[0].at_ms);
        let widest = gaps.max().expect("there are samples");
        assert!(widest <= 2 * 50 * total / 500, "a hole of {widest} ms");
    }
    let ledger = Ledger::of(&recording).expect("it has a start");
    assert_eq!(ledger.subjects[1].peak.of(Resource::Mappings), Some(9_999));
}

/// The latest sample of a subject stays, however long another subject continues.
#[test]
fn the_latest_sample_of_a_silent_subject_stays() {
    let mut all = vec![common::start(100_000, 2, Options::default())];
    let footprint = common::footprint(1_000, 11, 1 << 20);
    for cycles in [10, 20, 30] {
        all.push(common::sample(1, cycles, common::counts(cycles, 0), footprint));
    }
    for index in 1..10_000 {
        all.push(common::sample(0, index * 100, common::counts(index, 0), footprint));
    }
    let mut recorder = Recorder::in_memory();
    record_all(&mut recorder, &all);
    let kept = Ledger::of(recorder.recording()).expect("it has a start");
    assert_eq!(kept.subjects[1].counts.cycles, 30);
    assert!(samples(recorder.recording(), 0).len() <= 2_000);
}

#[test]
fn many_barriers_with_many_images_are_thinned_and_judged_the_same() {
    let mut recorder = Recorder::in_memory();
    let mut all = vec![common::start(1_000, 1, Options::default()), common::up(0, 1_000)];
    for index in 0..1_500u64 {
        // The worst barrier is in the middle; one barrier has disagreements.
        let lingering = 400 - (index as i64 - 700).unsigned_abs().min(400);
        let mut barrier = common::barrier(0, index * 10, common::counts(2_000 + index, lingering));
        let images = (0..lingering).map(|n| common::image(n, vec![Holder::Fd { fd: 3 }]));
        barrier.lingering = images.collect();
        if index == 333 {
            barrier.disagreements_total = 1;
            barrier.disagreements = vec!["inode 7".to_owned()];
        }
        barrier.last = index == 1_499;
        all.push(Record::Barrier(Box::new(barrier)));
    }
    all.push(common::exit(0, 15_100, ExitKind::Done, &[]));
    all.push(common::end(15_200));
    for record in &all {
        recorder.record(record.clone()).expect("in memory");
        let listed = recorder.recording().records.iter().map(|record| match record {
            Record::Barrier(barrier) => barrier.lingering.len(),
            _ => 0,
        });
        assert!(listed.sum::<usize>() <= 40_000);
    }
    let kept = recorder.finish();
    assert!(kept.records.len() < 410, "{}", kept.records.len());
    assert_eq!(read_off_single_lines(&kept), read_off_single_lines(&common::recording(all)));
}

/// A ledger without its samples and line numbers, which thinning changes.
fn read_off_single_lines(recording: &Recording) -> Ledger {
    let mut ledger = Ledger::of(recording).expect("it has a start");
    for subject in &mut ledger.subjects {
        subject.samples.clear();
        subject.barriers.clear();
        subject.counts_line = 0;
        subject.worst.iter_mut().for_each(|worst| worst.line = 0);
        subject.began.iter_mut().for_each(|first| first.line = 0);
        subject.disagreeing.iter_mut().for_each(|most| most.line = 0);
    }
    ledger
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Values that a ledger reads from single lines survive thinning.
    #[test]
    fn thinning_changes_no_ledger_and_no_verdict(
        kinds in proptest::collection::vec(prop_oneof![3 => any_sample(), 1 => any_barrier()], 20..60),
        picks in proptest::collection::vec(0..1_000usize, 97),
        total in 7_000..9_000usize,
    ) {
        let start = common::start(1_000, 3, Options::default());
        let lines = (0..total).map(|index| {
            // 97 picks, shifted at each turn, so that no period aligns with a stretch.
            let pick = picks[index % 97] + index / 97 * 31;
            let mut line = kinds[pick % kinds.len()].clone();
            match &mut line {
                Record::Sample(sample) => sample.at_ms = index as u64 * 10,
                Record::Barrier(barrier) => {
                    barrier.at_ms = index as u64 * 10;
                    barrier.last = false;
                }
                _ => {}
            }
            line
        });
        let whole = common::recording(std::iter::once(start).chain(lines));
        let mut recorder = Recorder::in_memory();
        record_all(&mut recorder, &whole.records);
        let thinned = recorder.finish();
        prop_assume!(thinned.records.len() < whole.records.len());
        let [whole, thinned] = [whole, thinned].map(|recording| read_off_single_lines(&recording));
        prop_assert_eq!(Judgement::of(&thinned), Judgement::of(&whole));
        prop_assert!(thinned == whole, "the ledger differs");
    }
}

/// Release times are totals: those of the latest barrier of each subject are enough.
#[test]
fn release_times_are_bounded_and_the_latest_of_each_subject_stay() {
    const PAIRS: u64 = 2_000;
    let folder = tempfile::tempdir().expect("a folder");
    let mut recorder = Recorder::create(folder.path()).expect("it is writable");
    let mut all = vec![common::start(1_000, 2, Options::default())];
    for index in 0..600u64 {
        // One subject ends early.
        let subject = u32::from(index == 5);
        let pairs = (0..PAIRS).map(|time| (time * 1_000 + index, index + 1));
        all.push(Record::Barrier(Box::new(Barrier {
            release: Histogram(pairs.collect()),
            ..common::barrier(subject, index * 10, common::counts(PAIRS * (index + 1), 0))
        })));
    }
    let mut max = 0;
    for record in &all {
        recorder.record(record.clone()).expect("the folder is writable");
        let kept = recorder.recording().records.iter().map(|record| match record {
            Record::Barrier(barrier) => barrier.release.0.len(),
            _ => 0,
        });
        max = max.max(kept.sum::<usize>());
    }
    assert!((2 * PAIRS as usize..=200_000).contains(&max), "{max}");
    let kept = Recording::<Record>::read(folder.path()).expect("it can be read");
    assert_eq!(&kept, recorder.recording());
    let whole = read_off_single_lines(&common::recording(all));
    assert_eq!(read_off_single_lines(&kept), whole);
    assert_eq!(whole.subjects[1].release.count(), 6 * PAIRS);
}

#[test]
fn witness_failures_are_bounded_and_counted() {
    let mut recorder = Recorder::in_memory();
    let failure = |at_ms, witness| {
        Record::WitnessFailure(WitnessFailure {
            at_ms,
            subject: 0,
            witness,
            what: "gone".to_owned(),
        })
    };
    for at_ms in 0..100 {
        recorder.record(failure(at_ms, Witness::ProcScan)).expect("in memory");
    }
    let other = failure(100, Witness::DeathWatch);
    recorder.record(other).expect("in memory");
    recorder.record(common::end(200)).expect("in memory");
    let records = recorder.finish().records;
    assert_eq!(records.len(), 20 + 1 + 1 + 1);
    let Record::WitnessFailure(left_out) = &records[21] else {
        panic!("{:?}", records[21]);
    };
    assert_eq!(left_out.what, "80 more failures of this witness, not listed");
    assert_eq!(left_out.at_ms, 99);
    assert!(matches!(records[22], Record::End(_)));
}
