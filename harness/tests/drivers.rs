//! Drivers: found, asked for their offer, refused, run.

mod common;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use common::{Run, finish, leakbench, write_script};

/// The folder of the example driver.
fn examples() -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_leakbench")).with_file_name("examples");
    let driver = folder.join("leakbench-example");
    assert!(driver.is_file(), "no {}: build it with the tests (cargo test)", driver.display());
    folder
}

fn run(args: &[&str]) -> Run {
    let folder = examples();
    let folder = folder.to_str().expect("a plain path");
    Run::recorded(&[&["--subject", "example", "--driver-dir", folder], args].concat())
}

/// The one line on standard error of a run that cannot begin.
fn refusal(args: &[&str]) -> String {
    let output = leakbench(args).output().expect("the binary starts");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr
}

fn script(folder: &Path, name: &str, text: &str) {
    write_script(&folder.join(name), text);
}

#[test]
fn a_driver_is_judged_like_the_built_in_runtime() {
    let clean = run(&["--cycles", "500"]);
    assert_eq!((clean.code, clean.verdict()), (0, "clean"), "{}", clean.stderr);
    clean.assert_released_by_drops(500);
    assert_eq!(clean.result["subject"], "example");
    assert_eq!(clean.result["runtime"], "example 1.0.0");
    // Options that it does not offer are absent; defaults of others are present.
    assert!(clean.result["strategy"].is_null());
    assert_eq!(clean.result["slots"], 100);

    let leak = run(&["--cycles", "500", "--on-drop", "keep"]);
    assert_eq!((leak.code, leak.verdict()), (1, "leak"), "{}", leak.stderr);
    assert!(leak.images("lingering") > 50, "{}", leak.result["images"]);
    // It reports no slots: holders are mappings.
    let holders = leak.holders();
    assert!(holders.iter().any(|(kind, _)| kind == "mapping"), "{holders:?}");
}

#[test]
fn the_reproduce_command_finds_the_driver() {
    let run = run(&["--cycles", "10"]);
    let command = run.result["command"].as_str().expect("a command");
    let folder = examples();
    assert!(command.starts_with("leakbench --subject example --cycles 10 "), "{command}");
    assert!(command.ends_with(&format!(" --driver-dir {}", folder.display())), "{command}");
}

#[test]
fn long_lived_modules_live_to_the_end_and_are_released() {
    let run = run(&["--cycles", "200", "--long-lived", "3"]);
    assert_eq!((run.code, run.verdict()), (0, "clean"), "{}", run.stderr);
    assert_eq!((run.images("made"), run.images("lingering")), (203, 0));
}

#[test]
fn options_that_a_driver_does_not_offer_are_refused_by_name() {
    let folder = examples();
    let folder = folder.to_str().expect("a plain path");
    let driver = ["--subject", "example", "--driver-dir", folder];
    for (flags, words) in [
        (["--strategy", "random"], "example has no --strategy, so random cannot be asked of it"),
        (["--on-drop", "truncate"], "example has no --on-drop truncate: it has purge, keep"),
    ] {
        let message = refusal(&[driver.as_slice(), &flags].concat());
        assert!(message.contains(words), "{message}");
    }
    let message = refusal(&["--subject", "builtin", "--pagemap-scan", "on"]);
    assert!(message.contains("builtin has no --pagemap-scan, so on cannot"), "{message}");
}

#[test]
fn a_missing_driver_is_refused_with_the_command_that_builds_it() {
    let message = refusal(&["--subject", "wasmtime@0"]);
    assert!(message.contains("there is no program leakbench-wasmtime-0 "), "{message}");
    assert!(message.ends_with("scripts/build-drivers wasmtime@0\n"), "{message}");
}

#[test]
fn a_program_that_is_no_driver_of_this_version_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    script(folder.path(), "leakbench-mute", "#!/bin/sh\n");
    script(folder.path(), "leakbench-sick", "#!/bin/sh\nexit 7\n");
    let old = "#!/bin/sh\necho '{\"protocol\":0,\"offer\":{}}'\n";
    script(folder.path(), "leakbench-old", old);
    script(folder.path(), "leakbench-broken", "#!/no/such/interpreter\n");
    let dir = folder.path().to_str().expect("a plain path");
    for (name, words) in [
        ("mute", "its offer cannot be read"),
        ("sick", "it printed no offer and ended with exit status: 7"),
        ("old", "it has version 0 of the protocol and not"),
        ("broken", "cannot start the driver"),
    ] {
        let message = refusal(&["--subject", name, "--driver-dir", dir]);
        assert!(message.contains(words), "{message}");
        assert!(message.contains(&format!("leakbench-{name}")), "{message}");
    }
}

/// A process that the driver starts may outlive it and keep the pipe open.
#[test]
fn leakbench_does_not_wait_for_processes_that_a_driver_leaves() {
    let folder = tempfile::tempdir().expect("a folder");
    // A process outside of the driver's group, which leakbench does not end. It ends with the folder.
    let left = "setsid sh -c 'while [ -e \"$0\" ]; do sleep 0.1; done' \"$0\" &";
    script(folder.path(), "leakbench-busy", &format!("#!/bin/sh\n{left}\necho '{{}}'\n"));
    let dir = folder.path().to_str().expect("a plain path");
    let mut run = leakbench(&["--subject", "busy", "--driver-dir", dir]);
    let run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let output = finish(run);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("its offer cannot be read"), "{message}");
}

/// Some daemons start children this way, and then waitpid fails in them.
#[test]
fn a_parent_that_ignores_sigchld_changes_nothing() {
    let binary = env!("CARGO_BIN_EXE_leakbench");
    let script = format!("trap '' CHLD; exec {binary} --cycles 50 --json");
    let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("a shell");
    let run = Run::from(output);
    assert_eq!((run.code, run.verdict()), (0, "clean"), "{}", run.stderr);
}

#[test]
fn processors_are_pinned_and_recorded() {
    let all = Run::of(&["--cycles", "10"]);
    let cpus = |run: &Run| run.result["fingerprint"]["subject_cpus"].as_array().map(Vec::len);
    assert!(cpus(&all).is_some_and(|count| count > 0));
    let one = Run::of(&["--cycles", "10", "--cpus", "1"]);
    assert_eq!(cpus(&one), Some(1));
    assert_eq!(one.result["scenario"]["cpus"], 1);
}

#[test]
fn a_driver_started_by_hand_prints_its_name() {
    let driver = examples().join("leakbench-example");
    let output = std::process::Command::new(driver)
        .stdin(std::process::Stdio::null())
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr, "this is example 1.0.0, a subject of leakbench: see leakbench --help\n");
}
