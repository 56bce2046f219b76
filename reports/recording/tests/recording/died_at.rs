//! Rule `died-at`: a death at a limit of the kernel, and deaths of other causes.

use leakbench_model::{Footprint, Verdict};
use leakbench_recording::judge::Level;
use leakbench_recording::recording::*;
use leakbench_scenarios::Options;

use crate::fixtures::run::{self as common, counts, end, exit, footprint, recording, start, up};
use crate::judge::{judged, of_rule};

/// A subject with 60 mappings and 11 descriptors at rest that ends as `how` after `cycles`, and was
/// last seen with so many mappings and descriptors after `seen_at`.
fn died_at(cycles: u64, how: ExitKind, seen_at: u64, mappings: u64, fds: u64) -> Recording {
    let Record::Start(mut begin) = start(1_000_000, 1, Options::default()) else {
        panic!("a start");
    };
    begin.fingerprint.insert("max_map_count".to_owned(), 65_530.into());
    let soft_hard = serde_json::json!({ "soft": 1024, "hard": "unlimited" });
    begin.fingerprint.insert("open_files".to_owned(), soft_hard);
    recording([
        Record::Start(begin),
        up(0, 1_000_000),
        common::sample(0, 100, counts(seen_at, 0), footprint(mappings, fds, 1 << 20)),
        common::sample(0, 200, counts(cycles, 0), Footprint::default()),
        exit(0, 200, how, &[(cycles, "instantiating")]),
        end(300),
    ])
}

fn no_memory() -> ExitKind {
    let error = "cannot map a memory of 65536 bytes into slot 7 (Cannot allocate memory \
                 (os error 12))";
    ExitKind::Failed { error: error.to_owned() }
}

fn no_descriptor() -> ExitKind {
    let error = "cannot create a memfd (Too many open files (os error 24))".to_owned();
    ExitKind::Failed { error }
}

fn explanation(recording: &Recording) -> Option<String> {
    let judgement = judged(recording);
    assert_eq!(judgement.verdict, Verdict::SubjectDied, "the explanation decides nothing");
    let findings = of_rule(&judgement, "died-at");
    assert!(findings.len() <= 1 && findings.iter().all(|finding| finding.level == Level::Warn));
    findings.first().map(|finding| finding.message.clone())
}

/// Descriptors that were inherited with numbers beyond the limit do not count towards it, and the limit is
/// the subject's own.
#[test]
fn inherited_descriptors_are_left_out() {
    let explained = |open_files: Option<OpenFiles>| {
        let mut recording = died_at(485, no_descriptor(), 480, 60, 520);
        if let Record::Subject(up) = &mut recording.records[1] {
            up.at_rest = footprint(60, 37, 9 << 20);
            up.open_files = open_files;
        }
        explanation(&recording)
    };
    let message = explained(Some(OpenFiles { max: 512, beyond: 10 })).expect("a limit");
    assert!(message.contains("(512 descriptors allowed − 27 at rest) / 485 cycles"), "{message}");
    assert!(message.ends_with("= 1 descriptor a cycle (RLIMIT_NOFILE)"), "{message}");
    // 520 are more than the limit allows, so it was another.
    assert_eq!(explained(Some(OpenFiles { max: 512, beyond: 0 })), None);
}

#[test]
fn a_death_at_a_limit_is_converted_to_objects_a_cycle() {
    for (recording, expected) in [
        (
            died_at(21_823, no_memory(), 20_000, 60_060, 11),
            "subject 0 died after 21,823 cycles: (65,530 mappings allowed − 60 at rest) / \
             21,823 cycles = 3 mappings a cycle (vm.max_map_count)",
        ),
        (
            // Too fast for a sample: only the quotient.
            died_at(21_823, no_memory(), 0, 60, 11),
            "subject 0 died after 21,823 cycles: (65,530 mappings allowed − 60 at rest) / \
             21,823 cycles = 3 mappings a cycle (vm.max_map_count)",
        ),
        (
            died_at(30_000, no_memory(), 20_000, 50_000, 11),
            "subject 0 died after 30,000 cycles: (65,530 mappings allowed − 60 at rest) / \
             30,000 cycles is about 2.18 mappings a cycle (vm.max_map_count)",
        ),
        (
            died_at(1_012, no_descriptor(), 0, 60, 11),
            "subject 0 died after 1,012 cycles: (1,024 descriptors allowed − 11 at rest) / \
             1,012 cycles = 1 descriptor a cycle (RLIMIT_NOFILE)",
        ),
        (
            // No error, but the last sample is at the limit.
            died_at(21_823, ExitKind::Signaled { signal: 6 }, 21_500, 64_560, 11),
            "subject 0 died after 21,823 cycles: (65,530 mappings allowed − 60 at rest) / \
             21,823 cycles = 3 mappings a cycle (vm.max_map_count)",
        ),
    ] {
        assert_eq!(explanation(&recording).as_deref(), Some(expected));
    }
}

/// A sample can see a subject that has closed everything on its way out.
#[test]
fn what_a_subject_closes_while_it_exits_is_no_evidence() {
    let mut recording = died_at(1_012, no_descriptor(), 1_000, 60, 1_011);
    let explained = explanation(&recording);
    assert!(explained.is_some());
    let exiting = common::sample(0, 150, counts(1_012, 0), footprint(60, 0, 1 << 20));
    recording.records.insert(3, exiting);
    assert_eq!(explanation(&recording), explained);
}

#[test]
fn other_deaths_are_not_explained() {
    let crashed = || ExitKind::Signaled { signal: 11 };
    let failed = |error: &str| ExitKind::Failed { error: error.to_owned() };
    for (why, recording) in [
        ("another error", died_at(21_823, failed("all slots are in use"), 20_000, 60_060, 11)),
        ("no memory, and no growth", died_at(21_823, no_memory(), 20_000, 80, 11)),
        ("no memory, no sample, no whole number", died_at(30_000, no_memory(), 0, 60, 11)),
        ("no whole number of so few cycles", died_at(30, no_memory(), 0, 60, 11)),
        ("no descriptor, and no growth", died_at(1_012, no_descriptor(), 1_000, 60, 14)),
        ("more than the limit would allow", died_at(1_012, no_descriptor(), 1_000, 60, 5_000)),
        ("killed far below", died_at(21_823, crashed(), 10_000, 30_060, 11)),
        ("killed, and never sampled", died_at(21_823, crashed(), 0, 60, 11)),
        ("at its first cycle", died_at(0, no_descriptor(), 0, 60, 11)),
        ("hung", died_at(21_823, ExitKind::Hung { silent_ms: 9 }, 21_500, 64_560, 11)),
    ] {
        assert_eq!(explanation(&recording), None, "{why}");
    }
    // Without limits in the fingerprint, as older recordings are.
    assert_eq!(explanation(&common::died(no_memory())), None);
}

#[test]
fn descriptors_of_live_modules_are_not_leaked() {
    let mut recording = died_at(500, no_descriptor(), 0, 60, 11);
    for record in &mut recording.records {
        if let Record::Sample(sample) = record {
            sample.counts.live = 510;
        }
    }
    let message = explanation(&recording).expect("it is at the limit");
    assert!(
        message.contains("(1,024 descriptors allowed − 11 at rest − 510 of live modules) / 500 cycles = 1 descriptor a cycle"),
        "{message}"
    );
}
