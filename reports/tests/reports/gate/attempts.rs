//! Several recordings: attempts at one run, other runs, and rows with rounds.

use leakbench_model::Holder;
use leakbench_recording::recording::*;
use leakbench_reports::comparison::{Comparison, Kind, Refusal, Row, RunSummary};
use leakbench_reports::gate::{GateVerdict, PolicyLevel, Status};
use leakbench_reports::recorded::{RecordedComparison, RecordedKind, RecordedRun};

use super::{Named, Plan, judged, policy, recorded, run, status};
use crate::common::{self, counts, image};

const FLAKY_WARNS: &str = "[gate]\nflaky = \"warn\"\n";

/// The same command each time.
fn attempt(name: &str, lingering: bool) -> Named {
    let leaks = |last: &mut Barrier| {
        last.counts = counts(3_000, 2);
        last.lingering = vec![image(1, vec![Holder::Fd { fd: 3 }])];
    };
    let plan = if lingering { Plan { last: leaks, ..Plan::default() } } else { Plan::default() };
    run(name, &plan.recording())
}

#[test]
fn failing_at_one_attempt_and_passing_at_another_is_flaky() {
    let attempts = [attempt("first", true), attempt("second", false)];
    let outcome = judged("", &attempts);
    let found = policy(&outcome, "lingering-at-end");
    assert_eq!(found.status, Status::Flaky);
    assert_eq!(found.run, "first (2 attempts)");
    let sentence = "failed at attempt 1, passed at attempt 2: 2 images lingering at the end";
    assert!(found.message.starts_with(sentence), "{}", found.message);
    assert_eq!(found.evidence[0].path, std::path::Path::new("out/first/recording.jsonl"));
    assert_eq!((outcome.verdict, found.level), (GateVerdict::Flaky, PolicyLevel::Error));
    assert!(outcome.headline.starts_with("FLAKY — lingering-at-end: "), "{}", outcome.headline);

    let warned = judged(FLAKY_WARNS, &attempts);
    let found = policy(&warned, "lingering-at-end");
    assert_eq!((found.status, found.level), (Status::Flaky, PolicyLevel::Warn));
    assert_eq!(warned.verdict, GateVerdict::Pass);

    // The order does not matter.
    let [first, second] = attempts;
    let outcome = judged("", &[second, first]);
    let found = policy(&outcome, "lingering-at-end");
    assert!(found.message.starts_with("failed at attempt 2, passed at attempt 1"));
}

#[test]
fn runs_that_differ_in_the_paths_of_modules_and_drivers_are_attempts_at_one_run() {
    let from = |name: &str, command: &str| {
        let mut recording = Plan::default().recording();
        if let Record::Start(start) = &mut recording.records[0] {
            start.command = command.to_owned();
        }
        run(name, &recording)
    };
    let first = from("first", "leakbench --processes 1 --wasm /ci/1/a.wasm --driver-dir /ci/1");
    let retry = from("retry", "leakbench --processes 1 --wasm /ci/2/a.wasm");
    let other = from("other", "leakbench --processes 1 --wasm /ci/2/b.wasm");
    let outcome = judged("", &[first, retry, other]);
    let mut runs: Vec<&str> = outcome.policies.iter().map(|of| of.run.as_str()).collect();
    runs.dedup();
    assert_eq!(runs, ["first (2 attempts)", "other"]);
}

#[test]
fn attempts_that_all_fail_have_failed_and_that_all_pass_have_passed() {
    let failed = judged(FLAKY_WARNS, &[attempt("a", true), attempt("b", true)]);
    let found = policy(&failed, "lingering-at-end");
    assert_eq!((found.status, failed.verdict), (Status::Failed, GateVerdict::Fail));
    assert!(found.message.starts_with("passed at none of 2 attempts; at attempt 1: 2 images"));
    let passed = judged("", &[attempt("a", false), attempt("b", false), attempt("c", false)]);
    let found = policy(&passed, "lingering-at-end");
    assert_eq!((found.status, passed.verdict), (Status::Passed, GateVerdict::Pass));
    assert!(found.message.starts_with("passed at each of 3 attempts: "), "{}", found.message);
}

/// Of the same command as an attempt, and killed half-way.
fn killed(name: &str) -> Named {
    let mut recording = Plan::default().recording();
    recording.records.retain(|record| match record {
        Record::Barrier(barrier) => !barrier.last,
        Record::Exit(_) => false,
        _ => true,
    });
    let end = recording.records.len() - 1;
    recording.records.insert(end, common::exit(0, 5_000, ExitKind::Signaled { signal: 9 }, &[]));
    run(name, &recording)
}

#[test]
fn a_death_at_one_attempt_is_not_forgotten() {
    let outcome = judged("", &[killed("first"), attempt("second", false)]);
    assert_eq!(status(&outcome, "measurement"), Status::Flaky);
    assert_eq!(outcome.verdict, GateVerdict::SubjectDied);
    let message = &policy(&outcome, "lingering-at-end").message;
    assert!(message.starts_with("inconclusive at attempt 1, passed at attempt 2"), "{message}");
    // No budget lowers its level.
    for second in [attempt("second", false), killed("second")] {
        let outcome = judged(FLAKY_WARNS, &[killed("first"), second]);
        assert_eq!(outcome.verdict, GateVerdict::SubjectDied);
        assert_eq!(policy(&outcome, "measurement").level, PolicyLevel::Error);
        assert!(
            outcome.headline.starts_with("SUBJECT DIED — measurement: "),
            "{}",
            outcome.headline
        );
    }
}

/// Each policy passed at one attempt, and no attempt passed all.
#[test]
fn attempts_that_fail_different_policies_are_no_pass() {
    let mappings = || {
        let more = |_| common::footprint(9_000, 11, 20 << 20);
        run("mappings", &Plan { samples: more, ..Plan::default() }.recording())
    };
    let policies =
        |level| format!("{FLAKY_WARNS}[policy.peak-mappings]\nlevel = \"{level}\"\nmax = 2_000\n");
    let outcome = judged(&policies("error"), &[attempt("lingers", true), mappings()]);
    for name in ["lingering-at-end", "peak-mappings"] {
        let found = policy(&outcome, name);
        assert_eq!((found.status, found.level), (Status::Flaky, PolicyLevel::Error), "{found:#?}");
    }
    assert_eq!(outcome.verdict, GateVerdict::Flaky);
    // A warning does not fail an attempt, and a third attempt that passes makes the others flaky.
    let outcome = judged(&policies("warn"), &[attempt("lingers", true), mappings()]);
    assert_eq!(outcome.verdict, GateVerdict::Pass, "{outcome:#?}");
    let attempts = [attempt("lingers", true), mappings(), attempt("good", false)];
    let outcome = judged(&policies("error"), &attempts);
    assert_eq!(outcome.verdict, GateVerdict::Pass, "{outcome:#?}");
    assert_eq!(policy(&outcome, "peak-mappings").level, PolicyLevel::Warn);
}

#[test]
fn runs_of_different_commands_are_no_attempts_at_one_run() {
    let outcome = judged("", &[run("keep", &common::leak_keep()), attempt("plan", false)]);
    let found: Vec<(&str, Status)> = outcome
        .policies
        .iter()
        .filter(|of| of.policy == "lingering-at-end")
        .map(|of| (of.run.as_str(), of.status))
        .collect();
    assert_eq!(found, [("keep", Status::Failed), ("plan", Status::Passed)]);
    assert_eq!(outcome.verdict, GateVerdict::Fail);
    assert!(outcome.headline.starts_with("FAIL — keep: lingering-at-end"), "{}", outcome.headline);
}

/// A comparison of rows, each with its rounds.
fn comparison(rows: &[(&str, &[&Recording])], rounds: u32) -> Named {
    let mut runs = Vec::new();
    let rows = rows.iter().map(|(name, recordings)| {
        let summaries = (1..).zip(recordings.iter()).map(|(round, recording)| {
            let folder = format!("{name}-{round}");
            let run = RecordedRun::of(recording).expect("it has a start");
            let summary = RunSummary::new(round, folder.clone(), &run.ledger, &run.judgement);
            runs.push((folder, run));
            summary
        });
        let runs = summaries.collect();
        Row {
            name: (*name).to_owned(),
            subject: "builtin".to_owned(),
            values: Vec::new(),
            runs,
            refusal: None,
        }
    });
    let comparison = Comparison {
        kind: Kind::Compare,
        command: "leakbench compare".to_owned(),
        rounds,
        swept: Vec::new(),
        rows: rows.collect(),
        interrupted: false,
    };
    let what = RecordedKind::Comparison(Box::new(RecordedComparison { comparison, runs }));
    ("compare".to_owned(), recorded("compare", what))
}

#[test]
fn rounds_are_not_attempts() {
    let clean = Plan::default().recording();
    let leak = common::leak_earlier();
    let compared = comparison(&[("good", &[&clean, &clean]), ("bad", &[&clean, &leak])], 2);
    let outcome = judged("", &[compared]);
    let peaks: Vec<(&str, Status, &str)> = outcome
        .policies
        .iter()
        .filter(|of| of.policy == "lingering-peak")
        .map(|of| (of.run.as_str(), of.status, of.message.as_str()))
        .collect();
    assert_eq!(peaks.len(), 2);
    assert_eq!((peaks[0].0, peaks[0].1), ("compare: good", Status::Passed));
    assert_eq!((peaks[1].0, peaks[1].1), ("compare: bad", Status::Failed));
    assert!(peaks[1].2.starts_with("compare/bad-2: 12 images lingering"), "{}", peaks[1].2);
    let failed = outcome.policies.iter().find(|of| of.status == Status::Failed);
    let path = &failed.expect("one failed").evidence[0].path;
    assert_eq!(path, std::path::Path::new("out/compare/bad-2/recording.jsonl"));
}

#[test]
fn missing_rounds_and_refused_rows_are_no_pass() {
    let clean = Plan::default().recording();
    let outcome = judged("", &[comparison(&[("short", &[&clean])], 2)]);
    assert_eq!(outcome.verdict, GateVerdict::Inconclusive);
    let message = &policy(&outcome, "measurement").message;
    assert_eq!(message, "1 of 2 rounds have a recording");

    for (refusal, verdict) in [
        (Refusal::AtStart("too many slots".to_owned()), Some(GateVerdict::Inconclusive)),
        // Known before the run: no gap.
        (Refusal::NotOffered("it has none".to_owned()), Some(GateVerdict::Pass)),
    ] {
        let (name, mut recorded) = comparison(&[("good", &[&clean]), ("refused", &[])], 1);
        if let RecordedKind::Comparison(compared) = &mut recorded.what {
            compared.comparison.rows[1].refusal = Some(refusal);
        }
        let outcome = judged("", &[(name, recorded)]);
        assert_eq!(Some(outcome.verdict), verdict, "{outcome:#?}");
    }
}
