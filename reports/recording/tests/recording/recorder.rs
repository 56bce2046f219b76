//! The recorder's file: the same lines as in memory, complete after each line, and restored after a full disk.

use std::io::Write;
use std::path::Path;

use leakbench_recording::recording::*;

use crate::fixtures::run as common;

pub(crate) fn record_all(recorder: &mut Recorder, records: &[Record]) {
    for record in records {
        recorder.record(record.clone()).expect("the folder is writable");
    }
}

pub(crate) fn file_text(folder: &Path) -> String {
    std::fs::read_to_string(folder.join(RECORDING_FILE)).expect("the recording is there")
}

#[test]
fn the_file_equals_memory_also_after_thinning() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut recorder = Recorder::create(folder.path()).expect("it is writable");
    record_all(&mut recorder, &common::leak_keep().records[..2]);
    for index in 0..20_000 {
        let footprint = common::footprint(1_000 + index % 7, 11, 1 << 20);
        let sample = common::sample(0, index * 100, common::counts(index, 0), footprint);
        recorder.record(sample).expect("the folder is writable");
        if index % 997 == 0 {
            let kept =
                Recording::<Record>::read(folder.path()).expect("it can be read at any time");
            assert_eq!(&kept, recorder.recording());
        }
    }
    record_all(&mut recorder, &common::leak_keep().records[2..]);
    let kept = Recording::<Record>::read(folder.path()).expect("it can be read");
    assert_eq!(kept, recorder.finish());
    let files = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(files, 1, "no temporary file is left");
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("the folder is writable");
    let error = Recorder::<Record>::create(&file.join("out")).expect_err("a file is no folder");
    assert!(error.to_string().starts_with("cannot create output folder"), "{error}");
    assert!(matches!(error, RecordingError::Folder { .. }));
    let taken = folder.path().join("taken");
    std::fs::create_dir_all(taken.join(RECORDING_FILE)).expect("the folder is writable");
    let error =
        Recorder::<Record>::create(&taken).expect_err("the file's name is taken by a folder");
    assert!(matches!(error, RecordingError::Create { .. }), "{error}");
    // A folder that can be created.
    assert!(Recorder::<Record>::create(&folder.path().join("new/deep")).is_ok());
}

/// `/dev/full` is like a full disk: writing to it fails with ENOSPC.
#[test]
fn a_full_disk_is_reported_once_and_lines_stay_in_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(RECORDING_FILE);
    std::os::unix::fs::symlink("/dev/full", &path).expect("a link");
    let mut recorder = Recorder::create(folder.path()).expect("it opens");
    let clean = common::clean();
    let results: Vec<bool> = clean
        .records
        .iter()
        .map(|record| match recorder.record(record.clone()) {
            Ok(()) => true,
            Err(error) => {
                assert!(error.to_string().contains("in memory only"), "{error}");
                false
            }
        })
        .collect();
    assert!(!results[0]);
    assert!(results[1..].iter().all(|&fine| fine));
    assert_eq!(recorder.finish(), clean);
}

#[test]
fn a_cut_recording_is_written_again_when_there_is_space() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(RECORDING_FILE);
    let temporary = folder.path().join("recording.jsonl.new");
    let full = |path: &Path| std::os::unix::fs::symlink("/dev/full", path).expect("a link");
    full(&path);
    let mut recorder = Recorder::create(folder.path()).expect("it opens");
    assert!(recorder.is_whole());
    let clean = common::clean().records;
    let (first, rest) = clean.split_at(3);
    for record in first {
        let _ = recorder.record(record.clone());
    }
    assert!(!recorder.is_whole());

    // Still no space.
    full(&temporary);
    let error = recorder.restore().expect_err("the disk is full");
    assert!(matches!(error, RecordingError::Restore { .. }), "{error}");
    assert!(error.to_string().contains("recording.jsonl ends at"), "{error}");
    assert!(!recorder.is_whole());

    recorder.restore().expect("there is space");
    assert!(recorder.is_whole());
    let kept = Recording::<Record>::read(folder.path()).expect("it can be read");
    assert_eq!(&kept, recorder.recording());
    record_all(&mut recorder, rest);
    let kept = Recording::<Record>::read(folder.path()).expect("it can be read");
    assert_eq!(kept, recorder.finish());
    assert_eq!(kept.records, clean);
    let files = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(files, 1, "no temporary file is left");
}

#[test]
fn a_whole_file_is_not_restored() {
    let mut in_memory = Recorder::in_memory();
    record_all(&mut in_memory, &common::clean().records);
    assert!(in_memory.is_whole());
    in_memory.restore().expect("there is no folder");

    let folder = tempfile::tempdir().expect("a folder");
    let mut recorder = Recorder::create(folder.path()).expect("it is writable");
    record_all(&mut recorder, &common::clean().records);
    // A whole file is not written again, even if another program removed it.
    std::fs::remove_file(folder.path().join(RECORDING_FILE)).expect("it is there");
    recorder.restore().expect("nothing to do");
    assert!(recorder.is_whole());
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

/// Each line is whole in the file as soon as `record` returns, without a flush or a close.
#[test]
fn a_line_is_in_the_file_when_record_returns() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut recorder = Recorder::create(folder.path()).expect("it is writable");
    for (index, record) in common::clean().records.into_iter().enumerate() {
        recorder.record(record).expect("the folder is writable");
        let text = file_text(folder.path());
        assert_eq!(text.lines().count(), index + 1);
        assert!(text.ends_with('\n'));
    }
    // As if killed: no destructor, and an incomplete line at the end.
    std::mem::forget(recorder);
    let path = folder.path().join(RECORDING_FILE);
    let file = std::fs::OpenOptions::new().append(true).open(path);
    let mut file = file.expect("it is there");
    file.write_all(b"{\"record\":\"sam").expect("it is writable");
    let kept = Recording::<Record>::read(folder.path()).expect("it can be read");
    assert_eq!(kept, common::clean());
}
