//! `leakbench doctor` on this machine, and with lower limits.

mod common;

use std::process::{Command, Output, Stdio};

use common::{leakbench, write_script};
use serde_json::Value;

/// Exit code and output of the doctor in a shell that runs `before` first.
fn doctor_after(before: &str, args: &[&str]) -> (i32, String) {
    let script = format!("{before} && exec \"$0\" doctor \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_leakbench")])
        .args(args)
        .stdin(Stdio::null())
        .output();
    code_and_text(&output.expect("a shell"))
}

fn code_and_text(output: &Output) -> (i32, String) {
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code().expect("it exits by itself"), text)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// State and finding of a check.
fn check<'a>(diagnosis: &'a Value, name: &str) -> (&'a str, &'a str) {
    let checks = diagnosis["checks"].as_array().expect("a list");
    let check = checks.iter().find(|check| check["name"] == name);
    let check = check.unwrap_or_else(|| panic!("no check {name}: {checks:?}"));
    (check["state"].as_str().expect("a state"), check["found"].as_str().expect("a clause"))
}

#[test]
fn a_machine_that_can_measure() {
    let (code, text) = doctor_after("true", &[]);
    assert_eq!(code, 0, "{text}");
    let lines: Vec<&str> = text.lines().collect();
    let (verdict, checks) = lines.split_last().expect("lines");
    assert!(verdict.starts_with("verdict: this machine can measure"), "{verdict}");
    for check in checks {
        let state = check.split_whitespace().next();
        assert!(matches!(state, Some("ok" | "limited" | "missing")), "{check}");
    }
    for tried in ["death watch", "memfd", "/proc", "clean control", "planted leak"] {
        let line = checks.iter().find(|line| line[9..].starts_with(tried));
        assert!(line.is_some_and(|line| line.starts_with("ok ")), "{tried}: {text}");
    }

    let (code, text) = doctor_after("true", &["--json"]);
    let diagnosis = json(&text);
    assert_eq!(diagnosis["exit_code"], code);
    assert_eq!(diagnosis["checks"].as_array().expect("a list").len(), checks.len());
    assert_eq!(check(&diagnosis, "planted leak").0, "ok");
    assert!(check(&diagnosis, "planted leak").1.starts_with("LEAK"), "{diagnosis}");
    assert!(diagnosis["machine"]["kernel"].is_string());
}

/// A pool fails at the number of slots that the doctor computes.
#[test]
fn the_number_of_slots_that_fit() {
    let diagnosis = json(&doctor_after("true", &["--json"]).1);
    let fit = diagnosis["slots"]["fit"].as_u64().expect("a number");
    let asked = (fit + 1000).to_string();
    let run = leakbench(&["--slots", &asked, "--cycles", "1"]).output().expect("it starts");
    let error = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(2), "{error}");
    let words: Vec<&str> = error.split_whitespace().collect();
    let would =
        words.iter().position(|word| *word == "would").expect("it has the number that would fit");
    let real: u64 = words[would - 2].parse().expect("a number");
    assert!(fit.abs_diff(real) < 32, "{fit} and {error}");
}

#[test]
fn few_descriptors_are_limited() {
    let (code, text) = doctor_after("ulimit -n 30", &["--json"]);
    let diagnosis = json(&text);
    assert_eq!((code, diagnosis["verdict"].as_str()), (0, Some("but")), "{text}");
    let (state, found) = check(&diagnosis, "open files");
    assert_eq!(state, "limited");
    assert!(found.contains("RLIMIT_NOFILE is 30"), "{found}");
    assert!(diagnosis["headline"].as_str().expect("words").contains("RLIMIT_NOFILE is 30"));
    // Other checks do not change.
    assert_eq!(check(&diagnosis, "clean control").0, "ok");

    // Too few for any witness.
    let (code, text) = doctor_after("ulimit -n 5", &["--json"]);
    assert_eq!((code, json(&text)["verdict"].as_str()), (4, Some("nothing")), "{text}");
}

#[test]
fn little_address_space_limits_the_slots() {
    let gib = 1 << 20;
    let (code, text) = doctor_after(&format!("ulimit -v {}", 20 * gib), &["--json"]);
    let diagnosis = json(&text);
    assert_eq!((code, diagnosis["verdict"].as_str()), (0, Some("but")), "{text}");
    let fit = diagnosis["slots"]["fit"].as_u64().expect("a number");
    assert!((2..=4).contains(&fit), "{fit}");
    assert_eq!(check(&diagnosis, "slots").0, "limited");
    let (state, found) = check(&diagnosis, "address space");
    assert_eq!(state, "limited");
    assert!(found.contains("RLIMIT_AS is 20.0 GiB"), "{found}");

    // Less than one slot: no run is possible.
    let (code, text) = doctor_after(&format!("ulimit -v {}", 3 * gib), &[]);
    assert_eq!(code, 4, "{text}");
    let verdict = text.lines().last().expect("a line");
    assert!(verdict.starts_with("verdict: this machine cannot measure: slots, 0 fit"), "{text}");
}

/// Runs the doctor as root of a new user namespace, after `before`; `None` if there are no such
/// namespaces.
fn doctor_in_namespace(flags: &[&str], before: &str) -> Option<(i32, Value)> {
    let unshared = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user"]).args(flags).args(["sh", "-c", script]);
        command
    };
    match unshared(before).output() {
        Ok(tried) if tried.status.success() => {}
        Ok(tried) => {
            let why = String::from_utf8_lossy(&tried.stderr);
            eprintln!("not tested: no such namespace: {why}");
            return None;
        }
        Err(error) => {
            eprintln!("not tested: no unshare(1): {error}");
            return None;
        }
    }
    let script = format!("{before} && exec \"$0\" doctor --json");
    let output = unshared(&script).arg(env!("CARGO_BIN_EXE_leakbench")).output();
    let (code, text) = code_and_text(&output.expect("unshare was found"));
    Some((code, json(&text)))
}

#[test]
fn without_inotify_nothing_can_be_measured() {
    let Some((code, _)) = doctor_in_namespace(&[], "true") else { return };
    assert_eq!(code, 0, "the control: the namespace alone changes nothing");
    let before = "echo 0 > /proc/sys/user/max_inotify_instances";
    let Some((code, diagnosis)) = doctor_in_namespace(&[], before) else { return };
    assert_eq!((code, diagnosis["verdict"].as_str()), (4, Some("nothing")));
    let (state, found) = check(&diagnosis, "death watch");
    assert_eq!(state, "missing");
    assert!(found.contains("user.max_inotify_instances is 0"), "{found}");
    assert_eq!(check(&diagnosis, "inotify instances").0, "missing");
    assert_eq!(check(&diagnosis, "clean control").0, "missing");
    // The other witness works.
    assert_eq!(check(&diagnosis, "/proc").0, "ok");
    let checks = diagnosis["checks"].as_array().expect("a list");
    let watch =
        checks.iter().find(|check| check["name"] == "death watch").expect("the check exists");
    assert_eq!(watch["change"], "sysctl -w user.max_inotify_instances=1024");
}

/// From 6.6 on Linux refuses executable memfds only, before also those without a flag. The check
/// depends on the trial, not on the setting.
#[test]
fn a_setting_that_refuses_memfds_is_tried() {
    let flags = ["--pid", "--fork", "--mount-proc"];
    let before = "echo 2 > /proc/sys/vm/memfd_noexec";
    let Some((code, diagnosis)) = doctor_in_namespace(&flags, before) else { return };
    let (state, found) = check(&diagnosis, "memfd");
    assert!(found.contains("vm.memfd_noexec is 2"), "{found}");
    let refused = found.contains("was refused");
    assert_eq!((code, state), if refused { (4, "missing") } else { (0, "ok") });
}

#[test]
fn drivers_are_found_and_asked_for_their_offer() {
    let folder = tempfile::tempdir().expect("a folder");
    let driver = folder.path().join("leakbench-odd");
    write_script(&driver, "#!/bin/sh\nprintf '\\033[2Kverdict: fine'\n");
    // Not executable, so no driver.
    std::fs::write(folder.path().join("leakbench-notes"), "").expect("written");
    let folder = folder.path().to_str().expect("a plain path");
    let (code, text) = doctor_after("true", &["--driver-dir", folder]);
    assert_eq!(code, 0, "a driver is not needed");
    let odd =
        text.lines().find(|line| line.contains("leakbench-odd")).expect("a line of the driver");
    assert!(odd.starts_with("missing  driver"), "{odd}");
    assert!(!text.contains('\x1b') && !text.contains("leakbench-notes"), "{text}");

    let examples = std::path::Path::new(env!("CARGO_BIN_EXE_leakbench")).with_file_name("examples");
    let examples = examples.to_str().expect("a plain path");
    let (_, text) = doctor_after("true", &["--driver-dir", examples]);
    let example = text.lines().find(|line| line.contains("--subject example is example 1.0.0"));
    let example = example.unwrap_or_else(|| panic!("build it with the tests (cargo test): {text}"));
    assert!(example.starts_with("ok") && example.contains("--on-drop, --slots"), "{example}");
}
