//! Calls that fail on purpose: in runs, in observations, and each in turn.

mod common;

use std::process::{Command, Output};

use common::{Run, leakbench};
use serde_json::Value;

fn flags<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut flags =
        vec!["--processes", "1", "--cycles", "300", "--slots", "20", "--settle-ms", "20"];
    flags.extend(more);
    flags
}

/// Messages of the rule about faults.
fn faults(run: &Run) -> Vec<(String, String)> {
    let findings = run.result["findings"].as_array().expect("findings").iter();
    let of_rule = findings.filter(|finding| finding["policy"] == "faults");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    of_rule.map(|finding| (text(&finding["level"]), text(&finding["message"]))).collect()
}

#[test]
fn a_run_survives_calls_that_fail_and_gives_everything_back() {
    for (fault, injected) in [
        ("mmap=ENOMEM@every:97", "of mmap in subject 0 failed on purpose with ENOMEM"),
        ("memfd_create=EMFILE@every:7", "42 of 300 calls of memfd_create"),
        ("pwrite=ENOSPC@5+", "296 of 300 calls of pwrite"),
        ("add_seals=EBUSY@9", "1 of 300 calls of add_seals"),
        ("madvise=ENOMEM@every:5", "calls of madvise"),
    ] {
        let run = Run::undisturbed(|| Run::of(&flags(&["--inject", fault])));
        assert_eq!((run.code, run.verdict()), (0, "clean"), "{fault}: {:#}", run.result);
        let notes = faults(&run);
        assert!(notes.iter().all(|(level, _)| level == "note"), "{fault}: {notes:?}");
        let has = |words: &str| notes.iter().any(|(_, message)| message.contains(words));
        let words = injected.replace(" in subject 0", " by subject 0");
        assert!(has(&words), "{fault}: {notes:?}");
    }
}

/// The positive control: a call that never came to the kernel leaves its object behind.
#[test]
fn a_close_that_is_suppressed_is_a_leak_by_descriptors() {
    let run = Run::of(&flags(&["--inject", "close=EIO@every:50"]));
    assert_eq!((run.code, run.verdict()), (1, "leak"), "{:#}", run.result);
    assert_eq!(run.images("lingering"), 6);
    assert!(run.holders().iter().all(|(kind, _)| kind == "fd"), "{:?}", run.holders());
}

#[test]
fn an_image_that_cannot_be_watched_is_never_called_released() {
    let run = Run::of(&flags(&["--inject", "inotify_add_watch=ENOSPC@every:100"]));
    assert_eq!((run.code, run.verdict()), (4, "inconclusive"), "{:#}", run.result);
    assert_eq!(run.images("unknown"), 3);
}

#[test]
fn a_fault_that_meets_no_call_proves_nothing() {
    let run = Run::of(&flags(&["--inject", "mmap=ENOMEM@1000000"]));
    assert_eq!((run.code, run.verdict()), (4, "inconclusive"), "{:#}", run.result);
    let (level, message) = &faults(&run)[0];
    assert_eq!(level, "error");
    assert!(message.contains("mmap=ENOMEM@1000000 met no call"), "{message}");
    // Calls that are only counted are no fault.
    let run = Run::undisturbed(|| Run::of(&flags(&["--inject", "mmap=ENOMEM@never"])));
    assert_eq!((run.code, run.verdict()), (0, "clean"), "{:#}", run.result);
}

/// A driver that keeps what a failed step had taken.
#[test]
fn a_runtime_that_does_not_recover_is_found() {
    let run_of = |variable: &str| {
        let drivers =
            std::path::Path::new(env!("CARGO_BIN_EXE_leakbench")).with_file_name("examples");
        assert!(
            drivers.join("leakbench-planted").is_file(),
            "build it with the tests (cargo test)"
        );
        let mut run =
            leakbench(&["--processes", "1", "--cycles", "50", "--settle-ms", "20", "--json"]);
        run.args(["--inject", "memfd_create=EMFILE@20", "--subject", "planted", "--driver-dir"]);
        run.arg(drivers).env(variable, "plain");
        Run::from(run.output().expect("the binary starts"))
    };
    let healthy = Run::undisturbed(|| run_of("PLANTED_NOTHING"));
    assert_eq!((healthy.code, healthy.verdict()), (0, "clean"), "{:#}", healthy.result);
    let steps = &healthy.result["subjects"][0]["failed_steps"];
    assert_eq!((&steps["under_faults"], &steps["later"]), (&1.into(), &0.into()));
    let run = run_of("PLANTED_POISON");
    assert_eq!((run.code, run.verdict()), (3, "subject-died"), "{:#}", run.result);
    let steps = &run.result["subjects"][0]["failed_steps"];
    assert_eq!((&steps["under_faults"], &steps["later"]), (&1.into(), &30.into()));
    let headline = run.result["headline"].as_str().expect("a sentence");
    assert!(headline.contains("did not recover"), "{headline}");
}

/// A matrix of a command of the shell.
fn matrix(flags: &[&str], script: &str) -> (Output, Value) {
    let mut run = Command::new(env!("CARGO_BIN_EXE_leakbench"));
    run.arg("faults").args(flags).args(["--json", "--", "sh", "-c", script]);
    let output = run.env("LC_ALL", "C").output().expect("the binary starts");
    let result = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    (output, result)
}

fn outcomes(result: &Value) -> Vec<(&str, &str)> {
    let cells = result["cells"].as_array().expect("cells").iter();
    let mut outcomes: Vec<(&str, &str)> = cells
        .map(|cell| {
            (
                cell["fault"].as_str().expect("a fault"),
                cell["outcome"].as_str().expect("an outcome"),
            )
        })
        .collect();
    outcomes.sort_unstable();
    outcomes
}

#[test]
fn each_call_fails_in_turn_and_has_its_own_outcome() {
    // The shell opens a file, and writes its own message with the error if it cannot.
    let (output, result) = matrix(&["--call", "openat"], "exec 7</dev/null || exit 5");
    assert_eq!(output.status.code(), Some(0), "{result:#}");
    let named = outcomes(&result);
    assert_eq!(named.len(), 9, "four errors once and from then on, EINTR only once: {named:?}");
    // A message of another kind.
    let silent = "exec 2>/dev/null; exec 7</dev/null || exit 5";
    let (_, result) = matrix(&["--cell", "openat=EMFILE@2"], silent);
    assert_eq!(outcomes(&result), [("openat=EMFILE@2", "unnamed")], "{result:#}");

    // A process that is left, and only under the fault.
    let left = "true </dev/null || { setsid sleep 600 >/dev/null 2>&1 & } ; :";
    let (output, result) = matrix(&["--cell", "openat=EMFILE@1"], left);
    assert_eq!(outcomes(&result), [("openat=EMFILE@1", "leaked")], "{result:#}");
    assert_eq!(output.status.code(), Some(1));
    assert!(result["cells"][0]["what"].as_str().expect("words").contains("left 1 process behind"));

    // A descriptor that is left.
    let left = "true </dev/null || exec 9<.; :";
    let (output, result) = matrix(&["--cell", "openat=EMFILE@1"], left);
    assert_eq!(outcomes(&result), [("openat=EMFILE@1", "leaked")], "{result:#}");
    assert_eq!(output.status.code(), Some(1));

    let dies = "true </dev/null || kill -SEGV $$; :";
    let (_, result) = matrix(&["--cell", "openat=EMFILE@1"], dies);
    assert_eq!(outcomes(&result), [("openat=EMFILE@1", "died")], "{result:#}");

    let hangs = "true </dev/null || exec sleep 600; :";
    let (_, result) = matrix(&["--cell", "openat=EMFILE@1", "--timeout", "1s"], hangs);
    assert_eq!(outcomes(&result), [("openat=EMFILE@1", "hung")], "{result:#}");

    let (output, result) = matrix(&["--cell", "openat=EMFILE@100"], ": </dev/null");
    assert_eq!(outcomes(&result), [("openat=EMFILE@100", "unmet")], "{result:#}");
    assert_eq!(output.status.code(), Some(4), "nothing was tried");
}

#[test]
fn calls_of_a_subject_fail_in_turn() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut run = Command::new(env!("CARGO_BIN_EXE_leakbench"));
    run.args(["faults", "--subject", "builtin", "--call", "memfd_create", "--cells-max", "6"]);
    run.arg("--out").arg(folder.path()).arg("--");
    run.args(["--processes", "1", "--cycles", "30", "--slots", "8", "--settle-ms", "20"]);
    let output = run.output().expect("the binary starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let last = stdout.lines().last().expect("a verdict");
    assert_eq!(last, "faults: passed — 6 cells of 180 tried: 6 named");
    let result = std::fs::read(folder.path().join("faults.json")).expect("the result");
    let result: Value = serde_json::from_slice(&result).expect("JSON");
    assert_eq!(result["calls"][0]["calls"], 30);
    let page = std::fs::read_to_string(folder.path().join("faults.html")).expect("the page");
    assert_eq!(
        page.matches("<td class=\"strip\">").count(),
        6,
        "a row for each error, once and from then on"
    );
}

#[test]
fn a_command_that_cannot_be_compared_is_refused() {
    let refused = |script: &[&str]| {
        let mut run = Command::new(env!("CARGO_BIN_EXE_leakbench"));
        let output = run.args(["faults", "--"]).args(script).output().expect("the binary starts");
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(refused(&["sh", "-c", "kill -SEGV $$"]).contains("ended by signal 11"));
    assert!(refused(&["/no/such/program"]).contains("/no/such/program: No such file"));
    // Its code is the number of its runs.
    let folder = tempfile::tempdir().expect("a folder");
    let runs = folder.path().join("runs").display().to_string();
    let script = "echo >> \"$0\"; exit $(wc -l < \"$0\")";
    let varies = refused(&["sh", "-c", script, &runs]);
    assert!(varies.contains("exit codes differ (1 and 2)"), "{varies}");
}

#[test]
fn an_observed_command_has_faults() {
    let run = |fault: &str| {
        let args = ["exec", "--json", "--inject", fault, "--", "sh", "-c", "sleep 1 </dev/null"];
        Run::of(&args)
    };
    let refused = run("openat=EMFILE@1");
    assert!(
        faults(&refused)[0].1.contains("1 of 1 call of openat by the command failed"),
        "{refused:?}"
    );
    let unmet = run("openat=EMFILE@50");
    assert!(faults(&unmet)[0].1.contains("met no call"), "{unmet:?}");
    assert!(refused.result["command"].as_str().expect("a command").contains("--inject"));
}
