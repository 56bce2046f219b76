//! Modes of cycles: with each, a run is clean, a leak in its step is found, and another outcome fails it.

mod common;

use std::path::Path;

use common::{Run, leakbench};
use leakbench_scenarios::{Feature, Mode, Offer, Outcome};

/// A run in which every second cycle has the mode.
fn args(mode: Mode) -> Vec<&'static str> {
    let mut args = vec!["--processes", "1", "--cycles", "60", "--slots", "16", "--settle-ms", "20"];
    args.extend(["--mode", "plain", "--mode", mode.as_str()]);
    if mode == Mode::Reuse {
        args.extend(["--long-lived", "2"]);
    }
    args
}

/// A run of the driver `planted` with a variable.
fn planted(mode: Mode, variable: &str) -> Run {
    let drivers = Path::new(env!("CARGO_BIN_EXE_leakbench")).with_file_name("examples");
    assert!(drivers.join("leakbench-planted").is_file(), "build it with the tests (cargo test)");
    let mut run = leakbench(&args(mode));
    run.args(["--json", "--subject", "planted", "--driver-dir"]).arg(drivers);
    run.env(variable, mode.as_str());
    Run::from(run.output().expect("the binary starts"))
}

#[test]
fn every_mode_of_the_built_in_runtime_is_clean() {
    for mode in Offer::builtin().mode {
        let run = Run::undisturbed(|| Run::of(&args(mode)));
        assert_eq!((run.code, run.verdict()), (0, "clean"), "{mode}: {:#}", run.result);
        // Cycles, and modules that live long.
        let made = match mode {
            Mode::Reuse => 32,
            Mode::Invalid => 30,
            _ => 60,
        };
        assert_eq!(run.images("made"), made, "{mode}");
        let released = run.images("synchronous") + run.images("late");
        assert_eq!(released, made, "{mode}: {:#}", run.result["images"]);
    }
}

/// The historic leak shows in each mode that leaves instances in slots.
#[test]
fn the_historic_leak_is_found_in_each_mode() {
    for mode in [Mode::Trap, Mode::Grow, Mode::OneStore, Mode::DropElsewhere, Mode::ModuleFirst] {
        let run = Run::of(&[args(mode), vec!["--on-drop", "keep"]].concat());
        assert_eq!((run.code, run.verdict()), (1, "leak"), "{mode}: {:#}", run.result);
    }
}

#[test]
fn a_leak_in_the_step_of_a_mode_is_found() {
    for mode in Mode::ALL {
        let control = Run::undisturbed(|| planted(mode, "PLANTED_NOTHING"));
        assert_eq!((control.code, control.verdict()), (0, "clean"), "{mode}: {:#}", control.result);
        let run = planted(mode, "PLANTED_LEAK");
        assert_eq!((run.code, run.verdict()), (1, "leak"), "{mode}: {:#}", run.result);
        // Without a module, what is left is a descriptor of no image.
        if mode != Mode::Invalid {
            assert!(run.images("lingering") >= 2, "{mode}: {:#}", run.result["images"]);
            let holders = run.holders();
            assert!(holders.len() >= 2, "{mode}: {:#}", run.result);
            assert!(holders.iter().all(|(kind, _)| kind == "fd"), "{mode}: {holders:?}");
        }
    }
}

#[test]
fn another_outcome_than_the_expected_one_fails_the_run() {
    for mode in Mode::ALL.into_iter().filter(|mode| mode.outcome() != Outcome::Done) {
        let run = planted(mode, "PLANTED_OUTCOME");
        assert_eq!((run.code, run.verdict()), (3, "subject-died"), "{mode}: {:#}", run.result);
        let headline = run.result["headline"].as_str().expect("a sentence");
        let outcomes = format!("(expected: {}, outcome: done)", mode.outcome());
        assert!(headline.contains(&outcomes), "{mode}: {headline}");
    }
}

/// The built-in runtime traps where a module is not expected to.
#[test]
fn an_unexpected_trap_names_both_outcomes() {
    let mut module = tempfile::Builder::new().suffix(".wat").tempfile().expect("a file");
    let text = "(module (func (export \"run\") unreachable))";
    std::io::Write::write_all(&mut module, text.as_bytes()).expect("written");
    let path = module.path().to_str().expect("a plain path");
    let output = leakbench(&["--wasm", path, "--invoke", "run"]).output().expect("it starts");
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("(expected: done, outcome: trap)"), "{message}");
}

#[test]
fn features_of_the_built_in_runtime_are_clean() {
    for feature in Offer::builtin().feature {
        for mode in [Mode::Plain, Mode::Grow, Mode::OneStore] {
            let flags = [args(mode), vec!["--feature", feature.as_str()]].concat();
            let run = Run::undisturbed(|| Run::of(&flags));
            assert_eq!((run.code, run.verdict()), (0, "clean"), "{feature}: {:#}", run.result);
        }
    }
    let output = leakbench(&["--feature", Feature::GcHeap.as_str()]).output().expect("it starts");
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("builtin has no --feature gc-heap: it has memories"), "{message}");
}
