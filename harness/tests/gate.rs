//! `leakbench gate` on recordings of real runs, and on cut or edited ones.

mod common;

use common::session::{Finished, Session};
use common::{finish, signal, subjects_of, wait_for_cycles};
use rustix::process::Signal;
use serde_json::Value;

/// Every slot is used in 1,000 cycles, so that 50 images linger with `--on-drop keep`.
const RUN: &[&str] = &["--slots", "50", "--cycles", "1000", "--processes", "1"];

impl Session {
    /// Keeps a run of [`RUN`] in `folder`. With `--on-drop keep` it leaks.
    fn keep(&self, folder: &str, on_drop: &str) {
        let output = self.run(&[RUN, &["--on-drop", on_drop, "--out", folder]].concat());
        assert_eq!(output.code, i32::from(on_drop == "keep"), "{output:?}");
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("it is there")
    }

    /// Writes the recording of `from` to `to`, with its lines changed.
    fn edit(&self, from: &str, to: &str, change: impl FnOnce(&mut Vec<Value>)) {
        let recording = self.read(&format!("{from}/recording.jsonl"));
        let line = |line| serde_json::from_str(line).expect("it is JSON");
        let mut lines: Vec<Value> = recording.lines().map(line).collect();
        change(&mut lines);
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::create_dir_all(self.path(to)).expect("a folder");
        self.write(&format!("{to}/recording.jsonl"), &text);
    }
}

/// The exit code, with the last line of standard output.
fn outcome(output: &Finished) -> (i32, &str) {
    (output.code, output.stdout.lines().last().unwrap_or_default())
}

#[track_caller]
fn assert_outcome(output: &Finished, code: i32, starts: &str) {
    let (found, last) = outcome(output);
    assert_eq!(found, code, "{output:?}");
    assert!(last.starts_with(starts), "{output:?}");
}

#[test]
fn a_planted_leak_fails_and_its_cure_passes() {
    let session = Session::new();
    session.keep("leak", "keep");
    session.keep("cure", "purge");
    let output = session.run(&["gate", "leak"]);
    assert_outcome(&output, 1, "gate: FAIL — lingering-at-end: 50 images lingering at the end");
    assert!(output.stdout.contains("default budgets"), "{output:?}");
    assert_outcome(&session.run(&["gate", "cure"]), 0, "gate: PASS — ");
    // A run that passes does not make up for one that fails.
    assert_outcome(&session.run(&["gate", "cure", "leak"]), 1, "gate: FAIL — ");

    // The gate reads leakbench.toml of its working folder, and needs no new run.
    let lingering = |max| {
        format!("[policy.lingering-at-end]\nmax = {max}\n[policy.lingering-peak]\nmax = {max}\n")
    };
    let budget =
        |max| format!("version = 1\n{}[policy.unaccounted]\nlevel = \"off\"\n", lingering(max));
    session.write("leakbench.toml", &budget(50));
    let output = session.run(&["gate", "leak"]);
    assert_outcome(&output, 0, "gate: PASS — ");
    assert!(output.stdout.contains("leakbench.toml"), "{output:?}");
    session.write("strict.toml", &budget(49));
    let output = session.run(&["gate", "leak", "--budget", "strict.toml"]);
    assert_outcome(&output, 1, "gate: FAIL — lingering-at-end: 50 images");
    assert!(output.stdout.contains("budget 49"), "{output:?}");
}

#[test]
fn bad_input_is_refused_in_one_line() {
    let session = Session::new();
    session.keep("cure", "purge");
    std::fs::create_dir(session.path("empty")).expect("a folder");
    session.write("key.toml", "version = 1\n\n[policy.lingering-at-end]\nmaximum = 3\n");
    session.write("policy.toml", "version = 1\n[policy.lingering-at-ned]\nmax = 3\n");
    session.write("type.toml", "version = 1\n[policy.peak-mappings]\nmax = \"many\"\n");
    let throughput = "[policy.throughput]\nlevel = \"error\"\nmin-ratio = 0.9\n";
    session.write("off.toml", "version = 1\n[policy.throughput]\nlevel = \"off\"\n");
    session.write("base.toml", "version = 1\n");
    session.write("unanswered.toml", &format!("version = 1\n{throughput}"));
    for (args, words) in [
        (&["gate"][..], &["gate DIR"][..]),
        (&["gate", "nowhere"], &["nowhere"]),
        (&["gate", "empty"], &["empty"]),
        (&["gate", "cure", "--budget", "none.toml"], &["none.toml"]),
        (&["gate", "cure", "--baseline", "none.toml"], &["none.toml"]),
        (&["gate", "cure", "--against", "empty"], &["empty"]),
        (&["gate", "cure", "--budget", "key.toml"], &["key.toml:4", "`maximum`", "max"]),
        (&["gate", "cure", "--budget", "policy.toml"], &["policy.toml:2", "lingering-at-end"]),
        (&["gate", "cure", "--budget", "type.toml"], &["type.toml:3", "max", "many"]),
        (&["gate", "cure", "--budget", "unanswered.toml"], &["unanswered.toml:", "throughput"]),
        (&["gate", "cure", "--budget", "off.toml", "--against", "cure"], &["off.toml:2", "off"]),
        (&["gate", "cure", "--baseline", "base.toml"], &["over-baseline", "default budgets"]),
        (&["gate", "cure", "--report", "html"], &["html", "junit"]),
        (&["gate", "init"], &["DIR"]),
        (&["gate", "baseline", "empty"], &["empty"]),
    ] {
        let output = session.run(args);
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{args:?}: {output:?}");
        assert_eq!(output.stderr.lines().count(), 1, "{args:?}: {output:?}");
        for word in words {
            assert!(output.stderr.contains(word), "{args:?}: {word:?} is not in {}", output.stderr);
        }
    }
    // The control: a correct budget.
    session.write("good.toml", "version = 1\n\n[policy.lingering-at-end]\nmax = 3\n");
    assert_eq!(session.run(&["gate", "cure", "--budget", "good.toml"]).code, 0);
}

#[test]
fn failing_once_and_passing_later_is_flaky_and_no_pass() {
    let session = Session::new();
    session.keep("first", "keep");
    session.keep("cure", "purge");
    // As if the same command had been run again, and had not leaked.
    let first = session.read("first/recording.jsonl");
    let first: Value = serde_json::from_str(first.lines().next().unwrap_or("")).expect("JSON");
    session.edit("cure", "retry", |lines| {
        lines[0]["command"] = first["command"].clone();
        lines[0]["scenario"] = first["scenario"].clone();
    });
    assert_outcome(&session.run(&["gate", "retry"]), 0, "gate: PASS — ");
    let output = session.run(&["gate", "first", "retry"]);
    assert_outcome(&output, 1, "gate: FLAKY — ");
    let flaky = "failed at attempt 1, passed at attempt 2";
    assert!(
        output.stdout.split_whitespace().collect::<Vec<_>>().join(" ").contains(flaky),
        "{output:?}"
    );
    session.write("leakbench.toml", "version = 1\n[gate]\nflaky = \"warn\"\n");
    assert_outcome(&session.run(&["gate", "first", "retry"]), 0, "gate: PASS — ");
    // A run that fails twice is not flaky.
    assert_outcome(&session.run(&["gate", "first", "first"]), 1, "gate: FAIL — ");
}

/// Flags of the output do not change the run.
#[test]
fn comparisons_of_the_same_runs_are_attempts() {
    let session = Session::new();
    let sweep = ["sweep", "--cycles", "100", "--threads", "1,2", "--processes", "1"];
    for flags in [&["--out", "first"][..], &["--json", "--out=retry", "--report", "csv"]] {
        let output = session.run(&[&sweep, flags].concat());
        assert_eq!(output.code, 0, "{output:?}");
    }
    let output = session.run(&["gate", "first", "retry", "--json"]);
    let json: Value = serde_json::from_str(&output.stdout).expect("it is JSON");
    let policies = json["policies"].as_array().expect("a list");
    for policy in policies {
        let run = policy["run"].as_str().expect("text");
        assert!(run.starts_with("first: ") && run.ends_with("(2 attempts)"), "{run}");
    }
    // Other cycles are another run.
    let other = ["sweep", "--cycles", "101", "--threads", "1,2", "--processes", "1"];
    assert_eq!(session.run(&[&other[..], &["--out", "other"]].concat()).code, 0);
    let output = session.run(&["gate", "first", "other", "--json"]);
    assert!(!output.stdout.contains("attempts)"), "{output:?}");
}

#[test]
fn an_incomplete_run_never_passes() {
    let session = Session::new();
    session.keep("whole", "purge");
    session.edit("whole", "cut", |lines| {
        lines.pop();
    });
    session.write("off.toml", "version = 1\n[policy.lingering-at-end]\nlevel = \"off\"\n");
    for args in [&["gate", "cut"][..], &["gate", "cut", "--budget", "off.toml"]] {
        assert_outcome(&session.run(args), 4, "gate: INCONCLUSIVE — ");
    }
    assert_outcome(&session.run(&["gate", "whole", "--budget", "off.toml"]), 0, "gate: PASS — ");

    let endless = ["--cycles", "1000000000", "--processes", "1", "--out"];
    // The rest of an interrupted run is unknown.
    for (folder, code, judged) in [("killed", 3, 3), ("interrupted", 130, 4)] {
        let run = session.start(&[&endless[..], &[folder]].concat());
        let subject = subjects_of(&run, 1)[0];
        wait_for_cycles(&session.path(folder), 1);
        match folder {
            "killed" => signal(subject, Signal::KILL),
            _ => signal(run.id() as i32, Signal::INT),
        }
        let output = Finished::of(finish(run));
        assert_eq!(output.code, code, "{output:?}");
        let output = session.run(&["gate", folder]);
        assert_eq!(output.code, judged, "{output:?}");
        assert!(!output.stdout.contains("gate: PASS"), "{output:?}");
    }
}

#[test]
fn the_outcome_is_written_in_every_format_and_explained() {
    let session = Session::new();
    session.keep("leak", "keep");
    let output = session.run(&["gate", "leak", "--json", "--report", "all", "--out", "outcome"]);
    assert_eq!((output.code, output.stderr.as_str()), (1, ""), "{output:?}");
    let files = session.files("outcome");
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["annotations.txt", "gate.json", "junit.xml", "metrics.txt", "summary.md"]);
    assert_eq!(output.stdout.as_bytes(), files["gate.json"]);
    let json: Value = serde_json::from_str(&output.stdout).expect("it is JSON");
    assert_eq!(json["verdict"], "fail");
    let policies = json["policies"].as_array().expect("a list");
    let lingering = policies.iter().find(|policy| policy["policy"] == "lingering-at-end");
    assert_eq!(lingering.expect("it was judged")["status"], "failed");
    let junit = String::from_utf8_lossy(&files["junit.xml"]);
    assert!(junit.contains("lingering-at-end") && junit.contains("<failure"), "{junit}");
    let metrics = String::from_utf8_lossy(&files["metrics.txt"]);
    let fails = "leakbench_gate_verdict{leakbench_gate_verdict=\"fail\"} 1\n";
    assert!(metrics.contains(fails), "{metrics}");
    // By default into the folder of the recording, whose result stays as it is.
    let before = session.read("leak/result.json");
    assert_eq!(session.run(&["gate", "leak", "--report", "json"]).code, 1);
    assert_eq!(session.read("leak/gate.json").as_bytes(), files["gate.json"]);
    assert_eq!(session.read("leak/result.json"), before);

    let output = session.run(&["gate", "explain", "leak"]);
    assert_outcome(&output, 1, "gate: FAIL — ");
    let lines = session.read("leak/recording.jsonl").lines().count();
    let line = output.stdout.lines().find_map(|line| line.split("leak/recording.jsonl:").nth(1));
    let line: usize = line.and_then(|line| line.split(' ').next()?.parse().ok()).expect("a line");
    assert!((1..=lines).contains(&line), "{line} of {lines}");
}

#[test]
fn the_summary_is_of_the_decisive_recording() {
    let session = Session::new();
    session.keep("cure", "purge");
    session.keep("leak", "keep");
    session.edit("cure", "cut", |lines| {
        lines.pop();
    });
    session.edit("cure", "other", |lines| lines[0]["command"] = "leakbench other".into());
    session.write("other.jsonl", &session.read("other/recording.jsonl"));
    for (folders, code, decided) in [
        (&["cure", "leak"][..], 1, "leak"),
        (&["leak", "cure"], 1, "leak"),
        (&["cure", "leak/recording.jsonl"], 1, "leak"),
        (&["other.jsonl", "leak"], 1, "leak"),
        // A failure outweighs an inconclusive recording.
        (&["cut", "leak"], 1, "leak"),
        (&["cut", "other"], 4, "cut"),
        (&["cure", "other"], 0, "other"),
    ] {
        let output = session
            .run(&[&["gate"][..], folders, &["--report", "markdown", "--out", "x"]].concat());
        assert_eq!(output.code, code, "{output:?}");
        let summary = session.read("x/summary.md");
        let named = format!("`{decided}` is 1 of 2 recordings that the gate judged");
        assert!(summary.contains(&named), "{folders:?}:\n{summary}");
        if decided == "leak" {
            assert!(summary.contains("\n#### ✗ "), "{folders:?}:\n{summary}");
        }
    }
    // With one recording, the summary does not name it.
    assert_eq!(session.run(&["gate", "leak", "--report", "markdown"]).code, 1);
    assert!(!session.read("leak/summary.md").contains("recordings that the gate judged"));
}

/// An error must not leave the files of an earlier gate that passed.
#[test]
fn an_error_removes_an_earlier_outcome() {
    let session = Session::new();
    session.keep("out", "purge");
    let gate = ["gate", "out", "--report", "junit,json"];
    let outcome = || ["junit.xml", "gate.json"].map(|name| session.path("out").join(name).exists());
    assert_eq!(session.run(&gate).code, 0);
    assert_eq!(outcome(), [true, true]);
    let result = session.read("out/result.json");
    let output = session.run(&[&gate[..], &["--budget", "nowhere.toml"]].concat());
    assert_eq!((output.code, outcome()), (2, [false, false]), "{output:?}");
    assert_eq!(session.read("out/result.json"), result);
    // A recording that is named by its file has the same folder.
    assert_eq!(session.run(&gate).code, 0);
    let by_file = ["gate", "out/recording.jsonl", "--report", "junit", "--budget", "nowhere.toml"];
    let output = session.run(&by_file);
    assert_eq!((output.code, outcome()), (2, [false, true]), "{output:?}");
}

/// A budget that cannot be read must not be replaced by the default one.
#[test]
fn a_budget_that_is_a_link_is_neither_ignored_nor_overwritten() {
    let session = Session::new();
    session.keep("cure", "purge");
    let link = |to: &str| {
        let path = session.path("leakbench.toml");
        let _ = std::fs::remove_file(&path);
        std::os::unix::fs::symlink(to, path).expect("a link");
    };
    link("nowhere.toml");
    let output = session.run(&["gate", "cure"]);
    assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
    assert!(output.stderr.contains("leakbench.toml"), "{output:?}");

    session.write("shared.toml", "version = 1\n# mine\n");
    link("shared.toml");
    let output = session.run(&["gate", "init", "cure"]);
    assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
    assert_eq!(session.read("shared.toml"), "version = 1\n# mine\n");
    let output = session.run(&["gate", "cure"]);
    assert_outcome(&output, 0, "gate: PASS — ");
    assert!(output.stdout.contains("leakbench.toml"), "{output:?}");
}

#[test]
fn a_budget_made_from_a_run_passes_on_it_and_is_not_overwritten() {
    let session = Session::new();
    session.keep("cure", "purge");
    let output = session.run(&["gate", "init", "cure"]);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains("wrote      leakbench.toml, "), "{output:?}");
    assert!(output.stdout.contains("next       leakbench gate cure judges by it"), "{output:?}");
    let made = session.read("leakbench.toml");
    assert!(made.contains("version = 1") && made.contains("\n# "), "{made}");
    let output = session.run(&["gate", "cure"]);
    assert_outcome(&output, 0, "gate: PASS — ");
    assert!(output.stdout.contains("leakbench.toml"), "{output:?}");

    session.write("leakbench.toml", "# mine\n");
    let output = session.run(&["gate", "init", "cure"]);
    assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
    assert!(
        output.stderr.contains("leakbench.toml") && output.stderr.contains("--force"),
        "{output:?}"
    );
    assert_eq!(session.read("leakbench.toml"), "# mine\n");
    assert_eq!(session.run(&["gate", "init", "cure", "--force"]).code, 0);
    assert_eq!(session.read("leakbench.toml"), made);
}

#[test]
fn a_baseline_is_made_by_a_command_and_compared_with_later_runs() {
    let session = Session::new();
    session.keep("cure", "purge");
    for _ in 0..2 {
        let output = session.run(&["gate", "baseline", "cure"]);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (0, "leakbench-baseline.toml\n"),
            "{output:?}"
        );
    }
    let made = session.read("leakbench-baseline.toml");
    let budget = |ratio| {
        format!("version = 1\n[policy.peak-mappings]\nlevel = \"error\"\nover-baseline = {ratio}\n")
    };
    session.write("leakbench.toml", &budget("1.5"));
    let against = ["gate", "cure", "--baseline", "leakbench-baseline.toml"];
    assert_outcome(&session.run(&against), 0, "gate: PASS — ");
    // A policy that cannot be evaluated is no pass.
    assert_eq!(session.run(&["gate", "cure"]).code, 2);
    // Peaks are rounded to two digits: every run exceeds a tenth of its own.
    session.write("leakbench.toml", &budget("0.1"));
    assert_outcome(&session.run(&against), 1, "gate: FAIL — peak-mappings");

    // An incomplete run is no baseline.
    session.edit("cure", "cut", |lines| lines.truncate(3));
    let output = session.run(&["gate", "baseline", "cut"]);
    assert_eq!(output.code, 2, "{output:?}");
    assert_eq!(session.read("leakbench-baseline.toml"), made);
}
