//! The reader: recordings read back as written, cut ones as a prefix; other files are refused.

use leakbench_recording::observation::{ObservationRecorder, ObservationRecording};
use leakbench_recording::recording::*;
use leakbench_scenarios::Options;
use proptest::prelude::*;

use crate::fixtures::any_run::any_recording;
use crate::fixtures::observation::{memfd_leak, remark, socket_leak, with};
use crate::fixtures::run as common;
use crate::recorder::{file_text, record_all};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_recording_reads_back_as_written(recording in any_recording()) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut recorder = Recorder::create(folder.path()).expect("it is writable");
        record_all(&mut recorder, &recording.records);
        let kept = Recording::<Record>::read(folder.path()).expect("it can be read");
        prop_assert_eq!(&kept, &recording);
        prop_assert_eq!(recorder.finish(), kept);
    }
}

proptest! {
    /// Facts about the machine may be any numbers, also those that a careless reader rounds.
    #[test]
    fn every_number_reads_back_as_written(number in proptest::num::f64::NORMAL) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut recorder = Recorder::create(folder.path()).expect("it is writable");
        let Record::Start(mut start) = common::start(100, 1, Options::default()) else {
            unreachable!("it is a start");
        };
        start.fingerprint.insert("fact".to_owned(), number.into());
        record_all(&mut recorder, &[Record::Start(start)]);
        let kept = Recording::<Record>::read(folder.path()).expect("it can be read");
        prop_assert_eq!(recorder.finish(), kept);
    }
}

#[test]
fn a_recording_cut_at_any_byte_reads_as_a_prefix() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut recorder = Recorder::create(folder.path()).expect("it is writable");
    record_all(&mut recorder, &common::inconclusive().records);
    let whole = recorder.finish();
    let text = file_text(folder.path());
    let cut_file = folder.path().join("cut.jsonl");
    let mut lengths = Vec::new();
    for length in 0..=text.len() {
        std::fs::write(&cut_file, &text.as_bytes()[..length]).expect("the folder is writable");
        let cut = Recording::<Record>::read(&cut_file)
            .unwrap_or_else(|error| panic!("at {length}: {error}"));
        assert!(whole.records.starts_with(&cut.records), "at {length}");
        assert!(cut.records.len() >= text[..length].matches('\n').count());
        lengths.push(cut.records.len());
    }
    assert!(lengths.is_sorted());
    assert_eq!(lengths.last(), Some(&whole.records.len()));
}

#[test]
fn a_bad_line_in_the_middle_is_an_error_with_its_number() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut recorder = Recorder::create(folder.path()).expect("it is writable");
    record_all(&mut recorder, &common::copy().records);
    let text = file_text(folder.path());
    let mut lines: Vec<&str> = text.lines().collect();
    lines[2] = "{\"record\":\"samplle\"}";
    let bad = folder.path().join("bad.jsonl");
    std::fs::write(&bad, lines.join("\n") + "\n").expect("the folder is writable");
    let error = Recording::<Record>::read(&bad).expect_err("line 3 is bad").to_string();
    assert!(error.contains("bad.jsonl, line 3: unknown variant `samplle`"), "{error}");
    assert!(!error.contains("column"), "{error}");
}

#[test]
fn other_files_and_other_versions_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let read = |text: &str| {
        std::fs::write(folder.path().join(RECORDING_FILE), text).expect("the folder is writable");
        Recording::<Record>::read(folder.path()).expect_err("it is refused").to_string()
    };
    let other = read("{\"hello\": 1}\n");
    assert!(other.contains("is not a recording"), "{other}");
    let not_json = read("hello\nyou\n");
    assert!(not_json.contains("line 1"), "{not_json}");
    for (version, advice) in [(2, "record it again"), (4, "use the leakbench that wrote it")] {
        let line = format!("{{\"record\":\"start\",\"version\":{version},\"what\":\"a field\"}}\n");
        let other = read(&line);
        assert!(other.contains(&format!("is a recording of version {version}")), "{other}");
        assert!(other.contains("reads only version 3"), "{other}");
        assert!(other.ends_with(advice) && !other.contains('\n'), "{other}");
    }
    let absent = Recording::<Record>::read(&folder.path().join("absent"));
    assert!(matches!(absent, Err(RecordingError::Read { .. })));
}

#[test]
fn a_recording_of_the_other_kind_is_refused() {
    let (run, observation) = (tempfile::tempdir(), tempfile::tempdir());
    let (run, observation) = (run.expect("a folder"), observation.expect("a folder"));
    let mut recorder = Recorder::create(run.path()).expect("it is writable");
    recorder.record(common::start(1, 1, Options::default())).expect("it is writable");
    let mut recorder = ObservationRecorder::create(observation.path()).expect("it is writable");
    for record in socket_leak().records {
        recorder.record(record).expect("it is writable");
    }
    let error = ObservationRecording::read(run.path()).expect_err("another kind");
    assert!(matches!(error, RecordingError::OtherKind { .. }));
    assert!(error.to_string().ends_with("of a run of modules, not of an observed process"));
    let error = Recording::<Record>::read(observation.path()).expect_err("another kind");
    assert!(error.to_string().ends_with("of an observed process, not of a run of modules"));
    let read = ObservationRecording::read(observation.path()).expect("its own kind");
    assert_eq!(read, socket_leak());
}

#[test]
fn an_observation_cut_at_any_byte_reads_as_a_prefix() {
    let whole = with(memfd_leak(), remark(true, "größe")).records;
    let lines: Vec<String> =
        whole.iter().map(|r| serde_json::to_string(r).expect("a line") + "\n").collect();
    let bytes = lines.concat();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cut.jsonl");
    for end in (0..bytes.len()).step_by(61).chain(bytes.len() - 80..=bytes.len()) {
        std::fs::write(&path, &bytes.as_bytes()[..end]).expect("it is writable");
        let read = ObservationRecording::read(&path).expect("a prefix reads");
        let full = bytes.as_bytes()[..end].iter().filter(|&&byte| byte == b'\n').count();
        assert!((full..=full + 1).contains(&read.records.len()), "at {end}");
        assert_eq!(read.records, whole[..read.records.len()]);
    }
}
