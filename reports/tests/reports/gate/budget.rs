//! Budget files: what is read, what is refused, and what is made from runs.

use leakbench_model::Verdict;
use leakbench_recording::recording::ExitKind;
use leakbench_reports::gate::{Budget, Policy, PolicyLevel, Status, judge};
use proptest::prelude::*;

use super::{Plan, run};
use crate::common::{self, golden};

#[test]
fn what_a_file_does_not_say_is_as_it_is_by_default() {
    let nothing = Budget::parse("version = 1\n", "leakbench.toml").expect("it is a budget");
    for policy in Policy::ALL {
        assert_eq!(nothing.level(policy), Budget::default().level(policy), "{policy:?}");
    }
    assert_eq!(nothing.flaky(), PolicyLevel::Error);
    assert_eq!((nothing.name(), Budget::default().name()), ("leakbench.toml", "default budgets"));
    let some = "version = 1\ngate.flaky = \"warn\"\npolicy.peak-fds.max = 0x10\n\
                policy.growth.level = \"off\"\n[policy.lingering-at-end]\n";
    let some = Budget::parse(some, "leakbench.toml").expect("it is a budget");
    assert_eq!(some.flaky(), PolicyLevel::Warn);
    assert_eq!(some.level(Policy::PeakFds), PolicyLevel::Error);
    assert_eq!(some.level(Policy::Growth), PolicyLevel::Off);
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_what_there_is() {
    let mut told = String::new();
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
        told += &format!("{text}\n  => {error}\n\n");
    }
    golden("gate-budget-errors.txt", &told).unwrap_or_else(|wrong| panic!("{wrong}"));
}

#[test]
fn a_budget_made_from_a_run_passes_on_it_unless_it_leaked() {
    for (name, recording, verdict) in [
        ("plan", Plan::default().recording(), Verdict::Clean),
        ("clean", common::clean(), Verdict::Clean),
        ("copy", common::copy(), Verdict::Clean),
        ("keep", common::leak_keep(), Verdict::Leak),
        ("earlier", common::leak_earlier(), Verdict::Leak),
        ("unknown", common::inconclusive(), Verdict::Inconclusive),
        ("died", common::died(ExitKind::Hung { silent_ms: 1 }), Verdict::SubjectDied),
    ] {
        let runs = [run(name, &recording)];
        let text = Budget::init(&runs);
        let budget = Budget::parse(&text, "leakbench.toml");
        let budget = budget.unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        let outcome = judge(&budget, &runs, None, &[]);
        let outcome = outcome.unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        assert_eq!(outcome.verdict, verdict, "{name}: {outcome:#?}\n{text}");
        if verdict == Verdict::Clean {
            let told = outcome.policies.iter().find(|of| of.status > Status::Passed);
            assert!(told.is_none(), "{name}: {told:?}");
        }
        assert_eq!(text.contains("IT LEAKED"), verdict == Verdict::Leak, "{name}:\n{text}");
        let fails = matches!(verdict, Verdict::Leak | Verdict::Inconclusive);
        assert_eq!(
            text.contains("THE RUN DOES NOT PASS"),
            fails,
            "{name}:
{text}"
        );
    }
    let text = Budget::init(&[run("plan", &Plan::default().recording())]);
    golden("gate-init.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}"));
}

/// A name from outside is a comment, whatever it has in it.
#[test]
fn a_budget_made_from_a_hostile_name_is_no_other_budget() {
    let name = "x\nversion = 7\u{1b}[2K\r[policy.growth]\nlevel = \"off\"";
    let runs = [run(name, &Plan::default().recording())];
    let budget = Budget::parse(&Budget::init(&runs), "leakbench.toml").expect("it is a budget");
    assert_eq!(budget.level(Policy::Growth), PolicyLevel::Error);
}

proptest! {
    /// No text is too odd to be refused in good order.
    #[test]
    fn any_text_is_read_or_refused(
        text in "(version = 1\n)?(\\[(gate|policy)(\\.[a-z-]{1,12})?\\]\n)?([a-z-]{1,9} = .{0,12}\n)?\\PC{0,20}",
    ) {
        let _ = Budget::parse(&text, "leakbench.toml");
    }
}
