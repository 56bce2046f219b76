//! Baselines: made of runs, written, read again and held against.

use leakbench_recording::recording::ExitKind;
use leakbench_reports::gate::{Baseline, Status};
use proptest::prelude::*;

use super::{Named, Plan, judged_against, of, run};
use crate::common::{self, footprint, golden};

fn with_mappings(looks: fn(u64) -> leakbench_recording::recording::Footprint) -> Named {
    Plan { looks, ..Plan::default() }.run()
}

#[test]
fn what_a_baseline_has_is_allowed_with_room_and_no_more() {
    let had = [with_mappings(|_| footprint(1_000, 11, 20 << 20))];
    let baseline = Baseline::of(&had);
    let baseline = Baseline::parse(&baseline.to_text(), "baseline.toml").expect("it is its own");
    let policy = "[policy.peak-mappings]\nover-baseline = 1.1\n";
    for (mappings, status) in [
        (with_mappings(|_| footprint(1_100, 11, 20 << 20)), Status::Passed),
        (with_mappings(|_| footprint(1_101, 11, 20 << 20)), Status::Failed),
    ] {
        let outcome =
            judged_against(policy, &[mappings], Some(&baseline), &[]).expect("it is there");
        let told = of(&outcome, "peak-mappings");
        assert_eq!(told.status, status, "{told:#?}");
        assert_eq!(told.allowed, "at most 1,100 (1.1 of the 1,000 in baseline.toml)");
    }
    // With both, the lesser counts.
    let policy = "[policy.peak-mappings]\nover-baseline = 1.1\nmax = 1_050\n";
    let mappings = [with_mappings(|_| footprint(1_060, 11, 20 << 20))];
    let outcome = judged_against(policy, &mappings, Some(&baseline), &[]).expect("it is there");
    assert_eq!(of(&outcome, "peak-mappings").status, Status::Failed);
}

/// 1.15 of 100 is 115, and in floating point a little less.
#[test]
fn what_is_allowed_is_as_on_paper() {
    let baseline = Baseline::of(&[with_mappings(|_| footprint(100, 11, 20 << 20))]);
    let policy = "[policy.peak-mappings]\nover-baseline = 1.15\n";
    let mappings = [with_mappings(|_| footprint(115, 11, 20 << 20))];
    let outcome = judged_against(policy, &mappings, Some(&baseline), &[]).expect("it is there");
    assert_eq!(of(&outcome, "peak-mappings").status, Status::Passed);
}

#[test]
fn a_run_that_the_baseline_has_not_is_an_error() {
    let baseline = Baseline::of(&[run("other", &common::clean())]);
    let policy = "[policy.peak-mappings]\nover-baseline = 1.1\n";
    let error = judged_against(policy, &[Plan::default().run()], Some(&baseline), &[]);
    let error = error.expect_err("it has another command").to_string();
    assert!(error.contains("leakbench.toml:3: no measurement answers `over-baseline`"), "{error}");
    assert!(error.contains("has no peak-mappings of `leakbench"), "{error}");
}

/// The same run, on another machine and from another checkout.
#[test]
fn a_baseline_holds_wherever_modules_and_drivers_are() {
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
    // A file that was written with folders is of the same run.
    let older = text.replace("--wasm a.wasm", "--wasm /home/me/src/mods/a.wasm");
    let policy = "[policy.peak-mappings]\nover-baseline = 1.1\n";
    for text in [text, older] {
        let baseline = Baseline::parse(&text, "baseline.toml").expect("it is its own");
        let there = on("leakbench --processes 2 --wasm /ci/42/mods/a.wasm");
        let outcome = judged_against(policy, &there, Some(&baseline), &[]).expect("it is there");
        assert_eq!(of(&outcome, "peak-mappings").status, Status::Passed);
        let more = on("leakbench --processes 4 --wasm /ci/42/mods/a.wasm");
        let error = judged_against(policy, &more, Some(&baseline), &[]).expect_err("another run");
        let advice = "`leakbench --processes 4 --wasm a.wasm`: make it anew with `leakbench gate \
                      baseline`, and give runs --processes and --cpus";
        assert!(error.to_string().contains(advice), "{error}");
    }
}

#[test]
fn a_baseline_that_nothing_is_held_against_is_an_error() {
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
fn what_is_wrong_with_a_baseline_is_told_with_its_line() {
    for (text, expected) in [
        ("", "baseline.toml: `version = 1` is missing"),
        ("version = 2", "baseline.toml:1: version 2 is not known"),
        (
            "version = 1\nruns = 1",
            "baseline.toml:2: unknown key `runs` in the file (did you mean `run`?)",
        ),
        ("version = 1\n[run]\na = 1", "baseline.toml:3: `a` of [run] must be a table, and is 1"),
        (
            "version = 1\n[run.a]\npeak-fd = 1",
            "baseline.toml:3: unknown key `peak-fd` in [run.\"a\"] (did you mean `peak-fds`?)",
        ),
        ("version = 1\n[run.a]\nthroughput = 1", "baseline.toml:3: unknown key `throughput`"),
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
