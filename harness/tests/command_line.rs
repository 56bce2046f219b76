//! The command line as a user types it: forms of commands, numbers, defaults, help, colours, widths.

mod common;

use std::process::{Command, Stdio};

use common::leakbench;
use common::session::{Finished, Session};

/// A quick run.
const QUICK: &[&str] = &["--cycles", "200", "--slots", "50"];

impl Session {
    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    /// Runs a command with variables of the environment.
    fn run_with(&self, variables: &[(&str, &str)], args: &[&str]) -> Finished {
        let mut command = leakbench(args);
        for name in ["COLUMNS", "NO_COLOR", "CLICOLOR_FORCE", "CLICOLOR"] {
            command.env_remove(name);
        }
        let command = command.envs(variables.iter().copied()).current_dir(self.path("."));
        Finished::of(command.output().expect("the binary starts"))
    }

    /// A summary that exits with `code`.
    fn summary(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.code, code, "{args:?}: {output:?}");
        output.stdout
    }
}

/// The value of a label such as `reproduce`.
fn labelled<'a>(summary: &'a str, label: &str) -> &'a str {
    let line = summary.lines().find_map(|line| line.strip_prefix(label));
    line.unwrap_or_else(|| panic!("no {label} in {summary}")).trim()
}

/// The words of a reproduce command, without the program.
fn words(command: &str) -> Vec<String> {
    let words = shlex::split(command).expect("words");
    words.into_iter().skip(1).collect()
}

#[test]
fn counts_and_times_have_units() {
    let session = Session::new();
    let flags = ["--cycles", ".2k", "--slots", "5_0", "--settle-ms", "0.05s", "--timeout", "2m"];
    let summary = session.summary(0, &flags);
    assert!(labelled(&summary, "cycles").starts_with("200 of 200 in "), "{summary}");
    assert_eq!(
        labelled(&summary, "reproduce"),
        "leakbench --cycles 200 --slots 50 --processes 1 --settle-ms 50 --timeout 120"
    );
    let keys = "cycles = '.2k'\nslots = '5_0'\nsettle-ms = '0.05s'\ntimeout = '2m'\n";
    session.write("run.toml", keys);
    let of_file = session.summary(0, &["--scenario", "run.toml"]);
    assert_eq!(labelled(&of_file, "reproduce"), labelled(&summary, "reproduce"));
    let swept =
        session.run(&["sweep", "--cycles", "0.1k,.2k", "--slots", "50", "--repeat", "0.001k"]);
    assert_eq!(swept.code, 0, "{swept:?}");
    for (flags, words) in [
        (&["--cycles", "1.5"][..], "10k or 1M"),
        (&["--cycles", "5s"], "10k or 1M"),
        (&["--timeout", "1k"], "250ms, 1.5s"),
        (&["--timeout", "250ms"], "whole number of seconds"),
        (&["exec", "--duration", "1k", "true"], "250ms, 1.5s"),
        (&["exec", "--interval", "0.001", "true"], "the minimum is 5ms"),
    ] {
        let output = session.run(flags);
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
        assert!(output.stderr.contains(words), "{output:?}");
    }
}

#[test]
fn a_bare_number_of_seconds_is_a_time_of_exec() {
    let session = Session::new();
    let began = std::time::Instant::now();
    let output = session.run(&["exec", "--interval", "0.05", "--duration", "1", "sleep", "1000"]);
    assert!(began.elapsed() < std::time::Duration::from_secs(60), "it ended {output:?}");
    let reproduce = labelled(&output.stderr, "reproduce");
    assert_eq!(reproduce, "leakbench exec --interval 50ms --duration 1s -- sleep 1000");
}

#[test]
fn run_is_a_word_for_what_leakbench_does_without_one() {
    let session = Session::new();
    let bare = session.summary(0, QUICK);
    let named = session.summary(0, &[&["run"], QUICK].concat());
    assert_eq!(labelled(&bare, "reproduce"), labelled(&named, "reproduce"));
    // A flag that would be ignored is refused.
    let misplaced = session.run(&["--cycles", "5", "exec", "true"]);
    assert_eq!(misplaced.code, 2, "{misplaced:?}");
    assert!(misplaced.stderr.contains("--cycles"), "{misplaced:?}");
    // A flag of every command may stand before its name.
    assert_eq!(session.run(&["-q", "scenarios"]).code, 0);
}

#[test]
fn words_after_the_command_of_exec_are_its_own() {
    let session = Session::new();
    let script = "echo \"$@\"; sleep 0.2";
    let own = ["sh", "-c", script, "name", "--json", "-q", "--", "--tree"];
    for front in [&["exec", "--interval", "50ms"][..], &["exec", "--interval", "50ms", "--"]] {
        let output = session.run(&[front, &own[..]].concat());
        assert_eq!(output.stdout, "--json -q -- --tree\n", "{output:?}");
        assert!(output.stderr.contains("verdict: "), "{output:?}");
    }
}

#[test]
fn quiet_prints_the_verdict_and_verbose_all_of_the_summary() {
    let session = Session::new();
    let leak = [QUICK, &["--on-drop", "keep", "--settle-ms", "20"]].concat();
    let normal = session.run(&leak);
    let verdict = normal.stdout.lines().last().expect("a verdict");
    assert!(verdict.starts_with("verdict: LEAK — "), "{normal:?}");
    let quiet = session.run(&[&leak[..], &["-q"]].concat());
    let only = quiet.stdout.trim_end();
    assert!(only.starts_with("verdict: LEAK — ") && !only.contains('\n'), "{quiet:?}");
    assert_eq!((quiet.code, quiet.stderr.as_str()), (1, ""), "{quiet:?}");

    let full = session.run(&[&leak[..], &["--verbose"]].concat());
    let images = |text: &str| text.lines().filter(|line| line.contains("inode ")).count();
    assert_eq!(images(&normal.stdout), 4, "{normal:?}");
    assert!(images(&full.stdout) > 20, "{full:?}");
    assert!(normal.stdout.contains("more images (see --json)"), "{normal:?}");
    assert!(!full.stdout.contains("see --json"), "{full:?}");

    let swept = session.run(&["sweep", "-q", "--slots", "50,60", "--cycles", "100"]);
    assert_eq!((swept.stdout.lines().count(), swept.stderr.as_str()), (1, ""), "{swept:?}");
    assert_eq!(session.run(&["-q", "-v"]).code, 2);
}

#[test]
fn colours_follow_the_flag_then_the_environment() {
    let session = Session::new();
    for (variables, flags, coloured) in [
        (&[][..], &[][..], false),
        (&[], &["--color", "always"], true),
        (&[("CLICOLOR_FORCE", "1")], &[], true),
        (&[("CLICOLOR_FORCE", "0")], &[], false),
        (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &[], false),
        (&[("CLICOLOR_FORCE", "1")], &["--color=never"], false),
        (&[("NO_COLOR", "1")], &["--color=always"], true),
    ] {
        for command in [QUICK, &["--help"]] {
            let output = session.run_with(variables, &[command, flags].concat());
            assert_eq!(output.code, 0, "{output:?}");
            assert_eq!(output.stdout.contains('\u{1b}'), coloured, "{variables:?} {flags:?}");
        }
    }
    let wrong = session.run(&["--color", "blue"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("--color"), "{wrong:?}");
}

#[test]
fn the_version_has_the_target_and_in_a_clone_the_commit() {
    let session = Session::new();
    let version = session.summary(0, &["--version"]);
    let rest = version.strip_prefix(concat!("leakbench ", env!("CARGO_PKG_VERSION"), " ("));
    let rest = rest.and_then(|rest| rest.strip_suffix(")\n")).expect("version and build");
    let target = rest.rsplit(", ").next().expect("a target");
    assert!(target.starts_with(std::env::consts::ARCH) && target.contains("linux"), "{version}");
    if let Some((commit, _)) = rest.split_once(", ") {
        assert!(commit.len() == 12 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{version}");
    }
    let mut git = Command::new("git");
    git.args(["rev-parse", "--show-prefix"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let in_clone = git.stderr(Stdio::null()).output().is_ok_and(|git| git.stdout == b"harness/\n");
    assert_eq!(rest.contains(", "), in_clone, "{version}");
}

#[test]
fn the_short_help_fits_a_screen_and_the_long_one_has_every_flag() {
    let session = Session::new();
    let columns = [("COLUMNS", "80")];
    for args in [&["-h"][..], &["run", "-h"], &["exec", "-h"], &["gate", "-h"], &["report", "-h"]] {
        let short = session.run_with(&columns, args).stdout;
        assert!(short.lines().count() <= 30, "{args:?}:\n{short}");
        assert!(short.lines().all(|line| line.chars().count() <= 80), "{args:?}:\n{short}");
        assert!(short.lines().last().is_some_and(|last| last.starts_with("More: ")), "{short}");
    }
    let short = session.run_with(&columns, &["-h"]).stdout;
    assert!(short.lines().count() >= 24, "{short}");
    let flags = short.lines().filter(|line| line.starts_with("      --")).count();
    assert!((9..=12).contains(&flags), "{flags} flags:\n{short}");
    let long = session.run_with(&columns, &["--help"]).stdout;
    for heading in
        ["Choose what runs", "Set up the pool", "Run more at once", "Decide when to judge"]
    {
        assert!(long.contains(&format!("\n{heading}:\n")), "{long}");
    }
    // The form of numbers is explained once.
    assert_eq!(long.matches("10k or 1M").count(), 1, "{long}");
    assert!(long.lines().all(|line| line.chars().count() <= 80), "{long}");
}

#[test]
fn scenarios_are_listed_and_printed_as_files() {
    let session = Session::new();
    let list = session.summary(0, &["scenarios"]);
    assert_eq!(list, session.summary(0, &["scenarios", "list"]));
    assert!(list.lines().count() >= 4, "{list}");
    for line in list.lines() {
        let (name, summary) = line.split_once(' ').expect("a name and a summary");
        assert!(summary.trim().ends_with('.'), "{line}");
        let file = session.summary(0, &["scenarios", "show", name]);
        session.write("copy.toml", &file);
        let flags = ["--cycles", "20", "--processes", "1", "-q"];
        let named = session.run(&[&["--scenario", name], &flags[..]].concat());
        let copied = session.run(&[&["--scenario", "copy.toml"], &flags[..]].concat());
        assert_eq!((named.code, named.stderr), (copied.code, copied.stderr), "{name}");
    }
    let unknown = session.run(&["scenarios", "show", "none"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("interleaved"), "{unknown:?}");
}

/// The settings of a run that a reproduce command and its file of defaults decide.
fn scenario(session: &Session, command: &str) -> serde_json::Value {
    let words = words(command);
    let mut args: Vec<&str> = words.iter().map(String::as_str).collect();
    args.push("--json");
    let output = session.run(&args);
    assert_ne!(output.code, 2, "{output:?}");
    let result: serde_json::Value = serde_json::from_str(&output.stdout).expect("a result");
    result["scenario"].clone()
}

#[test]
fn a_run_takes_defaults_from_the_project_file_and_says_so() {
    let session = Session::new();
    session.write("leakbench.toml", "version = 1\n[run]\ncycles = '0.3k'\nslots = 70\n");
    let output = session.run(&["--slots", "1k", "--threads", "2"]);
    assert_eq!(output.code, 0, "{output:?}");
    let said: Vec<&str> =
        output.stderr.lines().filter(|line| line.contains("leakbench.toml")).collect();
    assert_eq!(
        said,
        ["leakbench: defaults of [run] in leakbench.toml: cycles = 300 (--no-config ignores them)"]
    );
    assert!(labelled(&output.stdout, "cycles").starts_with("300 of 300"), "{output:?}");

    // The reproduce command makes the same run here and elsewhere.
    let reproduce = labelled(&output.stdout, "reproduce");
    let here = scenario(&session, reproduce);
    assert_eq!((&here["cycles"], &here["slots"]), (&300.into(), &1000.into()));
    assert_eq!(scenario(&Session::new(), reproduce), here);

    // A scenario and flags go before the table; --no-config ignores it.
    session.write("run.toml", "cycles = 100\n");
    let output = session.run(&["--scenario", "run.toml", "--slots", "60"]);
    assert_eq!(output.stderr, "", "no default was used: {output:?}");
    assert!(labelled(&output.stdout, "cycles").starts_with("100 of 100"), "{output:?}");
    let output = session.run(&["--no-config", "--cycles", "100"]);
    assert!(output.stdout.contains("over 1,000 slots") && output.stderr.is_empty(), "{output:?}");
    // Nothing is wrong with the file as a budget.
    assert_eq!(session.run(&["--out", "out"]).code, 0);
    let gate = session.run(&["gate", "out"]);
    assert_eq!(gate.code, 0, "{gate:?}");

    // A file with a mistake is refused.
    for (text, words) in [
        ("[run]\ncycels = 3\n", "line 2: unknown field `cycels`"),
        ("[run]\ncycles = 'x'\n", "line 2: `x`"),
        ("[runs]\ncycles = 3\n", "line 1: unknown field `runs`"),
    ] {
        session.write("leakbench.toml", text);
        let output = session.run(&[]);
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
        assert!(output.stderr.contains(&format!("leakbench.toml, {words}")), "{output:?}");
    }
}

#[test]
fn a_comparison_with_defaults_can_be_repeated_elsewhere() {
    let session = Session::new();
    session.write("leakbench.toml", "version = 1\n[run]\ncycles = 100\nslots = 50\n");
    for args in [
        &["compare", "--subject", "builtin", "--subject", "builtin"][..],
        &["compare", "--subject", "builtin", "--", "--threads", "2"],
        &["sweep", "--slots", "60,70", "--out", "swept"],
    ] {
        let output = session.run(&[&args[..1], &["--json"], &args[1..]].concat());
        assert_eq!(output.code, 0, "{output:?}");
        assert_eq!(output.stderr.matches("leakbench.toml").count(), 1, "{output:?}");
        let compared: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
        let command = compared["command"].as_str().expect("a command");
        assert!(!command.contains("--json") && !command.contains("--out"), "{command}");
        let elsewhere = Session::new();
        let again = words(command);
        let mut again: Vec<&str> = again.iter().map(String::as_str).collect();
        again.insert(1, "--json");
        let output = elsewhere.run(&again);
        assert_eq!(output.code, 0, "{again:?}: {output:?}");
        let repeated: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
        assert_eq!(repeated["command"], compared["command"]);
        let cycles = &repeated["rows"][0]["runs"][0]["cycles"];
        assert_eq!((cycles, cycles), (&compared["rows"][0]["runs"][0]["cycles"], &100.into()));
    }
}

#[test]
fn widths_follow_columns_in_a_pipe_and_no_number_is_cut() {
    let session = Session::new();
    // Its mappings and memory move, and have limits with long names.
    let script = "i=0; while [ $i -lt 40 ]; do i=$((i+1)); sleep 0.02; done";
    let exec = ["exec", "--interval", "20ms", "sh", "-c", script];
    for columns in ["60", "72", "100", "200"] {
        let width: usize = columns.parse().expect("a number");
        let output = session.run_with(&[("COLUMNS", columns)], &exec);
        let summary = output.stderr;
        for line in summary.lines() {
            // The title, and the progress of a machine that is too busy to be done in five seconds.
            let whole = ["leakbench: ", "observing ", "verdict: ", "reproduce", "next"];
            let whole = whole.iter().any(|start| line.starts_with(start));
            assert!(whole || line.chars().count() <= width.clamp(60, 100), "at {columns}: {line}");
            let cut = line.strip_suffix(" …").and_then(|line| line.chars().next_back());
            assert!(!cut.is_some_and(|c| c.is_ascii_digit() || c == ','), "at {columns}: {line}");
        }
    }
    let leak = [QUICK, &["--on-drop", "keep", "--settle-ms", "20"]].concat();
    let widest = |columns: &str| {
        let output = session.run_with(&[("COLUMNS", columns)], &leak);
        let wrapped = output.stdout.lines().filter(|line| line.contains("inode "));
        wrapped.map(|line| line.chars().count()).max().expect("images")
    };
    assert!(widest("60") <= 60);
    let compared = |columns: &str| {
        let args = ["sweep", "--slots", "50,60", "--cycles", "100"];
        session.run_with(&[("COLUMNS", columns)], &args).stdout
    };
    assert!(compared("60").contains("left out"), "{}", compared("60"));
    assert!(!compared("200").contains("left out"), "{}", compared("200"));
}

#[test]
fn a_failing_policy_is_printed_once_and_gate_init_says_what_is_next() {
    let session = Session::new();
    let leak = [QUICK, &["--on-drop", "keep", "--settle-ms", "20", "--out", "my out"]].concat();
    assert_eq!(session.run(&leak).code, 1);
    for args in [&["gate", "my out"][..], &["gate", "my out", "-v"], &["gate", "explain", "my out"]]
    {
        let output = session.run(args);
        assert_eq!(output.code, 1, "{output:?}");
        let text: Vec<&str> = output.stdout.split_whitespace().collect();
        let sentence = "images lingering at the end, budget 0";
        assert_eq!(text.join(" ").matches(sentence).count(), 1, "{args:?}: {output:?}");
    }
    let quiet = session.run(&["gate", "-q", "my out"]);
    assert!(quiet.stdout.starts_with("gate: FAIL — ") && quiet.stdout.lines().count() == 1);

    session
        .write("leakbench.toml", "[run]\ncycles = 9 # few\n\n[policy.lingering-at-end]\nmax = 3\n");
    let output = session.run(&["gate", "init", "my out", "--force"]);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(labelled(&output.stdout, "wrote").starts_with("leakbench.toml, "), "{output:?}");
    let next = labelled(&output.stdout, "next");
    assert!(next.starts_with("leakbench gate 'my out' judges by it"), "{next}");
    // Defaults of runs are not the budget's.
    let file = std::fs::read_to_string(session.path("leakbench.toml")).expect("it was written");
    assert!(file.ends_with("\n[run]\ncycles = 9 # few\n"), "{file}");
    let other = session.run(&["gate", "init", "my out", "--out", "ci.toml"]);
    assert!(labelled(&other.stdout, "next").contains("--budget ci.toml"), "{other:?}");
    assert_eq!(session.run(&["gate", "my out"]).code, 1, "the file is a budget");
}

#[test]
fn hints_are_about_this_run() {
    let session = Session::new();
    let leak = [QUICK, &["--on-drop", "keep", "--settle-ms", "20"]].concat();
    let summary = session.summary(1, &leak);
    assert!(labelled(&summary, "next").starts_with("--on-drop purge"), "{summary}");
    // Without images there is nothing to wait for, and no slot holds any.
    let copied = session.summary(0, &[QUICK, &["--image", "copy"]].concat());
    for absent in ["--settle-ms", "slot held", "next"] {
        assert!(!copied.contains(absent), "{copied}");
    }
}
