//! Budget files: reading, refusing, and making them from runs.

use leakbench_recording::recording::ExitKind;
use leakbench_reports::gate::{Budget, GateVerdict, PolicyLevel, Status, judge, policy_names};
use proptest::prelude::*;

use super::{Plan, run};
use crate::common::{self, golden};

#[test]
fn a_policy_that_a_file_does_not_name_has_its_default_level() {
    let nothing = Budget::parse("version = 1\n", "leakbench.toml").expect("it is a budget");
    for policy in policy_names() {
        assert!(nothing.level(&policy).is_some(), "{policy}");
        assert_eq!(nothing.level(&policy), Budget::default().level(&policy), "{policy}");
    }
    assert_eq!(nothing.level("peak-luck"), None);
    assert_eq!(nothing.flaky(), PolicyLevel::Error);
    assert_eq!((nothing.name(), Budget::default().name()), ("leakbench.toml", "default budgets"));
    let some = "version = 1\ngate.flaky = \"warn\"\npolicy.peak-fds.max = 0x10\n\
                policy.growth.level = \"off\"\n[policy.lingering-at-end]\n";
    let some = Budget::parse(some, "leakbench.toml").expect("it is a budget");
    assert_eq!(some.flaky(), PolicyLevel::Warn);
    assert_eq!(some.level("peak-fds"), Some(PolicyLevel::Error));
    assert_eq!(some.level("growth"), Some(PolicyLevel::Off));
}

#[test]
fn an_error_names_its_line_and_the_known_keys() {
    let mut errors = String::new();
    for text in [
        "",
        "version = 2",
        "version = \"1\"",
        "version = 1\nflaky = \"warn\"",
        "version = 1\n[gate]\nflakey = \"warn\"",
        "version = 1\n[gate]\nflaky = \"off\"",
        "version = 1\ngate = 3",
        "version = 1\npolicy = []",
        "version = 1\n[policies.growth]",
        "version = 1\n\n[policy.lingering-at-the-end]\nmax = 0",
        "version = 1\n[policy.speed]",
        "version = 1\n[policy.measurement]\nlevel = \"off\"",
        "version = 1\n[policy]\ngrowth = \"off\"",
        "version = 1\n[policy.lingering-at-end]\nlevel = \"fail\"",
        "version = 1\n[policy.lingering-at-end]\nlevel = 1",
        "version = 1\n[policy.lingering-at-end]\nmaximum = 0",
        "version = 1\n[policy.lingering-at-end]\nmax = \"0\"",
        "version = 1\n[policy.lingering-at-end]\nmax = -1",
        "version = 1\n[policy.lingering-at-end]\nmax = 0.5",
        "version = 1\n[policy.lingering-at-end]\nmax = 99999999999999999999",
        "version = 1\n[policy.lingering-at-end]\nallow = []",
        "version = 1\n[policy.late-releases]\nmax-share = 1.5",
        "version = 1\n[policy.slope-mappings]\nmax-per-1000-cycles = nan",
        "version = 1\n[policy.slope-mappings]\nmax-per-1000-cycles = inf",
        "version = 1\n[policy.throughput]\nmin-ratio = 0",
        "version = 1\n[policy.lingering-by-reason]\naffine = 0",
        "version = 1\n[policy.peak-mappings]",
        "version = 1\n[policy.time-to-release]\nlevel = \"warn\"",
        "version = 1\n[policy.growth]\nallow = \"fds\"",
        "version = 1\n[policy.growth]\nallow = [\n  \"mappings\",\n  \"sokcet-fds\",\n]",
        "version = 1\n[policy.growth]\n[policy.growth]",
        "version = 1\n[policy.growth",
        "version = 1\n\"\\u001b[2K\" = 1",
    ] {
        let error = Budget::parse(text, "leakbench.toml").expect_err(text).to_string();
        assert!(!error.contains(|c: char| c.is_control()), "{error:?}");
        errors += &format!("{text}\n  => {error}\n\n");
    }
    golden("gate-budget-errors.txt", &errors).unwrap_or_else(|wrong| panic!("{wrong}"));
}

#[test]
fn a_budget_made_from_a_run_passes_on_it_unless_it_leaked() {
    for (name, recording, verdict) in [
        ("plan", Plan::default().recording(), GateVerdict::Pass),
        ("clean", common::clean(), GateVerdict::Pass),
        ("copy", common::copy(), GateVerdict::Pass),
        ("keep", common::leak_keep(), GateVerdict::Fail),
        ("earlier", common::leak_earlier(), GateVerdict::Fail),
        ("unknown", common::inconclusive(), GateVerdict::Inconclusive),
        ("died", common::died(ExitKind::Hung { silent_ms: 1 }), GateVerdict::SubjectDied),
    ] {
        let runs = [run(name, &recording)];
        let text = Budget::init(&runs);
        let budget = Budget::parse(&text, "leakbench.toml");
        let budget = budget.unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        let outcome = judge(&budget, &runs, None, &[]);
        let outcome = outcome.unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        assert_eq!(outcome.verdict, verdict, "{name}: {outcome:#?}\n{text}");
        if verdict == GateVerdict::Pass {
            let worse = outcome.policies.iter().find(|of| of.status > Status::Passed);
            assert!(worse.is_none(), "{name}: {worse:?}");
        }
        assert_eq!(text.contains("IT LEAKED"), verdict == GateVerdict::Fail, "{name}:\n{text}");
        let fails = matches!(verdict, GateVerdict::Fail | GateVerdict::Inconclusive);
        assert_eq!(text.contains("THE RUN DOES NOT PASS"), fails, "{name}:\n{text}");
    }
    let text = Budget::init(&[run("plan", &Plan::default().recording())]);
    golden("gate-init.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}"));
}

/// A recording's name is only ever a comment.
#[test]
fn a_hostile_name_does_not_change_the_budget() {
    let name = "x\nversion = 7\u{1b}[2K\r[policy.growth]\nlevel = \"off\"";
    let runs = [run(name, &Plan::default().recording())];
    let budget = Budget::parse(&Budget::init(&runs), "leakbench.toml").expect("it is a budget");
    assert_eq!(budget.level("growth"), Some(PolicyLevel::Error));
}

proptest! {
    /// No text makes the parser panic.
    #[test]
    fn every_text_is_read_or_refused(
        text in "(version = 1\n)?(\\[(gate|policy)(\\.[a-z-]{1,12})?\\]\n)?([a-z-]{1,9} = .{0,12}\n)?\\PC{0,20}",
    ) {
        let _ = Budget::parse(&text, "leakbench.toml");
    }
}
