//! Each policy fails for a cause that is planted, and passes once it is removed.

use std::collections::BTreeSet;

use leakbench_model::{Counts, Histogram, Holder, SlotCounts, SlotState, Verdict};
use leakbench_recording::recording::*;
use leakbench_reports::gate::{Baseline, Budget, Policy, PolicyLevel, Status, judge};
use leakbench_scenarios::Options;
use proptest::prelude::*;

use super::{Named, Plan, judged, judged_against, of, run, status};
use crate::common::{self, counts, footprint, image, slot};

/// A cause that a policy must find.
struct Planted {
    policy: Policy,
    /// The policy's keys beside its level.
    keys: &'static str,
    leaking: Plan,
    /// What the sentence must have in it.
    told: &'static str,
}

fn planted() -> Vec<Planted> {
    let plan = Plan::default;
    let grows = |looks| Plan { looks, ..plan() };
    let ends = |last| Plan { last, ..plan() };
    vec![
        Planted {
            policy: Policy::LingeringAtEnd,
            keys: "",
            leaking: ends(|last| {
                last.counts = counts(3_000, 12);
                last.lingering = (0..12)
                    .map(|n| image(n + 88, vec![slot(n as u32 + 17, SlotState::Affine)]))
                    .collect();
            }),
            told: "12 images lingering at the end, budget 0: inode 4711 of module 88, held by slot \
                   17 (affine); inode 4712 of module 89, held by slot 18 (affine); inode 4713 of \
                   module 90, held by slot 19 (affine); and 9 more",
        },
        Planted {
            policy: Policy::LingeringPeak,
            keys: "",
            leaking: Plan {
                half: |half| {
                    half.counts.lingering = 5;
                    half.lingering = vec![image(3, vec![Holder::Fd { fd: 9 }])];
                },
                ..plan()
            },
            told: "5 images lingering at the barrier of subject 0 after 1,440 cycles, budget 0: \
                   inode 4626 of module 3, held by fd 9; and 4 more",
        },
        Planted {
            policy: Policy::LingeringByReason,
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
            told: "images lingering at the end: 2 by queued-slot, budget 1",
        },
        Planted {
            policy: Policy::LateReleases,
            keys: "max = 40",
            leaking: ends(|last| {
                last.counts = Counts { synchronous: 2_959, late: 41, ..counts(3_000, 0) };
            }),
            told: "41 of 3,000 images released after the drop of the module had returned (1.4 %), \
                   budget 40",
        },
        Planted {
            policy: Policy::TimeToRelease,
            keys: "p50-us = 5\np99-us = 250\nmax-us = 1_000",
            leaking: ends(|last| last.release = Histogram(vec![(1_200, 2_900), (260_000, 100)])),
            told: "from drop to release: median 1.2 us, budget 5.0 us; p99 260 us, budget 250 us; \
                   longest 260 us, budget 1.0 ms",
        },
        Planted {
            policy: Policy::Unaccounted,
            keys: "",
            leaking: ends(|last| {
                last.footprint.memfd_mappings = Some(2);
                last.footprint.fds = Some(14);
            }),
            told: "5 objects unaccounted for, budget 0: subject 0 has 2 more mappings mapping a memfd \
                   and 3 more descriptors at the end than at rest",
        },
        Planted {
            policy: Policy::SlopeMappings,
            keys: "max-per-1000-cycles = 2_900",
            leaking: grows(|look| footprint(1_000 + 180 * look, 11, 20 << 20)),
            told: "subject 0 gains 3,000 mappings in 1,000 cycles (95 %: 3,000 to 3,000), from 1,180 \
                   to 10,000, and goes on, budget 2,900",
        },
        Planted {
            policy: Policy::SlopeFds,
            keys: "",
            leaking: grows(|look| footprint(1_060, 11 + look, 20 << 20)),
            told: "descriptors in 1,000 cycles",
        },
        Planted {
            policy: Policy::SlopeRssBytes,
            keys: "",
            leaking: grows(|look| footprint(1_060, 11, (20 + look) << 20)),
            told: "16.7 MiB resident in 1,000 cycles",
        },
        Planted {
            policy: Policy::SlopePageTablesBytes,
            keys: "",
            leaking: grows(|look| Footprint {
                page_tables_bytes: Some(look << 16),
                ..footprint(1_060, 11, 20 << 20)
            }),
            told: "of page tables in 1,000 cycles",
        },
        Planted {
            policy: Policy::PeakMappings,
            keys: "max = 1_060",
            leaking: grows(|look| footprint(1_060 + u64::from(look == 9), 11, 20 << 20)),
            told: "1,061 mappings at the most, budget 1,060",
        },
        Planted {
            policy: Policy::PeakFds,
            keys: "max = 11",
            leaking: grows(|look| footprint(1_060, 11 + u64::from(look == 9), 20 << 20)),
            told: "12 descriptors at the most, budget 11",
        },
        Planted {
            policy: Policy::PeakRssBytes,
            keys: "max = 30_000_000",
            leaking: grows(|look| footprint(1_060, 11, (20 + 20 * u64::from(look == 9)) << 20)),
            told: "40.0 MiB resident at the most, budget 28.6 MiB",
        },
        Planted {
            policy: Policy::PeakShmemBytes,
            keys: "max = 0",
            leaking: grows(|look| Footprint {
                shmem_bytes: Some(4_096 * u64::from(look == 9)),
                ..footprint(1_060, 11, 20 << 20)
            }),
            told: "4.0 KiB of resident shared memory at the most, budget 0 bytes",
        },
        Planted {
            policy: Policy::PeakPageTablesBytes,
            keys: "max = 1_048_576",
            leaking: grows(|look| footprint(1_060, 11, (20 + 200 * u64::from(look == 9)) << 20)),
            told: "2.2 MiB of page tables at the most, budget 1.0 MiB",
        },
        Planted {
            policy: Policy::Throughput,
            keys: "min-ratio = 0.9",
            leaking: Plan { at_ms: |look| look * 150, ..plan() },
            told: "0.67 of the 600 of 1 baseline run, budget 0.9: effect large (Cliff's delta −1.00)",
        },
    ]
}

fn with_level(planted: &Planted, level: &str) -> String {
    format!("[policy.{}]\nlevel = \"{level}\"\n{}\n", planted.policy.name(), planted.keys)
}

#[test]
fn each_policy_fails_for_its_cause_and_passes_once_it_is_removed() {
    let mut tried = BTreeSet::from([Policy::Growth]);
    // What baseline runs and a run without the cause are.
    let clean = || {
        vec![
            Plan { last: |last| last.slots = Some(SlotCounts::default()), ..Plan::default() }.run(),
        ]
    };
    for case in planted() {
        let name = case.policy.name();
        tried.insert(case.policy);
        let leaking = [case.leaking.run()];
        let base = if case.policy == Policy::Throughput { clean() } else { Vec::new() };
        let judged = |policies: &str, runs: &[Named]| {
            judged_against(policies, runs, None, &base).unwrap_or_else(|error| panic!("{error}"))
        };
        let only = format!("{}{}", all_off_but(case.policy), with_level(&case, "error"));
        let failed = judged(&only, &leaking);
        let told = of(&failed, name);
        assert_eq!((told.status, failed.verdict), (Status::Failed, Verdict::Leak), "{told:#?}");
        assert!(told.message.contains(case.told), "{name}: {}", told.message);
        assert!(failed.headline.starts_with(&format!("FAIL — {name}: ")), "{}", failed.headline);
        assert!(told.measured.is_some(), "{name}");
        let lines: Vec<usize> = told.evidence.iter().map(|evidence| evidence.line).collect();
        assert!(!lines.is_empty() && lines.iter().all(|line| *line > 1), "{name}: {lines:?}");

        let passed = judged(&only, &clean());
        let told = of(&passed, name);
        assert_eq!((told.status, passed.verdict), (Status::Passed, Verdict::Clean), "{told:#?}");

        let only = format!("{}{}", all_off_but(case.policy), with_level(&case, "warn"));
        let warned = judged(&only, &leaking);
        assert_eq!((status(&warned, name), warned.verdict), (Status::Failed, Verdict::Clean));
        assert!(warned.headline.ends_with(", 1 warning"), "{}", warned.headline);

        let only = format!("{}{}", all_off_but(case.policy), with_level(&case, "off"));
        let off = super::judged(&only, &leaking);
        assert_eq!((status(&off, name), off.verdict), (Status::Off, Verdict::Clean));
    }
    assert_eq!(tried, Policy::ALL.into_iter().collect(), "every policy is tried");
}

/// Those that are on by default, switched off, so that one policy is seen alone.
fn all_off_but(policy: Policy) -> String {
    let others = Policy::ALL.into_iter().filter(|other| *other != policy);
    let on = others.filter(|other| Budget::default().level(*other) != PolicyLevel::Off);
    on.map(|other| format!("[policy.{}]\nlevel = \"off\"\n", other.name())).collect()
}

/// Of all recordings with a known verdict, the default budget says the same.
#[test]
fn default_budgets_agree_with_the_judge() {
    for (name, recording, verdict) in [
        ("clean", common::clean(), Verdict::Clean),
        ("leak-keep", common::leak_keep(), Verdict::Leak),
        ("leak-queue", common::leak_queue(), Verdict::Leak),
        ("leak-earlier", common::leak_earlier(), Verdict::Leak),
        ("died", common::died(ExitKind::Signaled { signal: 9 }), Verdict::SubjectDied),
        ("hung", common::died(ExitKind::Hung { silent_ms: 60_000 }), Verdict::SubjectDied),
        ("inconclusive", common::inconclusive(), Verdict::Inconclusive),
        // Nobody knows what would have come; and it was not the gate that was interrupted.
        ("interrupted", common::interrupted(), Verdict::Inconclusive),
        ("copy", common::copy(), Verdict::Clean),
    ] {
        let outcome = judge(&Budget::default(), &[run(name, &recording)], None, &[]);
        let outcome = outcome.expect("default budgets ask for nothing");
        assert_eq!(outcome.verdict, verdict, "{name}: {outcome:#?}");
    }
}

#[test]
fn a_leak_within_its_budget_passes() {
    let keep = [run("keep", &common::leak_keep())];
    let policies = |max: u64| {
        format!("[policy.lingering-at-end]\nmax = {max}\n[policy.lingering-peak]\nmax = {max}\n")
    };
    assert_eq!(judged(&policies(951), &keep).verdict, Verdict::Clean);
    let beyond = judged(&policies(950), &keep);
    assert_eq!(beyond.verdict, Verdict::Leak);
    assert_eq!(of(&beyond, "lingering-at-end").allowed, "at most 950");
}

#[test]
fn what_lingering_images_are_held_by_is_accounted_for() {
    // 951 mappings and 951 descriptors more, and as many holders of each.
    let kept = judged("", &[run("keep", &common::leak_keep())]);
    assert_eq!(status(&kept, "unaccounted"), Status::Passed);
    let one_more = |last: &mut Barrier| {
        last.counts = counts(3_000, 1);
        last.lingering = vec![image(1, vec![slot(1, SlotState::Affine), Holder::Fd { fd: 9 }])];
        last.footprint.memfd_mappings = Some(1);
        last.footprint.fds = Some(13);
    };
    let outcome = judged("", &[Plan { last: one_more, ..Plan::default() }.run()]);
    let told = of(&outcome, "unaccounted");
    assert_eq!(told.measured.as_deref(), Some("1"), "{told:#?}");
}

/// Opened once, on first use, and open since.
#[test]
fn what_is_open_at_the_first_barrier_is_not_unaccounted_for() {
    let once = Plan { looks: |_| footprint(1_060, 13, 20 << 20), ..Plan::default() };
    assert_eq!(status(&judged("", &[once.run()]), "unaccounted"), Status::Passed);
}

#[test]
fn what_is_unknown_is_no_leak_and_no_pass() {
    let outcome = judged("", &[run("unknown", &common::inconclusive())]);
    let told = of(&outcome, "unaccounted");
    assert_eq!(told.status, Status::Inconclusive, "{told:#?}");
    assert!(told.message.contains("100 images of which nobody knows"), "{}", told.message);
    assert!(outcome.headline.starts_with("INCONCLUSIVE — measurement: "), "{}", outcome.headline);
    // However much a budget allows.
    let outcome =
        judged("[policy.unaccounted]\nmax = 1000\n", &[run("unknown", &common::inconclusive())]);
    assert_eq!(status(&outcome, "unaccounted"), Status::Passed);
    assert_eq!(outcome.verdict, Verdict::Inconclusive);
}

/// A recording lists so many lingering images: what is held beyond theirs may be the others', or
/// nobody's.
#[test]
fn what_unlisted_images_may_hold_is_not_passed() {
    let lingering = |listed: usize| {
        let mut recording = common::leak_keep();
        for record in &mut recording.records {
            if let Record::Barrier(last) = record
                && last.last
            {
                last.lingering.truncate(listed);
                // Images hold 951 of them, and nobody the others.
                last.footprint.memfd_mappings = Some(961);
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
    let told = [0, 10, 111, 112].map(|max| with(&some, max));
    assert_eq!(
        told,
        [Status::Inconclusive, Status::Inconclusive, Status::Inconclusive, Status::Passed]
    );
    let outcome = judged("", &some);
    let told = of(&outcome, "unaccounted");
    assert_eq!(told.measured.as_deref(), Some("112"), "{told:#?}");
    let sentence = "lingering images explain 1,800 of them; what holds 51 lingering images more is \
                    not known";
    assert!(told.message.ends_with(sentence), "{}", told.message);
    // And no number that a baseline could have.
    assert!(!Baseline::of(&some).to_text().contains("unaccounted"));
    assert!(Baseline::of(&all).to_text().contains("unaccounted = 10"));
}

/// Of more lingering images than are listed, nobody knows what holds the rest.
#[test]
fn reasons_that_were_not_recorded_are_not_passed() {
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
fn growth_that_comes_to_an_end_is_within_any_slope() {
    let warms_up = Plan {
        looks: |look| footprint(1_000 + 300 * look.min(38), 11, 20 << 20),
        ..Plan::default()
    };
    let outcome = judged("[policy.slope-mappings]\n", &[warms_up.run()]);
    let told = of(&outcome, "slope-mappings");
    assert_eq!(told.status, Status::Passed, "{told:#?}");
    assert!(told.message.contains("and then no more"), "{}", told.message);
}

#[test]
fn a_slope_of_too_few_looks_is_told_only_where_it_was_asked_for() {
    let few = [run("few", &common::leak_earlier())];
    let outcome = judged("[policy.slope-fds]\n", &few);
    let told = of(&outcome, "slope-fds");
    assert_eq!(told.status, Status::Inconclusive, "{told:#?}");
    assert!(told.message.contains("fewer than 20: run more cycles"), "{}", told.message);
}

#[test]
fn a_rate_is_judged_beside_runs_of_the_same_command_alone() {
    let policy = "[policy.throughput]\nmin-ratio = 0.9\n";
    let slow = [Plan { at_ms: |look| look * 150, ..Plan::default() }.run()];
    let other = [run("other", &common::clean())];
    let error =
        judged_against(policy, &slow, None, &other).expect_err("nothing to hold it against");
    assert!(error.to_string().contains("--against DIR"), "{error}");

    let base = [Plan::default().run()];
    let noisy = Plan {
        // Slower in all, since it stood still once; and otherwise as fast.
        at_ms: |look| look * 100 + if look > 30 { 2_000 } else { 0 },
        ..Plan::default()
    };
    let outcome = judged_against(policy, &[noisy.run()], None, &base).expect("it is answered");
    let told = of(&outcome, "throughput");
    assert_eq!(told.status, Status::Passed, "{told:#?}");
    assert!(told.message.contains("effect negligible"), "{}", told.message);

    let few = [run("few", &common::leak_earlier())];
    let outcome = judged_against(policy, &few, None, &few).expect("it is answered");
    assert_eq!(status(&outcome, "throughput"), Status::Inconclusive);
}

/// Whoever gives runs to hold a rate against wants it held against them.
#[test]
fn baseline_runs_have_throughput_judged_or_are_refused() {
    let slow = || [Plan { at_ms: |look| look * 150, ..Plan::default() }.run()];
    let base = [Plan::default().run()];
    assert_eq!(judged("", &slow()).verdict, Verdict::Clean);
    let outcome = judged_against("", &slow(), None, &base).expect("it is answered");
    let told = of(&outcome, "throughput");
    let allowed = "at least 0.9 of the baseline runs";
    assert_eq!((told.status, told.level), (Status::Failed, PolicyLevel::Error), "{told:#?}");
    assert_eq!((told.allowed.as_str(), outcome.verdict), (allowed, Verdict::Leak));
    let same = judged_against("", &base, None, &base).expect("it is answered");
    assert_eq!((status(&same, "throughput"), same.verdict), (Status::Passed, Verdict::Clean));
    // A file has the last word, but for none at all.
    for (keys, expected) in
        [("min-ratio = 0.5", Status::Passed), ("level = \"warn\"", Status::Failed)]
    {
        let policy = format!("[policy.throughput]\n{keys}\n");
        let outcome = judged_against(&policy, &slow(), None, &base).expect("it is answered");
        assert_eq!(status(&outcome, "throughput"), expected, "{keys}");
        assert_eq!(outcome.verdict, Verdict::Clean, "{keys}");
    }
    let off = "[policy.throughput]\nlevel = \"off\"\n";
    let error = judged_against(off, &slow(), None, &base).expect_err("it is for nothing");
    let sentence = "leakbench.toml:2: policy throughput is off, and --against was given";
    assert!(error.to_string().starts_with(sentence), "{error}");
    let other = [run("other", &common::clean())];
    let error = judged_against("", &slow(), None, &other).expect_err("of another command");
    let sentence = "--against was given, and throughput cannot be judged: no baseline run of `";
    assert!(error.to_string().starts_with(sentence), "{error}");
}

/// Images of which nobody knows may well linger.
#[test]
fn what_may_linger_is_not_passed() {
    let runs = [run("unknown", &common::inconclusive())];
    for policy in ["lingering-at-end", "lingering-peak"] {
        let with =
            |max| status(&judged(&format!("[policy.{policy}]\nmax = {max}\n"), &runs), policy);
        assert_eq!(
            [0, 99, 100].map(with),
            [Status::Inconclusive, Status::Inconclusive, Status::Passed]
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Raising what is allowed never turns a pass into a failure, and lowering it never the other
    /// way round.
    #[test]
    fn more_is_never_less(
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
        last.footprint.memfd_mappings = Some(mappings);
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
