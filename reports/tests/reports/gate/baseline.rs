//! Baselines: made from runs, written, read, and compared with later runs.

use leakbench_model::Footprint;
use leakbench_recording::recording::ExitKind;
use leakbench_reports::gate::{Baseline, Status};
use proptest::prelude::*;

use super::{Named, Plan, judged_against, policy, run};
use crate::common::{self, footprint, golden};

fn with_mappings(samples: fn(u64) -> Footprint) -> Named {
    Plan { samples, ..Plan::default() }.run()
}

#[test]
fn a_limit_is_the_baseline_times_its_ratio() {
    let had = [with_mappings(|_| footprint(1_000, 11, 20 << 20))];
    let baseline = Baseline::of(&had);
    let baseline = Baseline::parse(&baseline.to_text(), "baseline.toml").expect("it is its own");
    let keys = "[policy.peak-mappings]\nover-baseline = 1.1\n";
    for (mappings, status) in [
        (with_mappings(|_| footprint(1_100, 11, 20 << 20)), Status::Passed),
        (with_mappings(|_| footprint(1_101, 11, 20 << 20)), Status::Failed),
    ] {
        let outcome = judged_against(keys, &[mappings], Some(&baseline), &[]).expect("it is there");
        let found = policy(&outcome, "peak-mappings");
        assert_eq!(found.status, status, "{found:#?}");
        assert_eq!(found.allowed, "at most 1,100 (1.1 of the 1,000 in baseline.toml)");
    }
    // Of two limits the lower holds.
    let keys = "[policy.peak-mappings]\nover-baseline = 1.1\nmax = 1_050\n";
    let mappings = [with_mappings(|_| footprint(1_060, 11, 20 << 20))];
    let outcome = judged_against(keys, &mappings, Some(&baseline), &[]).expect("it is there");
    assert_eq!(policy(&outcome, "peak-mappings").status, Status::Failed);
}

/// 1.15 of 100 is 115, and in floating point a little less.
#[test]
fn a_limit_is_exact_in_decimals() {
    let baseline = Baseline::of(&[with_mappings(|_| footprint(100, 11, 20 << 20))]);
    let keys = "[policy.peak-mappings]\nover-baseline = 1.15\n";
    let mappings = [with_mappings(|_| footprint(115, 11, 20 << 20))];
    let outcome = judged_against(keys, &mappings, Some(&baseline), &[]).expect("it is there");
    assert_eq!(policy(&outcome, "peak-mappings").status, Status::Passed);
}

#[test]
fn a_run_that_is_not_in_the_baseline_is_an_error() {
    let baseline = Baseline::of(&[run("other", &common::clean())]);
    let keys = "[policy.peak-mappings]\nover-baseline = 1.1\n";
    let error = judged_against(keys, &[Plan::default().run()], Some(&baseline), &[]);
    let error = error.expect_err("it has another command").to_string();
    assert!(error.contains("leakbench.toml:3: `over-baseline` of policy peak-mappings"), "{error}");
    assert!(error.contains("has no peak-mappings of `leakbench"), "{error}");
}

/// The same run, on another machine and from another checkout.
#[test]
fn a_baseline_does_not_depend_on_the_folders_of_modules_and_drivers() {
    let on = |command: &str| {
        let mut recording = Plan::default().recording();
        if let leakbench_recording::recording::Record::Start(start) = &mut recording.records[0] {
            start.command = command.to_owned();
        }
        [run("run", &recording)]
    };
    let here = "leakbench --processes 2 --wasm /home/me/src/mods/a.wasm --driver-dir /home/me/bin";
    let text = Baseline::of(&on(here)).to_text();
    assert!(text.contains("[run.\"leakbench --processes 2 --wasm a.wasm\"]"), "{text}");
    // Folders in a file do not change the run.
    let older = text.replace("--wasm a.wasm", "--wasm /home/me/src/mods/a.wasm");
    let keys = "[policy.peak-mappings]\nover-baseline = 1.1\n";
    for text in [text, older] {
        let baseline = Baseline::parse(&text, "baseline.toml").expect("it is its own");
        let there = on("leakbench --processes 2 --wasm /ci/42/mods/a.wasm");
        let outcome = judged_against(keys, &there, Some(&baseline), &[]).expect("it is there");
        assert_eq!(policy(&outcome, "peak-mappings").status, Status::Passed);
        let more = on("leakbench --processes 4 --wasm /ci/42/mods/a.wasm");
        let error = judged_against(keys, &more, Some(&baseline), &[]).expect_err("another run");
        let advice = "`leakbench --processes 4 --wasm a.wasm`: run `leakbench gate baseline` again, on \
                      runs with --processes and --cpus";
        assert!(error.to_string().contains(advice), "{error}");
    }
}

#[test]
fn a_baseline_that_no_policy_uses_is_an_error() {
    let runs = [Plan::default().run()];
    let baseline = Baseline::of(&runs);
    for (policies, refused) in [
        ("", true),
        ("[policy.peak-mappings]\nmax = 9_000\n", true),
        ("[policy.peak-mappings]\nlevel = \"off\"\nover-baseline = 1.1\n", true),
        ("[policy.peak-mappings]\nlevel = \"warn\"\nover-baseline = 1.1\n", false),
    ] {
        let judged = judged_against(policies, &runs, Some(&baseline), &[]);
        assert_eq!(judged.is_err(), refused, "{policies}: {judged:?}");
        if let Err(error) = judged {
            let sentence = "--baseline was given, and no policy that is on in leakbench.toml has";
            let error = error.to_string();
            assert!(error.starts_with(sentence), "{error}");
            assert!(error.contains("`over-baseline = 1.1` in [policy.peak-mappings]"), "{error}");
        }
    }
}

#[test]
fn a_baseline_is_sorted_text_without_noise_and_reads_back() {
    let died = common::died(ExitKind::Signaled { signal: 9 });
    let runs =
        [run("keep", &common::leak_keep()), run("clean", &common::clean()), run("died", &died)];
    let baseline = Baseline::of(&runs);
    assert_eq!(baseline.left_out(), ["died"]);
    let text = baseline.to_text();
    golden("gate-baseline.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}"));
    let read = Baseline::parse(&text, "baseline.toml").expect("it is its own");
    assert_eq!(read.to_text(), text);
    // In any order, and twice.
    let [keep, clean, _] = runs;
    let again = [clean.clone(), keep, clean];
    assert_eq!(Baseline::of(&again).to_text(), text);
}

#[test]
fn an_error_of_a_baseline_names_its_line() {
    for (text, expected) in [
        ("", "baseline.toml: it has no version"),
        ("version = 2", "baseline.toml:1: version 2 is not supported"),
        (
            "version = 1\nruns = 1",
            "baseline.toml:2: unknown key `runs` in the file (did you mean `run`?)",
        ),
        ("version = 1\n[run]\na = 1", "baseline.toml:3: `a` of [run] must be a table, and is 1"),
        (
            "version = 1\n[run.a]\npeak-fd = 1",
            "baseline.toml:3: unknown policy `peak-fd` in [run.\"a\"] (did you mean `peak-fds`?)",
        ),
        ("version = 1\n[run.a]\nthroughput = 1", "baseline.toml:3: unknown policy `throughput`"),
        ("version = 1\n[run.a]\npeak-fds = -1", "must be a whole number from 0, and is -1"),
        ("version = 1\n[run.a]\npeak-fds = 1.5", "must be a whole number from 0, and is 1.5"),
    ] {
        let error = Baseline::parse(text, "baseline.toml").expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

proptest! {
    /// Whatever a command has in it.
    #[test]
    fn every_command_reads_back(command in any::<String>()) {
        let mut recording = common::leak_earlier();
        if let leakbench_recording::recording::Record::Start(start) = &mut recording.records[0] {
            start.command = command;
        }
        let text = Baseline::of(&[run("run", &recording)]).to_text();
        let read = Baseline::parse(&text, "baseline.toml");
        let read = read.map_err(|error| TestCaseError::fail(format!("{error} in {text}")))?;
        prop_assert_eq!(read.to_text(), text);
    }
}
