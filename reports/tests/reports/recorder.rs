//! The recorder: bounded, crash-safe, and the same in memory as in the file.

use std::io::Write;
use std::path::Path;

use proptest::prelude::*;

use crate::common;
use crate::ledger::{any_barrier, any_recording, any_sample};
use leakbench_model::{Histogram, Holder};
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::Ledger;
use leakbench_recording::recording::*;
use leakbench_scenarios::Options;

fn record_all(recorder: &mut Recorder, records: &[Record]) {
    for record in records {
        recorder.record(record.clone()).expect("the folder is writable");
    }
}

fn samples(recording: &Recording, subject: u32) -> Vec<&Sample> {
    let records = recording.records.iter();
    records
        .filter_map(|record| match record {
            Record::Sample(sample) if sample.subject == subject => Some(sample),
            _ => None,
        })
        .collect()
}

fn file_text(folder: &Path) -> String {
    std::fs::read_to_string(folder.join(RECORDING_FILE)).expect("the recording is there")
}

#[test]
fn a_million_samples_are_kept_in_bounds_and_evenly() {
    let mut recorder = Recorder::in_memory();
    let start = common::start(1_000_000, 2, Options::default());
    recorder.record(start).expect("in memory");
    let total = 1_000_000;
    for index in 0..total {
        let subject = (index % 2) as u32;
        // One high peak, at a time that no stretch begins at.
        let mappings = if index == 123_457 { 9_999 } else { 1_000 };
        let looks = common::footprint(mappings, 11, 1 << 20);
        let sample = common::sample(subject, index * 50, common::counts(index, 0), looks);
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
    assert_eq!(ledger.subjects[1].peak.mappings, Some(9_999));
}

/// A subject that fell silent early is still known by its latest sample, however long another
/// goes on.
#[test]
fn the_latest_sample_of_a_silent_subject_stays() {
    let mut all = vec![common::start(100_000, 2, Options::default())];
    let looks = common::footprint(1_000, 11, 1 << 20);
    for cycles in [10, 20, 30] {
        all.push(common::sample(1, cycles, common::counts(cycles, 0), looks));
    }
    for index in 1..10_000 {
        all.push(common::sample(0, index * 100, common::counts(index, 0), looks));
    }
    let mut recorder = Recorder::in_memory();
    record_all(&mut recorder, &all);
    let kept = Ledger::of(recorder.recording()).expect("it has a start");
    assert_eq!(kept.subjects[1].counts.cycles, 30);
    assert!(samples(recorder.recording(), 0).len() <= 2_000);
}

#[test]
fn the_file_holds_what_memory_holds_also_after_thinning() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut recorder = Recorder::create(folder.path()).expect("it is writable");
    record_all(&mut recorder, &common::leak_keep().records[..2]);
    for index in 0..20_000 {
        let looks = common::footprint(1_000 + index % 7, 11, 1 << 20);
        let sample = common::sample(0, index * 100, common::counts(index, 0), looks);
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
fn many_barriers_with_many_images_are_kept_in_bounds_and_judged_the_same() {
    let mut recorder = Recorder::in_memory();
    let mut all = vec![common::start(1_000, 1, Options::default()), common::up(0, 1_000)];
    for index in 0..1_500u64 {
        // The worst is in the middle; one barrier alone has disagreements.
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

/// A ledger without the moments, which are as many as the recording has lines, and without the
/// numbers of lines, which thinning changes.
fn read_off_single_lines(recording: &Recording) -> Ledger {
    let mut ledger = Ledger::of(recording).expect("it has a start");
    for subject in &mut ledger.subjects {
        subject.samples.clear();
        subject.barriers.clear();
        subject.counts_line = 0;
        subject.worst.iter_mut().for_each(|worst| worst.line = 0);
        subject.disagreeing.iter_mut().for_each(|most| most.line = 0);
    }
    ledger
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// What a ledger reads off single lines survives any thinning.
    #[test]
    fn thinning_changes_no_ledger_and_no_verdict(
        kinds in proptest::collection::vec(prop_oneof![3 => any_sample(), 1 => any_barrier()], 20..60),
        picks in proptest::collection::vec(0..1_000usize, 97),
        total in 7_000..9_000usize,
    ) {
        let start = common::start(1_000, 3, Options::default());
        let looks = (0..total).map(|index| {
            // 97 picks, shifted at each turn, so that no period aligns with a stretch.
            let pick = picks[index % 97] + index / 97 * 31;
            let mut look = kinds[pick % kinds.len()].clone();
            match &mut look {
                Record::Sample(sample) => sample.at_ms = index as u64 * 10,
                Record::Barrier(barrier) => {
                    barrier.at_ms = index as u64 * 10;
                    barrier.last = false;
                }
                _ => {}
            }
            look
        });
        let whole = common::recording(std::iter::once(start).chain(looks));
        let mut recorder = Recorder::in_memory();
        record_all(&mut recorder, &whole.records);
        let thinned = recorder.finish();
        prop_assume!(thinned.records.len() < whole.records.len());
        let [whole, thinned] = [whole, thinned].map(|recording| read_off_single_lines(&recording));
        prop_assert_eq!(Judgement::of(&thinned), Judgement::of(&whole));
        prop_assert!(thinned == whole, "the ledger differs");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_recording_reads_back_as_it_was_written(recording in any_recording()) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut recorder = Recorder::create(folder.path()).expect("it is writable");
        record_all(&mut recorder, &recording.records);
        let kept = Recording::<Record>::read(folder.path()).expect("it can be read");
        prop_assert_eq!(&kept, &recording);
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
    for (version, advice) in [(1, "record it again"), (3, "use the leakbench that wrote it")] {
        let line = format!("{{\"record\":\"start\",\"version\":{version},\"what\":\"a field\"}}\n");
        let other = read(&line);
        assert!(other.contains(&format!("is a recording of version {version}")), "{other}");
        assert!(other.contains("reads version 2 only"), "{other}");
        assert!(other.ends_with(advice) && !other.contains('\n'), "{other}");
    }
    let absent = Recording::<Record>::read(&folder.path().join("absent"));
    assert!(matches!(absent, Err(RecordingError::Read { .. })));
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("the folder is writable");
    let error = Recorder::<Record>::create(&file.join("out")).expect_err("a file is no folder");
    assert!(error.to_string().starts_with("cannot make output folder"), "{error}");
    assert!(matches!(error, RecordingError::Folder { .. }));
    let taken = folder.path().join("taken");
    std::fs::create_dir_all(taken.join(RECORDING_FILE)).expect("the folder is writable");
    let error =
        Recorder::<Record>::create(&taken).expect_err("the file's name is taken by a folder");
    assert!(matches!(error, RecordingError::Create { .. }), "{error}");
    // Beside it, one that can.
    assert!(Recorder::<Record>::create(&folder.path().join("new/deep")).is_ok());
}

/// `/dev/full` stands for a full disk: what is written there fails with ENOSPC.
#[test]
fn a_full_disk_is_said_once_and_the_run_goes_on() {
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
fn a_cut_recording_is_written_once_more_when_there_is_room() {
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

    // No room yet.
    full(&temporary);
    let error = recorder.restore().expect_err("the disk is full");
    assert!(matches!(error, RecordingError::Restore { .. }), "{error}");
    assert!(error.to_string().contains("recording.jsonl ends where"), "{error}");
    assert!(!recorder.is_whole());

    recorder.restore().expect("there is room");
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
fn what_is_whole_needs_no_restoring() {
    let mut in_memory = Recorder::in_memory();
    record_all(&mut in_memory, &common::clean().records);
    assert!(in_memory.is_whole());
    in_memory.restore().expect("there is no folder");

    let folder = tempfile::tempdir().expect("a folder");
    let mut recorder = Recorder::create(folder.path()).expect("it is writable");
    record_all(&mut recorder, &common::clean().records);
    // What someone else did to a file that was written whole is left alone.
    std::fs::remove_file(folder.path().join(RECORDING_FILE)).expect("it is there");
    recorder.restore().expect("nothing to do");
    assert!(recorder.is_whole());
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

/// Times are totals, and long: the latest of each subject are enough, in memory and in the file.
#[test]
fn release_times_are_kept_in_bounds_and_the_latest_of_each_subject_stay() {
    const PAIRS: u64 = 2_000;
    let folder = tempfile::tempdir().expect("a folder");
    let mut recorder = Recorder::create(folder.path()).expect("it is writable");
    let mut all = vec![common::start(1_000, 2, Options::default())];
    for index in 0..600u64 {
        // One subject falls silent early.
        let subject = u32::from(index == 5);
        let pairs = (0..PAIRS).map(|time| (time * 1_000 + index, index + 1));
        all.push(Record::Barrier(Box::new(Barrier {
            release: Histogram(pairs.collect()),
            ..common::barrier(subject, index * 10, common::counts(PAIRS * (index + 1), 0))
        })));
    }
    let mut most = 0;
    for record in &all {
        recorder.record(record.clone()).expect("the folder is writable");
        let kept = recorder.recording().records.iter().map(|record| match record {
            Record::Barrier(barrier) => barrier.release.0.len(),
            _ => 0,
        });
        most = most.max(kept.sum::<usize>());
    }
    assert!((2 * PAIRS as usize..=200_000).contains(&most), "{most}");
    let kept = Recording::<Record>::read(folder.path()).expect("it can be read");
    assert_eq!(&kept, recorder.recording());
    let whole = read_off_single_lines(&common::recording(all));
    assert_eq!(read_off_single_lines(&kept), whole);
    assert_eq!(whole.subjects[1].release.count(), 6 * PAIRS);
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
    // As if killed: no destructor, and a line begun by someone else at the end.
    std::mem::forget(recorder);
    let path = folder.path().join(RECORDING_FILE);
    let file = std::fs::OpenOptions::new().append(true).open(path);
    let mut file = file.expect("it is there");
    file.write_all(b"{\"record\":\"sam").expect("it is writable");
    let kept = Recording::<Record>::read(folder.path()).expect("it can be read");
    assert_eq!(kept, common::clean());
}

#[test]
fn troubles_are_capped_and_their_number_kept() {
    let mut recorder = Recorder::in_memory();
    let trouble = |at_ms, witness| {
        Record::WitnessFailure(WitnessFailure {
            at_ms,
            subject: 0,
            witness,
            what: "gone".to_owned(),
        })
    };
    for at_ms in 0..100 {
        recorder.record(trouble(at_ms, Witness::ProcScan)).expect("in memory");
    }
    let other = trouble(100, Witness::DeathWatch);
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
