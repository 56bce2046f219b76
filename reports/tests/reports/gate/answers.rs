//! Policies of observed processes and commands, and policies that a recording cannot evaluate.

use std::collections::BTreeMap;

use leakbench_model::{Counts, Footprint, Resource};
use leakbench_recording::observation::*;
use leakbench_recording::recording::*;
use leakbench_reports::gate::{Budget, GateError, GateVerdict, Status, judge};
use leakbench_scenarios::Options;

use super::{Named, Plan, judged, judged_against, observed, policy, run, status};
use crate::common::{self, footprint};

fn observation(amounts: impl Fn(u64) -> Footprint) -> ObservationRecording {
    let mut records = vec![ObservationRecord::Start(Box::new(ObservationStart {
        version: OBSERVATION_VERSION,
        command: "leakbench attach 4242 --duration 60s".to_owned(),
        pid: 4242,
        start_time_ticks: 123_456,
        process: "server".to_owned(),
        started_here: false,
        scope: Scope::Process,
        interval_ms: 1_000,
        started_unix_s: 1_750_000_000,
        limits: Vec::new(),
        fingerprint: serde_json::Map::new(),
    }))];
    for second in 0..60 {
        let at_ms = second * 1_000;
        let amounts = amounts(second);
        records.push(ObservationRecord::Sample(Box::new(ObservationSample {
            at_ms,
            amounts,
            processes: 1,
            nearest: BTreeMap::new(),
        })));
    }
    records.push(ObservationRecord::End(ObservationEnd {
        at_ms: 60_000,
        interrupted: false,
        observer_cpu_ms: Some(12),
    }));
    ObservationRecording { records }
}

fn sockets(leaking: bool) -> Named {
    observed(
        "attached",
        &observation(|second| {
            let sockets = 4 + if leaking { 3 * second } else { 0 };
            Footprint::from([
                (Resource::Fds, 8 + sockets),
                (Resource::SocketFds, sockets),
                (Resource::Mappings, 120),
                (Resource::RssBytes, 30 << 20),
            ])
        }),
    )
}

#[test]
fn growth_of_an_observed_process_fails_unless_the_budget_allows_it() {
    let outcome = judged("", &[sockets(true)]);
    let found = policy(&outcome, "growth");
    assert_eq!((found.status, outcome.verdict), (Status::Failed, GateVerdict::Fail), "{found:#?}");
    let sentence = "1 resource still grows at the end, budget 0: socket descriptors from 4 to 181";
    assert!(found.message.starts_with(sentence), "{}", found.message);
    // Line 1 is no sample.
    assert_eq!(found.evidence.iter().map(|line| line.line).collect::<Vec<_>>(), [2, 61]);
    assert_eq!(judged("", &[sockets(false)]).verdict, GateVerdict::Pass);

    for keys in ["allow = [\"socket-fds\"]", "allow = [\"fds\"]", "max = 1", "level = \"off\""] {
        let outcome = judged(&format!("[policy.growth]\n{keys}\n"), &[sockets(true)]);
        assert_eq!(outcome.verdict, GateVerdict::Pass, "{keys}: {outcome:#?}");
    }
    let other = judged("[policy.growth]\nallow = [\"mappings\"]\n", &[sockets(true)]);
    assert_eq!(other.verdict, GateVerdict::Fail);
}

#[test]
fn a_long_name_is_cut() {
    let mut recording = observation(|second| Footprint::from([(Resource::SocketFds, 3 * second)]));
    let what = "ü".repeat(5_000);
    let example = Example { what, count: 1, holders: Vec::new(), first_seen_ms: 3_000 };
    let objects = BTreeMap::from([(Resource::SocketFds, vec![example])]);
    let examples = ObservationRecord::Examples(Examples { at_ms: 59_000, objects });
    recording.records.insert(61, examples);
    let outcome = judged("", &[observed("long", &recording)]);
    let message = &policy(&outcome, "growth").message;
    assert!(message.ends_with(&format!("{}…", "ü".repeat(80))), "{message}");
}

#[test]
fn a_command_without_images_is_judged_by_growth() {
    let of_command = |each: u64| {
        let options = Options {
            subject: Some("python3 driver.py".parse().expect("a command")),
            ..Options::default()
        };
        let mut records = vec![common::start(3_000, 1, options), common::up(0, 3_000)];
        for sample in 1..50 {
            let counts = Counts { cycles: 60 * sample, ..Counts::default() };
            let has = footprint(100, 11 + each * sample, 20 << 20);
            records.push(common::sample(0, 100 * sample, counts, has));
        }
        let counts = Counts { cycles: 3_000, ..Counts::default() };
        let footprint = footprint(100, 11 + each * 50, 20 << 20);
        let last = Barrier { last: true, footprint, ..common::barrier(0, 5_000, counts) };
        records.push(Record::Barrier(Box::new(last)));
        records.push(common::exit(0, 5_010, ExitKind::Done, &[]));
        records.push(common::end(5_050));
        run("piped", &common::recording(records))
    };
    let outcome = judged("", &[of_command(2)]);
    let found = policy(&outcome, "growth");
    assert_eq!(found.status, Status::Failed, "{found:#?}");
    assert!(found.message.contains("descriptors of subject 0 grow"), "{}", found.message);
    let steady = judged("", &[of_command(0)]);
    assert_eq!(steady.verdict, GateVerdict::Pass, "{steady:#?}");
    assert_eq!(status(&steady, "growth"), Status::Passed);
    assert_eq!(status(&steady, "lingering-at-end"), Status::Off);
}

/// A policy of a budget file must not pass by having no value.
#[test]
fn a_policy_that_a_recording_cannot_evaluate_is_an_error() {
    let clean = || Plan::default().run();
    let unread = Plan {
        samples: |_| footprint(1_060, 11, 20 << 20).with(Resource::ShmemBytes, None),
        last: |last| last.footprint.set(Resource::ShmemBytes, None),
        ..Plan::default()
    };
    let mut unread = unread.recording();
    if let Record::Subject(up) = &mut unread.records[1] {
        up.at_rest.set(Resource::ShmemBytes, None);
    }
    let unread = || run("unread", &unread);
    let copy = || run("copy", &common::copy());
    for (policies, recordings, expected) in [
        (
            "[policy.throughput]",
            vec![clean()],
            "leakbench.toml:2: `min-ratio` of policy throughput cannot be evaluated for this recording: no \
             baseline run of `leakbench",
        ),
        (
            "\n[policy.peak-shmem-bytes]\nmax = 1",
            vec![unread()],
            "leakbench.toml:3: policy peak-shmem-bytes cannot be evaluated for this recording: it was not \
             read; remove it",
        ),
        (
            "[policy.lingering-at-end]\nmax = 0",
            vec![sockets(false)],
            "policy lingering-at-end cannot be evaluated for this recording: an observed process has no \
             images",
        ),
        (
            "[policy.lingering-at-end]\nmax = 0",
            vec![copy()],
            "policy lingering-at-end cannot be evaluated for this recording: the run made no image",
        ),
        ("[policy.late-releases]\nlevel = \"warn\"", vec![sockets(false)], "policy late-releases"),
        (
            "[policy.lingering-by-reason]\nunknown-slot = 0\naffine-slot = 0",
            vec![clean()],
            "leakbench.toml:4: `affine-slot` of policy lingering-by-reason cannot be evaluated for this \
             recording: the subject does not report the states of its slots",
        ),
        (
            "[policy.peak-fds]\nover-baseline = 1.1",
            vec![clean()],
            "leakbench.toml:3: `over-baseline` of policy peak-fds cannot be evaluated for this recording: no \
             baseline file",
        ),
        (
            "[policy.slope-fds]",
            vec![sockets(false)],
            "policy slope-fds cannot be evaluated for this recording: an observed process has no cycles",
        ),
        (
            "[policy.growth]",
            vec![clean()],
            "policy growth cannot be evaluated for this recording: it judges observed processes",
        ),
    ] {
        let error = judged_against(policies, &recordings, None, &[]).expect_err(policies);
        assert!(error.to_string().contains(expected), "{policies}: {error}");
    }
    let nothing = judge(&Budget::default(), &[], None, &[]);
    assert_eq!(nothing, Err(GateError::NoRun));
}

#[test]
fn a_policy_that_one_recording_can_evaluate_is_off_for_another_kind() {
    let policies = "[policy.lingering-at-end]\n[policy.growth]\n";
    let outcome = judged(policies, &[Plan::default().run(), sockets(false)]);
    assert_eq!(outcome.verdict, GateVerdict::Pass);
    let found: Vec<(&str, Status)> = outcome
        .policies
        .iter()
        .filter(|of| ["lingering-at-end", "growth"].contains(&&*of.policy))
        .map(|of| (of.run.as_str(), of.status))
        .collect();
    assert_eq!(
        found,
        [
            ("run", Status::Passed),
            ("run", Status::Off),
            ("attached", Status::Off),
            ("attached", Status::Passed),
        ]
    );
    // A value that one of two runs has is missing from the other.
    let policies = "[policy.peak-fds]\nmax = 100\n";
    let mut unread = common::leak_earlier();
    for record in &mut unread.records {
        match record {
            Record::Subject(up) => up.at_rest.set(Resource::Fds, None),
            Record::Barrier(barrier) => barrier.footprint.set(Resource::Fds, None),
            _ => {}
        }
    }
    if let Record::Start(start) = &mut unread.records[0] {
        start.command = "leakbench --seed 1".to_owned();
    }
    let outcome = judged(policies, &[Plan::default().run(), run("unread", &unread)]);
    let missing = outcome.policies.iter().find(|of| of.policy == "peak-fds" && of.run == "unread");
    assert_eq!(missing.map(|of| of.status), Some(Status::Inconclusive));
}

#[test]
fn a_death_is_reported_rather_than_the_values_that_it_left_out() {
    let before_any_image = common::recording([
        common::start(100, 1, Options::default()),
        common::exit(0, 5, ExitKind::Signaled { signal: 11 }, &[]),
        common::end(60),
    ]);
    let outcome = judged(
        "[policy.lingering-at-end]\n[policy.peak-fds]\nmax = 1\n",
        &[run("died", &before_any_image)],
    );
    assert_eq!(outcome.verdict, GateVerdict::SubjectDied, "{outcome:#?}");
    assert_eq!(status(&outcome, "measurement"), Status::Failed);
    assert_eq!(status(&outcome, "lingering-at-end"), Status::Inconclusive);
}
