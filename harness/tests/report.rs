//! Reports: `--report` of the commands that measure, and `leakbench report`.

mod common;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use common::session::{Finished, Session};
use common::{finish, leakbench, signal, subjects_of, wait_for_cycles};
use rustix::process::Signal;

fn is_page(content: &[u8]) -> bool {
    content.starts_with(b"<!DOCTYPE html>") && content.trim_ascii_end().ends_with(b"</html>")
}

fn is_png(content: &[u8]) -> bool {
    content.starts_with(b"\x89PNG\r\n\x1a\n")
}

const LEAK: &[&str] = &["--on-drop", "keep", "--slots", "50", "--cycles", "200"];

#[test]
fn the_same_recording_gives_the_same_bytes() {
    let session = Session::new();
    let kept = ["--out", "out", "--report", "all"];
    let output = session.run(&[LEAK, &kept].concat());
    assert_eq!(output.code, 1, "{output:?}");
    assert_eq!(output.stderr, "", "every format can be drawn");
    let output = session.run(&["report", "out", "--report", "all", "--out", "again"]);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    let (mut by_run, again) = (session.files("out"), session.files("again"));
    // It prints the path of each file.
    let mut printed: Vec<&str> = output.stdout.lines().collect();
    printed.sort_unstable();
    let mut written: Vec<String> = again.keys().map(|name| format!("again/{name}")).collect();
    written.sort_unstable();
    assert_eq!(printed, written);
    assert!(by_run.remove("recording.jsonl").is_some());
    assert_eq!(by_run.keys().collect::<Vec<_>>(), again.keys().collect::<Vec<_>>());
    for (name, content) in &again {
        assert!(content == &by_run[name], "{name} differs from the file of the run");
    }
    assert!(is_page(&again["report.html"]) && is_png(&again["report.png"]));
    for name in ["charts/lingering.svg", "junit.xml", "summary.md", "series.csv", "result.json"] {
        assert!(again.contains_key(name), "no {name} in {:?}", again.keys());
    }
}

#[test]
fn a_run_without_out_creates_a_folder_and_prints_the_path() {
    let session = Session::new();
    let output = session.run(&["--cycles", "200", "--report", "csv,html"]);
    assert_eq!(output.code, 0, "{output:?}");
    let mut last = output.stdout.lines().rev();
    assert!(
        last.next().is_some_and(|line| line.starts_with("verdict: clean")),
        "{}",
        output.stdout
    );
    let path = last.next().and_then(|line| line.strip_prefix("report     ")).expect("a report");
    assert!(path.starts_with("leakbench-out/run-") && path.ends_with("/report.html"), "{path}");
    let page = session.path(path);
    assert!(is_page(&std::fs::read(&page).expect("it is there")));
    for beside in ["series.csv", "recording.jsonl", "result.json"] {
        assert!(page.with_file_name(beside).is_file(), "no {beside}");
    }
    // The control: without --report there is no folder.
    let other = Session::new();
    assert_eq!(other.run(&["--cycles", "50"]).code, 0);
    assert!(!other.path("leakbench-out").exists());
}

/// A script that ends in a line break, and an argument that is not UTF-8: pasted from the summary, the
/// command does the same.
#[test]
fn a_reproduce_command_can_be_pasted() {
    let session = Session::new();
    let script = "\nprintf '%s' \"$1\" > said # it's $HOME, `id` and !x\n";
    let argument = OsStr::from_bytes(b"a\n\xff \\ 'b' \"%s\"\n");
    let mut exec = leakbench(&["exec", "--interval", "50ms", "--out", "out", "--"]);
    exec.current_dir(session.path(".")).args(["sh", "-c", script, "sh"]).arg(argument);
    let output = Finished::of(exec.output().expect("it starts"));
    let said = || std::fs::read(session.path("said")).ok();
    assert_eq!(said().as_deref(), Some(argument.as_bytes()), "{output:?}");
    std::fs::remove_file(session.path("said")).expect("it is there");

    let mut lines = output.stderr.lines();
    let shown = lines.find_map(|line| line.strip_prefix("reproduce  ")).expect("a command");
    let pasted = format!("leakbench() {{ \"$LEAKBENCH\" \"$@\"; }}\n{shown}\n");
    let mut shell = Command::new("sh");
    shell.args(["-c", &pasted]).current_dir(session.path("."));
    shell.env("LEAKBENCH", env!("CARGO_BIN_EXE_leakbench"));
    let output = shell.output().expect("a shell is there");
    assert_eq!(said().as_deref(), Some(argument.as_bytes()), "{shown}: {output:?}");
}

#[test]
fn an_observation_and_a_comparison_are_drawn() {
    let session = Session::new();
    let observe = ["exec", "--interval", "20ms", "--out", "observed", "--report", "html,csv"];
    let output = session.run(&[&observe[..], &["--", "sleep", "1"]].concat());
    assert!([0, 4].contains(&output.code), "{output:?}");
    assert!(output.stderr.contains("\nreport     observed/report.html\nverdict: "), "{output:?}");

    let subjects = ["compare", "--subject", "builtin", "--subject", "builtin"];
    let kept = ["--out", "compared", "--report", "html", "--", "--cycles", "100"];
    let output = session.run(&[&subjects[..], &kept].concat());
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains("\nreport     compared/report.html\nverdict: "), "{output:?}");

    for folder in ["observed", "compared"] {
        let before = session.files(folder);
        let output = session.run(&["report", folder]);
        assert_eq!(output.code, 0, "{output:?}");
        // The default formats.
        assert_eq!(output.stdout, format!("{folder}/report.html\n{folder}/report.png\n"));
        let after = session.files(folder);
        assert!(is_png(&after["report.png"]) && is_page(&after["report.html"]));
        assert!(after["report.html"] == before["report.html"], "{folder}: the page differs");
    }
}

#[test]
fn a_format_that_cannot_be_written_prevents_no_other_and_no_verdict() {
    let session = Session::new();
    // A folder in place of the page fails for root too.
    let occupy = |folder: &str| {
        let page = session.path(folder).join("report.html");
        std::fs::create_dir_all(page.join("occupied")).expect("a folder");
    };
    let clean = &["--cycles", "100"][..];
    for (folder, args, code) in [("clean", clean, 2), ("leaking", LEAK, 1)] {
        occupy(folder);
        let report = ["--out", folder, "--report", "html,csv"];
        let output = session.run(&[args, &report].concat());
        assert_eq!(output.code, code, "{output:?}");
        assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
        assert!(output.stderr.contains(&format!("{folder}/report.html")), "{output:?}");
        assert!(output.stdout.contains("\nverdict: "), "{output:?}");
        assert!(!session.files(folder)["series.csv"].is_empty());
        let again = session.run(&["report", folder, "--report", "html,csv"]);
        assert_eq!((again.code, again.stderr.lines().count()), (2, 1), "{again:?}");
        assert_eq!(again.stdout, format!("{folder}/series.csv\n"));
        // No partial file is left.
        let names = session.files(folder);
        assert!(!names.keys().any(|name| name.contains("partial")), "{:?}", names.keys());
    }
}

#[test]
fn interrupted_and_killed_runs_have_a_report() {
    let endless = ["--cycles", "1000000000", "--processes", "1", "--report", "html"];
    for (folder, code) in [("interrupted", 130), ("killed", 3)] {
        let session = Session::new();
        let run = session.start(&[&endless[..], &["--out", folder]].concat());
        let subject = subjects_of(&run, 1)[0];
        wait_for_cycles(&session.path(folder), 1);
        match folder {
            "killed" => signal(subject, Signal::KILL),
            _ => signal(run.id() as i32, Signal::INT),
        }
        let output = Finished::of(finish(run));
        assert_eq!(output.code, code, "{output:?}");
        assert!(is_page(&session.files(folder)["report.html"]), "{folder}");
        let last: Vec<&str> = output.stdout.lines().rev().take(2).collect();
        assert_eq!(last[1], format!("report     {folder}/report.html"));
    }
}

#[test]
fn a_format_is_printed_and_a_closed_pipe_is_no_error() {
    let session = Session::new();
    assert_eq!(session.run(&[LEAK, &["--out", "out"]].concat()).code, 1);
    let before = session.files("out");
    let output = session.run(&["report", "out", "--print", "json"]);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    assert_eq!(output.stdout.as_bytes(), before["result.json"]);
    let mut child = session.start(&["report", "out", "--print", "html"]);
    drop(child.stdout.take());
    let output = Finished::of(child.wait_with_output().expect("it ends"));
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    assert_eq!(session.files("out"), before, "it writes nothing");
}

/// The page of an earlier run must not be mistaken for that of a killed run.
#[test]
fn a_report_is_never_older_than_its_recording() {
    let session = Session::new();
    let page = session.path("out/report.html");
    let keep = ["--out", "out", "--report", "html"];
    assert_eq!(session.run(&[&["--cycles", "50"], &keep[..]].concat()).code, 0);
    assert!(page.is_file());
    let endless = ["--cycles", "1000000000", "--processes", "1"];
    let mut run = session.start(&[&endless, &keep[..]].concat());
    subjects_of(&run, 1);
    run.kill().expect("it is there");
    run.wait().expect("it ends");
    assert!(!page.exists());
    // Its recording can still be drawn.
    let output = session.run(&["report", "out/recording.jsonl", "--report", "html"]);
    assert_eq!((output.code, output.stdout.as_str()), (0, "out/report.html\n"), "{output:?}");
}

/// A new recording removes every report and gate outcome of the old one, and the other kind of
/// recording. Files of the user stay.
#[test]
fn a_new_recording_removes_files_of_the_old_one() {
    let session = Session::new();
    let run = ["--cycles", "50", "--out", "out"];
    let once = ["compare", "--repeat", "1", "--subject", "builtin"];
    let compare = [&once[..], &["--out", "out", "--", "--cycles", "50"]].concat();
    let observe = ["exec", "--interval", "20ms", "--out", "out", "--", "sleep", "0.2"];
    let own = |folder: &str| {
        let files = session.files(folder);
        files.into_keys().filter(|name| !name.starts_with("01-")).collect::<Vec<String>>()
    };
    let users = ["charts/Logo.svg", "notes.md"];
    let drawn = [
        "report.html",
        "report.png",
        "summary.txt",
        "junit.xml",
        "summary.md",
        "annotations.txt",
        "series.csv",
        "metrics.txt",
        "gate.json",
        "picture.png",
        "charts/lingering.svg",
        "charts/page-tables.svg",
    ];
    let recorded = ["recording.jsonl", "result.json"];
    for (again, expected) in [
        (&run[..], &recorded[..]),
        (&compare[..], &["comparison.json"][..]),
        (&observe[..], &recorded),
    ] {
        // The old recording may be of either kind.
        for before in [&run[..], &compare] {
            let _ = std::fs::remove_dir_all(session.path("out"));
            assert_eq!(session.run(before).code, 0);
            std::fs::create_dir_all(session.path("out/charts")).expect("a folder");
            for name in drawn.iter().chain(&users) {
                std::fs::write(session.path("out").join(name), "old").expect("written");
            }
            let output = session.run(again);
            assert!([0, 4].contains(&output.code), "{output:?}");
            let mut expected: Vec<&str> = [&users, expected].concat();
            expected.sort_unstable();
            assert_eq!(own("out"), expected, "{before:?}, then {again:?}");
        }
    }
    // The folder of charts is removed if it has no other files.
    assert_eq!(session.run(&["--cycles", "50", "--out", "x", "--report", "svg"]).code, 0);
    assert!(session.path("x/charts").is_dir());
    assert_eq!(session.run(&["--cycles", "50", "--out", "x"]).code, 0);
    assert!(!session.path("x/charts").exists());
}

#[test]
fn wrong_use_is_refused_in_one_line() {
    let session = Session::new();
    std::fs::create_dir(session.path("empty")).expect("a folder");
    for (args, words) in [
        (&["report"][..], &["DIR"][..]),
        (&["report", "nowhere"], &["nowhere"]),
        (&["report", "empty"], &["empty", "recording.jsonl"]),
        (&["report", "empty", "--report", "htlm"], &["htlm", "similar", "'html'"]),
        (&["report", "empty", "--print", "png"], &["png", "markdown"]),
        (&["report", "empty", "--print", "html", "--out", "x"], &["--print", "--out"]),
        (&["--report", "pdf", "--cycles", "10"], &["pdf", "--report", "html"]),
    ] {
        let output = session.run(args);
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{args:?}: {output:?}");
        assert_eq!(output.stderr.lines().count(), 1, "{args:?}: {output:?}");
        for word in words {
            assert!(output.stderr.contains(word), "{args:?}: {word:?} is not in {}", output.stderr);
        }
    }
    assert!(!session.path("leakbench-out").exists());
}

/// A desktop's opener that writes its arguments beside itself, and exits with this code.
fn opener(session: &Session, code: u8) -> std::path::PathBuf {
    let folder = session.path("bin");
    std::fs::create_dir_all(&folder).expect("a folder");
    let script =
        format!("#!/bin/sh\nprintf '%s\\n' \"$#\" \"$1\" > \"${{0%/*}}/opened\"\nexit {code}\n");
    let program = folder.join("xdg-open");
    std::fs::write(&program, script).expect("a program");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, executable).expect("permissions");
    folder
}

#[test]
fn a_page_is_opened_without_a_shell_and_errors_name_what_is_missing() {
    let session = Session::new();
    let out = "out; touch x";
    assert_eq!(session.run(&["--cycles", "50", "--out", out]).code, 0);
    let open = |args: &[&str], bin: &std::path::Path, display: &str| {
        let mut command = leakbench(args);
        command.current_dir(session.path("")).env("PATH", bin).env("DISPLAY", display);
        command.env_remove("WAYLAND_DISPLAY").env_remove("BROWSER");
        Finished::of(command.output().expect("the binary starts"))
    };
    let bin = opener(&session, 0);
    // The page is drawn although no list has it.
    let output = open(&["report", out, "--report", "csv", "--open"], &bin, ":9");
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    let page = session.path(out).join("report.html");
    let opened = std::fs::read_to_string(bin.join("opened")).expect("it was started");
    let page = page.canonicalize().expect("the page");
    let given = std::path::Path::new(opened.lines().nth(1).expect("a path"));
    assert!(opened.starts_with("1\n") && given.is_absolute(), "{opened}");
    assert_eq!(given.canonicalize().expect("the page"), page);
    assert!(!session.path("x").exists(), "no shell read the path");
    // The control: without the flag nothing is opened.
    std::fs::remove_file(bin.join("opened")).expect("a file");
    assert_eq!(open(&["report", out], &bin, ":9").code, 0);
    assert!(!bin.join("opened").exists());

    let failing = opener(&session, 3);
    let absent = session.path("");
    for (bin, display, words) in [
        (&failing, ":9", "found no browser"),
        (&absent, ":9", "no xdg-open in PATH: install xdg-utils"),
        (&failing, "", "none of WAYLAND_DISPLAY, DISPLAY and BROWSER"),
    ] {
        let output = open(&["report", out, "--open"], bin, display);
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains(words) && output.stderr.lines().count() == 1, "{output:?}");
        assert!(output.stdout.contains("report.html"), "the page is drawn: {output:?}");
    }
}

/// A pipe has no links, also with colours.
#[test]
fn a_pipe_has_the_plain_path_of_the_page() {
    let session = Session::new();
    let output =
        session.run(&["--cycles", "50", "--report", "html", "--out", "out", "--color", "always"]);
    assert!(output.stdout.contains("out/report.html\n"), "{output:?}");
    assert!(output.stdout.contains("\x1b["), "{output:?}");
    assert!(!output.stdout.contains("\x1b]8"), "{output:?}");
}
