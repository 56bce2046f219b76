//! Each rule: cases that it must find, and similar cases that it must not.

use leakbench_model::{Counts, Footprint, Histogram, Resource, SlotState, Verdict};
use leakbench_recording::judge::{Finding, Judgement, Level};
use leakbench_recording::ledger::Ledger;
use leakbench_recording::recording::*;
use leakbench_scenarios::{ImageKind, Options, Plant};

use crate::fixtures::run::{
    self as common, barrier, counts, end, exit, footprint, recording, start, up,
};

pub(crate) fn judged(recording: &Recording) -> Judgement {
    Judgement::of(&Ledger::of(recording).expect("it has a start"))
}

pub(crate) fn of_rule<'a>(judgement: &'a Judgement, rule: &str) -> Vec<&'a Finding> {
    let findings = judgement.findings.iter();
    findings.filter(|finding| finding.rule == rule).collect()
}

/// A clean run of 100 cycles over one subject, its two barriers changed by `change`.
fn run(options: Options, change: impl FnOnce(&mut Barrier, &mut Barrier)) -> Recording {
    let mut first = barrier(0, 50, counts(50, 0));
    let mut last = barrier(0, 100, counts(100, 0));
    last.last = true;
    change(&mut first, &mut last);
    recording([
        start(100, 1, options),
        up(0, 100),
        Record::Barrier(Box::new(first)),
        Record::Barrier(Box::new(last)),
        exit(0, 110, ExitKind::Done, &[]),
        end(120),
    ])
}

fn without(recording: Recording, unwanted: impl Fn(&Record) -> bool) -> Recording {
    let records = recording.records.into_iter();
    common::recording(records.filter(|record| !unwanted(record)))
}

#[test]
fn a_run_without_findings_is_clean() {
    let judgement = judged(&run(Options::default(), |_, _| {}));
    assert_eq!(judgement.verdict, Verdict::Clean);
    assert_eq!(judgement.findings, []);
}

/// The judge of a run with planted leaks must find them by itself.
#[test]
fn the_judge_does_not_read_what_a_run_planted() {
    for mut recording in [
        common::clean(),
        common::leak_earlier(),
        run(Options::default(), |_, last| last.footprint.set(Resource::Fds, 40)),
    ] {
        let unaware = judged(&recording);
        for record in &mut recording.records {
            if let Record::Start(start) = record {
                start.scenario.plant = Plant::ALL.to_vec();
            }
        }
        assert_eq!(judged(&recording), unaware);
    }
}

#[test]
fn exit_codes_are_those_of_the_manual() {
    let codes = [
        (Verdict::Clean, 0),
        (Verdict::Leak, 1),
        (Verdict::SubjectDied, 3),
        (Verdict::Inconclusive, 4),
        (Verdict::Interrupted, 130),
    ];
    for (verdict, code) in codes {
        assert_eq!(verdict.exit_code(), code);
        let json = serde_json::to_value(verdict).expect("a word");
        assert_eq!(json, verdict.as_str());
    }
}

#[test]
fn one_lingering_image_is_a_leak() {
    let judgement = judged(&run(Options::default(), |_, last| {
        last.counts = counts(100, 1);
        last.lingering = vec![common::image(3, vec![common::slot(7, SlotState::Affine)])];
    }));
    assert_eq!(judgement.verdict, Verdict::Leak);
    let message = &of_rule(&judgement, "lingering-images")[0].message;
    assert_eq!(message, "1 of 100 images lingers, held by 1 affine slot");
}

#[test]
fn a_leak_is_proved_by_a_barrier_in_mid_run_alone() {
    let leaking = run(Options::default(), |first, _| first.counts = counts(50, 2));
    let released_later = judged(&leaking);
    assert_eq!(released_later.verdict, Verdict::Leak);
    let message = &of_rule(&released_later, "lingering-images")[0].message;
    assert!(message.contains("after cycle 50 and were released later"), "{message}");

    let cut = without(leaking, |record| matches!(record, Record::Barrier(barrier) if barrier.last));
    let not_seen = judged(&cut);
    assert_eq!(not_seen.verdict, Verdict::Leak);
    let message = &of_rule(&not_seen, "lingering-images")[0].message;
    assert_eq!(message, "2 of 50 images linger; their holders were not recorded");
}

/// Between barriers the kernel may be about to release an image: a sample proves nothing.
#[test]
fn lingering_in_a_sample_is_no_leak() {
    let mut recording = run(Options::default(), |_, _| {});
    let running = common::sample(0, 70, counts(70, 9), footprint(900, 11, 1 << 20));
    recording.records.insert(3, running);
    assert_eq!(judged(&recording).verdict, Verdict::Clean);
}

#[test]
fn late_releases_beyond_the_settle_time_are_a_warning() {
    let late_by = |ns| {
        judged(&run(Options::default(), move |_, last| {
            last.counts.synchronous = 98;
            last.counts.late = 2;
            last.release = Histogram(vec![(1_000, 98), (ns, 2)]);
        }))
    };
    for (ns, level) in [(200 * common::MS, Level::Note), (201 * common::MS, Level::Warn)] {
        let judgement = late_by(ns);
        assert_eq!(judgement.verdict, Verdict::Clean);
        assert_eq!(of_rule(&judgement, "late-releases")[0].level, level);
    }
}

/// A late release is the runtime's own unless leakbench read the process, or a search found that nothing in
/// the process held the image.
#[test]
fn late_releases_are_explained_or_the_run_is_inconclusive() {
    let run_with = |beside, inside, outside| {
        judged(&run(Options::default(), move |_, last| {
            last.counts.synchronous = 91;
            last.counts.late = 9;
            last.counts.late_beside_reading = Some(beside);
            last.counts.late_held_inside = Some(inside);
            last.counts.late_held_outside = Some(outside);
            last.release = Histogram(vec![(1_000, 91), (2_000_000, 9)]);
        }))
    };
    let explained = run_with(4, 0, 5);
    assert_eq!(explained.verdict, Verdict::Clean);
    let messages: Vec<&str> =
        of_rule(&explained, "late-releases").iter().map(|finding| &*finding.message).collect();
    assert_eq!(
        messages[0],
        "5 of 100 images were held when the drop had returned, and by nothing in the subject: another program \
         reads it, or the kernel held it for a moment"
    );
    assert_eq!(messages.len(), 2, "{messages:?}");

    let message = |judgement: &Judgement| {
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        of_rule(judgement, "late-releases")[0].message.clone()
    };
    let unknown = message(&run_with(4, 0, 4));
    assert!(unknown.starts_with("1 of 100 images was released late though"), "{unknown}");
    assert!(unknown.contains("or another program reads the subject"), "{unknown}");
    let inside = message(&run_with(4, 2, 1));
    assert!(inside.starts_with("4 of 100 images were released late though"), "{inside}");
    assert!(inside.contains("still held 2 images when the drop had returned"), "{inside}");
}

/// The maximum depends on which releases have a recorded time.
#[test]
fn late_releases_without_a_time_are_counted_apart() {
    let message = |recording: &Recording| {
        let judgement = judged(recording);
        let finding = of_rule(&judgement, "late-releases")[0];
        (finding.level, finding.message.clone())
    };
    // One was released before its drop began: it has no time and is not late.
    let early = run(Options::default(), |_, last| {
        last.counts.synchronous = 98;
        last.counts.late = 2;
        last.release = Histogram(vec![(1_000, 97), (300 * common::MS, 2)]);
    });
    let (level, text) = message(&early);
    assert_eq!(level, Level::Warn);
    assert!(text.ends_with("up to 300 ms after the drop (allowed: 200 ms)"), "{text}");

    // Late releases since the last barrier have no time.
    let seen_later = |late_by_barrier| {
        let counts =
            Counts { synchronous: 50 - late_by_barrier, late: late_by_barrier, ..counts(50, 0) };
        let later = Counts { synchronous: 60, late: 5, ..common::counts(70, 0) };
        message(&recording([
            start(100, 1, Options::default()),
            up(0, 100),
            Record::Barrier(Box::new(barrier(0, 50, counts))),
            common::sample(0, 70, later, footprint(900, 11, 1 << 20)),
        ]))
    };
    let (level, some) = seen_later(2);
    assert_eq!(level, Level::Note);
    let expected = "up to 3.0 ms after the drop (allowed: 200 ms); 3 have no recorded time";
    assert!(some.ends_with(expected), "{some}");
    let (_, none) = seen_later(0);
    assert!(none.ends_with("had returned"), "{none}");
}

#[test]
fn holders_are_those_of_listed_images() {
    let message = |listed: u64| {
        let judgement = judged(&run(Options::default(), |_, last| {
            last.counts = counts(100, 9);
            let images = (0..listed)
                .map(|n| common::image(n, vec![common::slot(n as u32, SlotState::Affine)]));
            last.lingering = images.collect();
        }));
        of_rule(&judgement, "lingering-images")[0].message.clone()
    };
    assert_eq!(message(9), "9 of 100 images linger, held by 9 affine slots");
    assert_eq!(message(5), "9 of 100 images linger; the 5 listed are held by 5 affine slots");
    assert_eq!(message(1), "9 of 100 images linger; the 1 listed is held by 1 affine slot");
}

#[test]
fn a_failed_witness_makes_a_run_inconclusive() {
    let mut failed = run(Options::default(), |_, _| {});
    failed.records.insert(
        2,
        Record::WitnessFailure(WitnessFailure {
            at_ms: 30,
            subject: 0,
            witness: Witness::DeathWatch,
            what: "the event queue overflowed".to_owned(),
        }),
    );
    let disagreeing = run(Options::default(), |first, _| first.disagreements_total = 1);
    let unknown = run(Options::default(), |_, last| {
        last.counts.synchronous = 99;
        last.counts.unknown = 1;
    });
    for recording in [failed, disagreeing, unknown] {
        let judgement = judged(&recording);
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert_eq!(of_rule(&judgement, "witnesses").len(), 1);
    }
}

#[test]
fn a_leak_outweighs_a_failed_witness_and_death_outweighs_a_leak() {
    let mut recording = run(Options::default(), |first, last| {
        first.disagreements_total = 1;
        last.counts = counts(100, 1);
    });
    assert_eq!(judged(&recording).verdict, Verdict::Leak);
    let signaled = ExitKind::Signaled { signal: 11 };
    recording.records[4] = exit(0, 110, signaled, &[(99, "call")]);
    let judgement = judged(&recording);
    assert_eq!(judgement.verdict, Verdict::SubjectDied);
    assert_eq!(of_rule(&judgement, "lingering-images").len(), 1);
    let message = &of_rule(&judgement, "subject-exit")[0].message;
    assert_eq!(
        message,
        "subject 0 (pid 4711) was killed by signal 11 (SIGSEGV) in cycle 99 (call)"
    );
    let interrupted = Interrupted { at_ms: 60 };
    recording.records.insert(3, Record::Interrupted(interrupted));
    assert_eq!(judged(&recording).verdict, Verdict::Interrupted);
}

#[test]
fn a_run_without_its_end_is_not_clean() {
    let whole = run(Options::default(), |_, _| {});
    let no_last_barrier =
        without(whole.clone(), |record| matches!(record, Record::Barrier(barrier) if barrier.last));
    let no_end = without(whole.clone(), |record| matches!(record, Record::End(_)));
    let no_subject = without(whole, |record| matches!(record, Record::Subject(_)));
    let too_few_cycles = run(Options::default(), |_, last| last.counts = counts(99, 0));
    let judgement = judged(&no_last_barrier);
    let message = &of_rule(&judgement, "coverage")[0].message;
    assert!(message.ends_with("after 50 cycles, and no image is unknown"), "{message}");
    for recording in [no_last_barrier, no_end, no_subject, too_few_cycles] {
        let judgement = judged(&recording);
        assert_eq!(judgement.verdict, Verdict::Inconclusive, "{judgement:?}");
        assert_eq!(of_rule(&judgement, "coverage").len(), 1, "{judgement:?}");
    }
}

#[test]
fn cycles_without_images_are_clean_only_if_images_are_copied() {
    let unwatched = |options: Options| {
        judged(&run(options, |_, last| {
            last.counts = Counts { cycles: 100, ..Counts::default() };
        }))
    };
    let memfd = unwatched(Options::default());
    assert_eq!(memfd.verdict, Verdict::Inconclusive);

    let of = |image| Options { image: Some(image), ..Options::default() };
    let from_files = |image| Options { wasm: vec!["no-data.wasm".into()], ..of(image) };
    for (options, verdict, advice) in [
        (of(ImageKind::Copy), Verdict::Clean, "with --image copy"),
        (from_files(ImageKind::Copy), Verdict::Clean, "with --image copy"),
        (of(ImageKind::Auto), Verdict::Inconclusive, "--image memfd"),
        (from_files(ImageKind::Auto), Verdict::Inconclusive, "modules without data"),
        (from_files(ImageKind::Memfd), Verdict::Inconclusive, "modules without data"),
    ] {
        let judgement = unwatched(options);
        assert_eq!(judgement.verdict, verdict, "{judgement:?}");
        let message = &of_rule(&judgement, "coverage")[0].message;
        assert!(
            message.contains("the run proves nothing") && message.contains(advice),
            "{message}"
        );
    }
}

#[test]
fn leftovers_are_warned_of_only_if_normal_use_does_not_explain_them() {
    let warnings = |change: fn(&mut Barrier, &mut Barrier)| {
        let judgement = judged(&run(Options::default(), change));
        let leftovers = of_rule(&judgement, "leftovers");
        assert!(leftovers.iter().all(|finding| finding.level == Level::Warn));
        leftovers.len()
    };
    // At rest: 60 mappings, none of a memfd, 11 descriptors.
    assert_eq!(warnings(|_, last| last.footprint.set(Resource::MemfdMappings, Some(1))), 1);
    assert_eq!(warnings(|_, last| last.footprint.set(Resource::Fds, Some(12))), 1);
    assert_eq!(warnings(|_, last| last.footprint.set(Resource::Mappings, Some(1_060 + 4_001))), 1);
    assert_eq!(warnings(|_, last| last.reset_failures = 1), 1);
    // Warm slots.
    assert_eq!(warnings(|_, last| last.footprint.set(Resource::Mappings, Some(1_060 + 4_000))), 0);
    // Opened once, on first use.
    let once = |first: &mut Barrier, last: &mut Barrier| {
        first.footprint.set(Resource::Fds, Some(13));
        last.footprint.set(Resource::Fds, Some(13));
    };
    assert_eq!(warnings(once), 0);
    // An unmeasured value is no evidence.
    let unmeasured = |_: &mut Barrier, last: &mut Barrier| last.footprint = Footprint::default();
    assert_eq!(warnings(unmeasured), 0);
    // A lingering image explains its mappings and descriptors.
    let lingering = |_: &mut Barrier, last: &mut Barrier| {
        last.counts = counts(100, 1);
        last.footprint.set(Resource::MemfdMappings, Some(1));
        last.footprint.set(Resource::Fds, Some(12));
    };
    assert_eq!(warnings(lingering), 0);
}

#[test]
fn descriptors_that_guests_with_wasi_leave_are_a_leak() {
    let left = |options: &Options, descriptors: u64| {
        let judgement = judged(&run(options.clone(), |_, last| {
            last.footprint.set(Resource::Fds, Some(descriptors));
        }));
        let leftovers = of_rule(&judgement, "leftovers").into_iter();
        (judgement.verdict, leftovers.map(|finding| finding.message.clone()).collect::<Vec<_>>())
    };
    let generated = Options::default();
    let wasi = Options { wasm: vec!["app.wasm".into()], ..Options::default() };
    // At rest and at the first barrier: 11 descriptors. Up to 3 more are noise.
    assert_eq!(left(&wasi, 11), (Verdict::Clean, Vec::new()));
    assert_eq!(left(&wasi, 14).0, Verdict::Clean);
    assert_eq!(left(&generated, 111).0, Verdict::Clean, "generated guests open nothing");
    let message = "subject 0 has 15 descriptors at the end (first barrier: 11, before the first \
                   cycle: 11)";
    assert_eq!(left(&wasi, 15), (Verdict::Leak, vec![message.to_owned()]));
}

#[test]
fn both_witnesses_count_the_descriptors_of_guests() {
    let wasi = Options { wasm: vec!["app.wasm".into()], ..Options::default() };
    let judged = |counted: u64, seen: Option<u64>| {
        let judgement = judged(&run(wasi.clone(), |_, last| {
            last.guest_descriptors = Some(counted);
            last.footprint.set(Resource::Fds, seen);
        }));
        let leftovers = of_rule(&judgement, "leftovers").into_iter();
        let messages: Vec<String> = leftovers.map(|finding| finding.message.clone()).collect();
        (judgement.verdict, messages.concat())
    };
    // At rest: 11 descriptors.
    assert_eq!(judged(0, Some(11)), (Verdict::Clean, String::new()));
    // One is no noise if both count it.
    let both = "1 descriptor of dropped guests is open in subject 0, by the runtime's count and by /proc, \
                which shows 12 (before the first cycle: 11)";
    assert_eq!(judged(1, Some(12)), (Verdict::Leak, both.to_owned()));
    let (verdict, message) = judged(3_000, Some(12));
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(message.starts_with("the witnesses disagree in subject 0"), "{message}");
    assert_eq!(judged(1, None).0, Verdict::Inconclusive);
    // The runtime forgot to count them, or has them itself.
    assert_eq!(judged(0, Some(15)).0, Verdict::Leak);
}

#[test]
fn every_failure_of_a_subject_is_a_death() {
    let verdict = |how| judged(&common::died(how)).verdict;
    for how in [
        ExitKind::Failed { error: "no".to_owned() },
        ExitKind::Exited { code: 0 },
        ExitKind::Signaled { signal: 6 },
        ExitKind::Hung { silent_ms: 1 },
        ExitKind::ProtocolViolation { line: "hello".to_owned() },
    ] {
        assert_eq!(verdict(how), Verdict::SubjectDied);
    }
    // No subject died, but none reached its end.
    assert_eq!(verdict(ExitKind::Stopped), Verdict::Inconclusive);
    assert_eq!(verdict(ExitKind::Done), Verdict::Inconclusive);
}

/// The error of a step begins with it, and the message names it once.
#[test]
fn a_failed_step_is_named_once() {
    let message = |error: &str| {
        let mut recording = common::died(ExitKind::Failed { error: error.to_owned() });
        for record in &mut recording.records {
            if let Record::Exit(exit) = record {
                exit.last_steps.truncate(1);
                exit.last_steps[0].step = "call".to_owned();
            }
        }
        judged(&recording).findings.first().expect("a finding").message.clone()
    };
    let (named, other) = (message("call: out of luck"), message("out of luck"));
    assert!(named.ends_with(": call: out of luck"), "{named}");
    assert_eq!(named.matches("call").count(), 1, "{named}");
    assert!(other.ends_with(" (call): out of luck"), "{other}");
}

#[test]
fn every_fixture_has_its_verdict() {
    let killed = ExitKind::Signaled { signal: 9 };
    for (recording, verdict) in [
        (common::clean(), Verdict::Clean),
        (common::copy(), Verdict::Clean),
        (common::leak_keep(), Verdict::Leak),
        (common::leak_queue(), Verdict::Leak),
        (common::leak_earlier(), Verdict::Leak),
        (common::died(killed), Verdict::SubjectDied),
        (common::inconclusive(), Verdict::Inconclusive),
        (common::interrupted(), Verdict::Interrupted),
    ] {
        assert_eq!(judged(&recording).verdict, verdict);
    }
}
