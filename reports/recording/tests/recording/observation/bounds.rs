//! Bounds of an observation's recording.

use leakbench_model::{Footprint, Resource};
use leakbench_recording::observation::*;
use leakbench_recording::recording::{Line, RECORDING_FILE};

use super::diagnosed;
use crate::fixtures::observation::*;

#[test]
fn a_day_of_samples_stays_below_three_megabytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut recorder = ObservationRecorder::create(folder.path()).expect("it is writable");
    recorder.record(ObservationRecord::Start(Box::new(observe(false)))).expect("writable");
    for second in 0..86_400u64 {
        let mut amounts: Footprint =
            Resource::ALL.into_iter().map(|resource| (resource, 1 << 40)).collect();
        amounts.set(Resource::SocketFds, 4 + second / 60);
        let sample = ObservationSample {
            at_ms: second * 1_000,
            amounts,
            processes: 1,
            nearest: Default::default(),
        };
        recorder.record(ObservationRecord::Sample(Box::new(sample))).expect("writable");
        if second % 600 == 0 {
            let long = "x".repeat(4_096);
            let record = examples(Resource::SocketFds, &[&long]);
            recorder.record(record).expect("writable");
        }
    }
    for index in 0..1_000 {
        recorder.record(remark(false, &format!("child {index} came"))).expect("writable");
    }
    let end = ObservationEnd { at_ms: 86_400_000, interrupted: false, observer_cpu_ms: None };
    recorder.record(ObservationRecord::End(end)).expect("writable");
    let size = std::fs::metadata(folder.path().join(RECORDING_FILE)).expect("a file").len();
    assert!(size < 3_000_000, "{size} bytes");
    let kept = ObservationRecording::read(folder.path()).expect("it reads");
    assert_eq!(&kept, recorder.recording());

    let diagnosis = diagnosed(&kept);
    let samples = &diagnosis.ledger.samples;
    assert!((800..=1_600).contains(&samples.len()), "{}", samples.len());
    assert_eq!((samples[0].at_ms, diagnosis.ledger.observed_ms()), (0, 86_399_000));
    let widest = samples.windows(2).map(|pair| pair[1].at_ms - pair[0].at_ms).max();
    assert!(widest.is_some_and(|ms| ms <= 256_000), "a hole of {widest:?} ms");
    assert_eq!(diagnosis.suspects[0].resource, Resource::SocketFds);
    let rate = diagnosis.account(Resource::SocketFds).and_then(Account::rate_per_s);
    assert!(rate.is_some_and(|rate| (rate * 60.0 - 1.0).abs() < 0.01), "{rate:?}");
    let remarks = &diagnosis.ledger.remarks;
    assert_eq!(remarks.len(), <ObservationRecord as Line>::REPEATS_MAX + 1);
    assert_eq!(remarks[remarks.len() - 1].what, "950 more remarks, not listed");
}

#[test]
fn the_latest_sample_and_the_latest_examples_stay() {
    let mut recorder = ObservationRecorder::in_memory();
    recorder.record(ObservationRecord::Start(Box::new(observe(false)))).expect("in memory");
    for second in 0..5_000u64 {
        let sample = ObservationSample {
            at_ms: second * 1_000,
            amounts: quiet(),
            processes: 1,
            nearest: Default::default(),
        };
        let sample = ObservationRecord::Sample(Box::new(sample));
        recorder.record(sample.clone()).expect("in memory");
        assert_eq!(recorder.recording().records.last(), Some(&sample), "at {second} s");
        let examples = examples(Resource::Fds, &[&format!("object {second}")]);
        recorder.record(examples.clone()).expect("in memory");
        assert_eq!(recorder.recording().records.last(), Some(&examples), "at {second} s");
    }
    let kept = recorder.finish().records;
    let examples = kept.iter().filter(|line| matches!(line, ObservationRecord::Examples(_)));
    assert!(examples.count() <= 8);
    assert!(kept.len() <= 1 + 1_600 + 8, "{}", kept.len());
}
