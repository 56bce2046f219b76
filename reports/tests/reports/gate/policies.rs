//! Each policy fails for a planted cause, and passes without it.

use std::collections::BTreeSet;

use leakbench_model::{Counts, Histogram, Holder, Resource, SlotCounts, SlotState};
use leakbench_recording::recording::*;
use leakbench_reports::gate::{
    Baseline, Budget, GateVerdict, PolicyLevel, Status, judge, policy_names,
};
use leakbench_reports::render::{Format, Judged};
use leakbench_reports::report::Report;
use leakbench_scenarios::Options;
use proptest::prelude::*;

use super::{Named, Plan, judged, judged_against, policy, run, status};
use crate::common::{self, counts, footprint, image, slot};

/// A cause that a policy must find.
struct Planted {
    policy: &'static str,
    /// The policy's keys beside its level.
    keys: &'static str,
    leaking: Plan,
    /// A part of the message.
    message: &'static str,
}

fn planted() -> Vec<Planted> {
    let plan = Plan::default;
    let grows = |samples| Plan { samples, ..plan() };
    let ends = |last| Plan { last, ..plan() };
    vec![
        Planted {
            policy: "lingering-at-end",
            keys: "",
            leaking: ends(|last| {
                last.counts = counts(3_000, 12);
                last.lingering = (0..12)
                    .map(|n| image(n + 88, vec![slot(n as u32 + 17, SlotState::Affine)]))
                    .collect();
            }),
            message: "12 images lingering at the end, budget 0: inode 4711 of module 88, held by slot \
                   17 (affine); inode 4712 of module 89, held by slot 18 (affine); inode 4713 of \
                   module 90, held by slot 19 (affine); and 9 more",
        },
        Planted {
            policy: "lingering-peak",
            keys: "",
            leaking: Plan {
                half: |half| {
                    half.counts.lingering = 5;
                    half.lingering = vec![image(3, vec![Holder::Fd { fd: 9 }])];
                },
                ..plan()
            },
            message: "5 images lingering at the barrier of subject 0 after 1,440 cycles, budget 0: \
                   inode 4626 of module 3, held by fd 9; and 4 more",
        },
        Planted {
            policy: "lingering-by-reason",
            keys: "queued-slot = 1\ndescriptor-only = 2",
            leaking: ends(|last| {
                last.counts = counts(3_000, 4);
                last.slots = Some(SlotCounts::default());
                last.lingering = vec![
                    image(1, vec![slot(1, SlotState::Queued)]),
                    image(2, vec![slot(2, SlotState::Queued)]),
                    image(3, vec![Holder::Fd { fd: 7 }]),
                    image(4, vec![Holder::Fd { fd: 8 }]),
                ];
            }),
            message: "2 images lingering with reason queued-slot, budget 1",
        },
        Planted {
            policy: "late-releases",
            keys: "max = 40",
            leaking: ends(|last| {
                last.counts = Counts { synchronous: 2_959, late: 41, ..counts(3_000, 0) };
            }),
            message: "41 of 3,000 images (1.4 %) released after the drop of their module returned, \
                   budget 40",
        },
        Planted {
            policy: "time-to-release",
            keys: "p50-us = 5\np99-us = 250\nmax-us = 1_000",
            leaking: ends(|last| last.release = Histogram(vec![(1_200, 2_900), (260_000, 100)])),
            message: "p99 260 µs from drop to release, budget 250 µs",
        },
        Planted {
            policy: "unaccounted",
            keys: "",
            leaking: ends(|last| {
                last.footprint.set(Resource::MemfdMappings, Some(2));
                last.footprint.set(Resource::Fds, Some(14));
            }),
            message: "5 objects unaccounted for, budget 0: subject 0 has 2 more mappings of a memfd and \
                   3 more descriptors at the end than at rest",
        },
        Planted {
            policy: "slope-mappings",
            keys: "max-per-1000-cycles = 2_900",
            leaking: grows(|sample| footprint(1_000 + 180 * sample, 11, 20 << 20)),
            message: "subject 0 gains 3,000 ± 0 mappings in 1,000 cycles (95 % CI), from 1,180 \
                   to 10,000, and still grows at the end, budget 2,900",
        },
        Planted {
            policy: "slope-fds",
            keys: "",
            leaking: grows(|sample| footprint(1_060, 11 + sample, 20 << 20)),
            message: "descriptors in 1,000 cycles",
        },
        Planted {
            policy: "slope-rss-bytes",
            keys: "",
            leaking: grows(|sample| footprint(1_060, 11, (20 + sample) << 20)),
            message: "16.7 ± 0.0 MiB of resident memory in 1,000 cycles",
        },
        Planted {
            policy: "slope-page-tables-bytes",
            keys: "",
            leaking: grows(|sample| {
                footprint(1_060, 11, 20 << 20).with(Resource::PageTablesBytes, sample << 16)
            }),
            message: "of page tables in 1,000 cycles",
        },
        Planted {
            policy: "peak-mappings",
            keys: "max = 1_060",
            leaking: grows(|sample| footprint(1_060 + u64::from(sample == 9), 11, 20 << 20)),
            message: "1,061 mappings at the peak, budget 1,060",
        },
        Planted {
            policy: "peak-fds",
            keys: "max = 11",
            leaking: grows(|sample| footprint(1_060, 11 + u64::from(sample == 9), 20 << 20)),
            message: "12 descriptors at the peak, budget 11",
        },
        Planted {
            policy: "peak-rss-bytes",
            keys: "max = 30_000_000",
            leaking: grows(|sample| footprint(1_060, 11, (20 + 20 * u64::from(sample == 9)) << 20)),
            message: "40.0 MiB of resident memory at the peak, budget 28.6 MiB",
        },
        Planted {
            policy: "peak-shmem-bytes",
            keys: "max = 0",
            leaking: grows(|sample| {
                footprint(1_060, 11, 20 << 20)
                    .with(Resource::ShmemBytes, 4_096 * u64::from(sample == 9))
            }),
            message: "4.0 KiB of shared memory at the peak, budget 0 bytes",
        },
        Planted {
            policy: "peak-page-tables-bytes",
            keys: "max = 1_048_576",
            leaking: grows(|sample| {
                footprint(1_060, 11, (20 + 200 * u64::from(sample == 9)) << 20)
            }),
            message: "2.2 MiB of page tables at the peak, budget 1.0 MiB",
        },
        Planted {
            policy: "throughput",
            keys: "min-ratio = 0.9",
            leaking: Plan { at_ms: |sample| sample * 150, ..plan() },
            message: "0.67 of the 600 cycles/s of 1 baseline run, budget 0.9: effect large (Cliff's \
                   delta −1.00)",
        },
    ]
}

fn with_level(planted: &Planted, level: &str) -> String {
    format!("[policy.{}]\nlevel = \"{level}\"\n{}\n", planted.policy, planted.keys)
}

#[test]
fn each_policy_fails_for_its_cause_and_passes_without_it() {
    // `answers.rs` tries growth.
    let mut tried = BTreeSet::from(["growth".to_owned()]);
    // Baseline runs, and the run without the cause.
    let clean = || {
        vec![
            Plan { last: |last| last.slots = Some(SlotCounts::default()), ..Plan::default() }.run(),
        ]
    };
    for case in planted() {
        let name = case.policy;
        tried.insert(name.to_owned());
        let leaking = [case.leaking.run()];
        let base = if name == "throughput" { clean() } else { Vec::new() };
        let judged = |policies: &str, runs: &[Named]| {
            judged_against(policies, runs, None, &base).unwrap_or_else(|error| panic!("{error}"))
        };
        let only = format!("{}{}", all_off_but(name), with_level(&case, "error"));
        let failed = judged(&only, &leaking);
        let found = policy(&failed, name);
        assert_eq!(
            (found.status, failed.verdict),
            (Status::Failed, GateVerdict::Fail),
            "{found:#?}"
        );
        assert!(found.message.contains(case.message), "{name}: {}", found.message);
        assert!(failed.headline.starts_with(&format!("FAIL — {name}: ")), "{}", failed.headline);
        assert!(found.measured.is_some(), "{name}");
        let lines: Vec<usize> = found.evidence.iter().map(|evidence| evidence.line).collect();
        assert!(!lines.is_empty() && lines.iter().all(|line| *line > 1), "{name}: {lines:?}");

        let passed = judged(&only, &clean());
        let found = policy(&passed, name);
        assert_eq!(
            (found.status, passed.verdict),
            (Status::Passed, GateVerdict::Pass),
            "{found:#?}"
        );

        let only = format!("{}{}", all_off_but(name), with_level(&case, "warn"));
        let warned = judged(&only, &leaking);
        assert_eq!((status(&warned, name), warned.verdict), (Status::Failed, GateVerdict::Pass));
        assert!(warned.headline.ends_with(", 1 warning"), "{}", warned.headline);

        let only = format!("{}{}", all_off_but(name), with_level(&case, "off"));
        let off = super::judged(&only, &leaking);
        assert_eq!((status(&off, name), off.verdict), (Status::Off, GateVerdict::Pass));
    }
    assert_eq!(tried, policy_names().map(String::from).collect(), "every policy is tried");
}

/// Turns off every other policy that is on by default.
fn all_off_but(policy: &str) -> String {
    let others = policy_names().filter(|other| other != policy);
    let on = others.filter(|other| Budget::default().level(other) != Some(PolicyLevel::Off));
    on.map(|other| format!("[policy.{other}]\nlevel = \"off\"\n")).collect()
}

#[test]
fn default_budgets_agree_with_the_judge() {
    for (name, recording, verdict) in [
        ("clean", common::clean(), GateVerdict::Pass),
        ("leak-keep", common::leak_keep(), GateVerdict::Fail),
        ("leak-queue", common::leak_queue(), GateVerdict::Fail),
        ("leak-earlier", common::leak_earlier(), GateVerdict::Fail),
        ("died", common::died(ExitKind::Signaled { signal: 9 }), GateVerdict::SubjectDied),
        ("hung", common::died(ExitKind::Hung { silent_ms: 60_000 }), GateVerdict::SubjectDied),
        ("inconclusive", common::inconclusive(), GateVerdict::Inconclusive),
        // The run was interrupted, not the gate.
        ("interrupted", common::interrupted(), GateVerdict::Inconclusive),
        ("copy", common::copy(), GateVerdict::Pass),
    ] {
        let outcome = judge(&Budget::default(), &[run(name, &recording)], None, &[]);
        let outcome = outcome.expect("default budgets can always be evaluated");
        assert_eq!(outcome.verdict, verdict, "{name}: {outcome:#?}");
    }
}

#[test]
fn a_leak_within_its_budget_passes() {
    let keep = [run("keep", &common::leak_keep())];
    let policies = |max: u64| {
        format!("[policy.lingering-at-end]\nmax = {max}\n[policy.lingering-peak]\nmax = {max}\n")
    };
    assert_eq!(judged(&policies(951), &keep).verdict, GateVerdict::Pass);
    let beyond = judged(&policies(950), &keep);
    assert_eq!(beyond.verdict, GateVerdict::Fail);
    assert_eq!(policy(&beyond, "lingering-at-end").allowed, "at most 950");
}

#[test]
fn holders_of_lingering_images_are_accounted_for() {
    // 951 mappings and 951 descriptors hold 951 images.
    let kept = judged("", &[run("keep", &common::leak_keep())]);
    assert_eq!(status(&kept, "unaccounted"), Status::Passed);
    let one_more = |last: &mut Barrier| {
        last.counts = counts(3_000, 1);
        last.lingering = vec![image(1, vec![slot(1, SlotState::Affine), Holder::Fd { fd: 9 }])];
        last.footprint.set(Resource::MemfdMappings, Some(1));
        last.footprint.set(Resource::Fds, Some(13));
    };
    let outcome = judged("", &[Plan { last: one_more, ..Plan::default() }.run()]);
    let found = policy(&outcome, "unaccounted");
    assert_eq!(found.measured.as_deref(), Some("1"), "{found:#?}");
}

#[test]
fn descriptors_open_since_the_first_barrier_are_accounted_for() {
    let once = Plan { samples: |_| footprint(1_060, 13, 20 << 20), ..Plan::default() };
    assert_eq!(status(&judged("", &[once.run()]), "unaccounted"), Status::Passed);
}

#[test]
fn images_of_unknown_fate_are_no_failure_and_no_pass() {
    let outcome = judged("", &[run("unknown", &common::inconclusive())]);
    let found = policy(&outcome, "unaccounted");
    assert_eq!(found.status, Status::Inconclusive, "{found:#?}");
    assert!(found.message.contains("100 images of unknown fate"), "{}", found.message);
    assert!(outcome.headline.starts_with("INCONCLUSIVE — measurement: "), "{}", outcome.headline);
    // With a budget that allows them, the run is still inconclusive.
    let outcome =
        judged("[policy.unaccounted]\nmax = 1000\n", &[run("unknown", &common::inconclusive())]);
    assert_eq!(status(&outcome, "unaccounted"), Status::Passed);
    assert_eq!(outcome.verdict, GateVerdict::Inconclusive);
}

/// A recording lists a limited number of lingering images: the other objects may hold the unlisted
/// ones, or nothing.
#[test]
fn objects_that_unlisted_images_may_explain_are_inconclusive() {
    let lingering = |listed: usize| {
        let mut recording = common::leak_keep();
        for record in &mut recording.records {
            if let Record::Barrier(last) = record
                && last.last
            {
                last.lingering.truncate(listed);
                // Images explain 951 of them, and nothing the other 10.
                last.footprint.set(Resource::MemfdMappings, Some(961));
            }
        }
        [run("keep", &recording)]
    };
    let with = |runs: &[Named], max: u64| {
        let policies = format!("[policy.unaccounted]\nmax = {max}\n");
        status(&judged(&policies, runs), "unaccounted")
    };
    let all = lingering(951);
    assert_eq!([9, 10].map(|max| with(&all, max)), [Status::Failed, Status::Passed]);
    let some = lingering(900);
    let found = [0, 10, 111, 112].map(|max| with(&some, max));
    assert_eq!(
        found,
        [Status::Inconclusive, Status::Inconclusive, Status::Inconclusive, Status::Passed]
    );
    let outcome = judged("", &some);
    let found = policy(&outcome, "unaccounted");
    assert_eq!(found.measured.as_deref(), Some("112"), "{found:#?}");
    let sentence = "of which lingering images explain 1,800; the holders of 51 more images are not \
                    listed";
    assert!(found.message.ends_with(sentence), "{}", found.message);
    // A baseline has no such value.
    assert!(!Baseline::of(&some).to_text().contains("unaccounted"));
    assert!(Baseline::of(&all).to_text().contains("unaccounted = 10"));
}

#[test]
fn images_without_a_listed_holder_are_inconclusive_by_reason() {
    let unlisted = |last: &mut Barrier| {
        last.counts = counts(3_000, 10);
        last.lingering = vec![image(1, vec![slot(1, SlotState::Queued)])];
    };
    let runs = [Plan { last: unlisted, ..Plan::default() }.run()];
    let with = |queued| {
        let policies = format!("[policy.lingering-by-reason]\nqueued-slot = {queued}\n");
        status(&judged(&policies, &runs), "lingering-by-reason")
    };
    assert_eq!(
        [0, 1, 9, 10].map(with),
        [Status::Failed, Status::Inconclusive, Status::Inconclusive, Status::Passed]
    );
}

#[test]
fn growth_that_stops_is_within_any_slope() {
    let warms_up = Plan {
        samples: |sample| footprint(1_000 + 300 * sample.min(20), 11, 20 << 20),
        ..Plan::default()
    };
    let outcome = judged("[policy.slope-mappings]\n", &[warms_up.run()]);
    let found = policy(&outcome, "slope-mappings");
    assert_eq!(found.status, Status::Passed, "{found:#?}");
    assert!(found.message.contains("and stops growing"), "{}", found.message);
}

#[test]
fn a_slope_of_too_few_samples_is_inconclusive() {
    let few = [run("few", &common::leak_earlier())];
    let outcome = judged("[policy.slope-fds]\n", &few);
    let found = policy(&outcome, "slope-fds");
    assert_eq!(found.status, Status::Inconclusive, "{found:#?}");
    assert!(
        found.message.contains("a trend needs at least 20: run more cycles"),
        "{}",
        found.message
    );
}

#[test]
fn throughput_is_compared_with_runs_of_the_same_command_only() {
    let keys = "[policy.throughput]\nmin-ratio = 0.9\n";
    let slow = [Plan { at_ms: |sample| sample * 150, ..Plan::default() }.run()];
    let other = [run("other", &common::clean())];
    let error = judged_against(keys, &slow, None, &other).expect_err("no run to compare it with");
    assert!(error.to_string().contains("--against DIR"), "{error}");

    let base = [Plan::default().run()];
    let noisy = Plan {
        // One pause makes the whole slower, and no other window.
        at_ms: |sample| sample * 100 + if sample > 30 { 2_000 } else { 0 },
        ..Plan::default()
    };
    let outcome = judged_against(keys, &[noisy.run()], None, &base).expect("it can be evaluated");
    let found = policy(&outcome, "throughput");
    assert_eq!(found.status, Status::Passed, "{found:#?}");
    assert!(found.message.contains("effect negligible"), "{}", found.message);

    let few = [run("few", &common::leak_earlier())];
    let outcome = judged_against(keys, &few, None, &few).expect("it can be evaluated");
    assert_eq!(status(&outcome, "throughput"), Status::Inconclusive);
}

/// Slow is no leak, on the wire either.
#[test]
fn a_slow_run_fails_and_is_no_leak() {
    let slow = [Plan { at_ms: |sample| sample * 150, ..Plan::default() }.run()];
    let base = [Plan::default().run()];
    let outcome = judged_against("", &slow, None, &base).expect("it can be evaluated");
    assert_eq!((outcome.verdict, outcome.verdict.exit_code()), (GateVerdict::Fail, 1));
    assert!(outcome.headline.starts_with("FAIL — throughput: "), "{}", outcome.headline);
    let [(_, recorded)] = &slow;
    let report = Report::of(recorded);
    let judged = Judged { outcome: &outcome, recordings: 1 };
    let formats =
        [Format::Json, Format::Openmetrics, Format::Junit, Format::Markdown, Format::Github];
    for format in formats {
        let files = format.files(&report, recorded, Some(judged)).expect("it has this form");
        let text = String::from_utf8(files[0].content.clone()).expect("it is text");
        // The states of a set name every verdict: only one is on.
        let says_leak = text.lines().find(|line| {
            let line = line.to_lowercase();
            !line.ends_with(" 0") && (line.contains("\"leak\"") || line.contains("leak —"))
        });
        assert_eq!(says_leak, None, "{format:?}");
    }
}

/// Runs that are given with `--against` must be used.
#[test]
fn baseline_runs_turn_on_throughput_or_are_refused() {
    let slow = || [Plan { at_ms: |sample| sample * 150, ..Plan::default() }.run()];
    let base = [Plan::default().run()];
    assert_eq!(judged("", &slow()).verdict, GateVerdict::Pass);
    let outcome = judged_against("", &slow(), None, &base).expect("it can be evaluated");
    let found = policy(&outcome, "throughput");
    let allowed = "at least 0.9 of the baseline runs";
    assert_eq!((found.status, found.level), (Status::Failed, PolicyLevel::Error), "{found:#?}");
    assert_eq!((found.allowed.as_str(), outcome.verdict), (allowed, GateVerdict::Fail));
    let same = judged_against("", &base, None, &base).expect("it can be evaluated");
    assert_eq!((status(&same, "throughput"), same.verdict), (Status::Passed, GateVerdict::Pass));
    // A budget file sets the level and the bound, but cannot turn it off.
    for (keys, expected) in
        [("min-ratio = 0.5", Status::Passed), ("level = \"warn\"", Status::Failed)]
    {
        let policy = format!("[policy.throughput]\n{keys}\n");
        let outcome = judged_against(&policy, &slow(), None, &base).expect("it can be evaluated");
        assert_eq!(status(&outcome, "throughput"), expected, "{keys}");
        assert_eq!(outcome.verdict, GateVerdict::Pass, "{keys}");
    }
    let off = "[policy.throughput]\nlevel = \"off\"\n";
    let error = judged_against(off, &slow(), None, &base).expect_err("it is not used");
    let sentence = "leakbench.toml:2: policy throughput is off, and --against was given";
    assert!(error.to_string().starts_with(sentence), "{error}");
    let other = [run("other", &common::clean())];
    let error = judged_against("", &slow(), None, &other).expect_err("of another command");
    let sentence =
        "--against was given, and policy throughput cannot be evaluated: no baseline run of `";
    assert!(error.to_string().starts_with(sentence), "{error}");
}

#[test]
fn images_that_may_linger_are_inconclusive() {
    let runs = [run("unknown", &common::inconclusive())];
    for name in ["lingering-at-end", "lingering-peak"] {
        let with = |max| status(&judged(&format!("[policy.{name}]\nmax = {max}\n"), &runs), name);
        assert_eq!(
            [0, 99, 100].map(with),
            [Status::Inconclusive, Status::Inconclusive, Status::Passed]
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A higher limit never turns a pass into a failure.
    #[test]
    fn a_higher_limit_is_never_stricter(
        lingering in 0u64..40, listed in 0u64..40, late in 0u64..40,
        unknown in 0u64..4, mappings in 0u64..6,
        less in 0u64..50, more in 0u64..50,
    ) {
        let mut last = common::barrier(0, 200, Counts {
            synchronous: 200 - lingering - late - unknown,
            late, unknown,
            ..counts(200, lingering)
        });
        last.last = true;
        last.footprint.set(Resource::MemfdMappings, Some(mappings));
        last.lingering =
            (0..listed.min(lingering)).map(|n| image(n, vec![Holder::Fd { fd: 3 }])).collect();
        let recording = common::recording([
            common::start(200, 1, Options::default()),
            common::up(0, 200),
            Record::Barrier(Box::new(last)),
            common::exit(0, 215, ExitKind::Done, &[]),
            common::end(260),
        ]);
        let runs = [run("run", &recording)];
        for (policy, key) in [
            ("lingering-at-end", "max"),
            ("lingering-peak", "max"),
            ("lingering-by-reason", "descriptor-only"),
            ("late-releases", "max"),
            ("unaccounted", "max"),
            ("peak-fds", "max"),
        ] {
            let with = |max: u64| {
                let policies = format!("[policy.{policy}]\n{key} = {max}\n");
                status(&judged(&policies, &runs), policy)
            };
            let (less, more) = (with(less.min(more)), with(less.max(more)));
            // Passed, inconclusive, failed: in this order.
            prop_assert!(more <= less, "{policy}: {less:?} with less, {more:?} with more");
        }
    }
}
