//! `leakbench compare` and `leakbench sweep`.

mod common;
#[path = "piped/fake_driver.rs"]
mod fake_driver;

use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use common::{finish, leakbench, signal, subjects_of, wait_until};
use fake_driver::{Faults, command};
use rustix::process::Signal;
use serde_json::Value;

/// Not a test: the driver that a test starts.
#[test]
#[ignore = "it is the driver for these tests"]
fn fake_driver() {
    fake_driver::main();
}

/// A temporary folder for commands.
struct Session {
    folder: tempfile::TempDir,
}

impl Session {
    fn new() -> Session {
        Session { folder: tempfile::tempdir().expect("a folder") }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// Runs `args` with --out [`Session::out`]. Returns exit code, standard output and standard
    /// error.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let (command, rest) = args.split_first().expect("a command");
        let out = self.out();
        let out = out.to_str().expect("a plain path");
        let mut command = leakbench(&[&[*command, "--out", out], rest].concat());
        code_and_text(&command.output().expect("the binary starts"))
    }

    /// The content of `comparison.json`.
    fn kept(&self) -> Value {
        json(&self.out().join("comparison.json"))
    }
}

fn code_and_text(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code().expect("it exits by itself");
    (code, text(&output.stdout), text(&output.stderr))
}

fn json(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).expect("it is JSON")
}

/// The folder of the example driver, which offers no strategies.
fn examples() -> String {
    let folder = Path::new(env!("CARGO_BIN_EXE_leakbench")).with_file_name("examples");
    let driver = folder.join("leakbench-example");
    assert!(driver.is_file(), "no {}: build it with the tests (cargo test)", driver.display());
    folder.to_str().expect("a plain path").to_owned()
}

/// The lines of a table, with single spaces and each number as `N`.
fn masked(drawn: &str) -> Vec<String> {
    let number = |word: &str| word.chars().all(|c| c.is_ascii_digit() || ",.".contains(c));
    let line = |line: &str| {
        let words = line.split_whitespace().map(|word| if number(word) { "N" } else { word });
        words.collect::<Vec<&str>>().join(" ")
    };
    drawn.lines().take_while(|line| !line.starts_with("columns ")).map(line).collect()
}

fn rows(comparison: &Value) -> &Vec<Value> {
    comparison["rows"].as_array().expect("a list")
}

#[test]
fn a_runtime_compared_with_itself_has_numbered_rows() {
    let session = Session::new();
    let (code, drawn, stderr) = session.run(&[
        "compare",
        "--repeat=1",
        "--subject",
        "builtin",
        "--subject",
        "builtin",
        "--",
        "--cycles=300",
    ]);
    assert_eq!(code, 0, "{stderr}");
    let heads =
        "subject verdict at drop late lingering memfd mappings fds RSS peak RSS cycles/s ratio";
    let numbers = "N N N N N N N N N N";
    let row = |name: &str| format!("{name} clean {numbers}");
    let table = [heads.to_owned(), row("builtin (1)"), row("builtin (2)"), String::new()];
    assert_eq!(masked(&drawn), table);
    let last = drawn.lines().last().expect("a line");
    assert_eq!(last, "verdict: clean — the kernel released 600 of 600 images in 2 runs");
    assert!(
        drawn.contains(&format!("report     {}/comparison.json\n", session.out().display())),
        "{drawn}"
    );
    assert!(stderr.contains("run 2 of 2, builtin (2): clean — "), "{stderr}");

    let comparison = session.kept();
    assert_eq!(comparison["version"], 2);
    assert_eq!(comparison["kind"], "compare");
    assert_eq!((&comparison["verdict"], &comparison["exit_code"]), (&"clean".into(), &0.into()));
    let names: Vec<&Value> = rows(&comparison).iter().map(|row| &row["name"]).collect();
    assert_eq!(names, ["builtin (1)", "builtin (2)"]);
    for (row, folder) in rows(&comparison).iter().zip(["01-builtin-1", "02-builtin-2"]) {
        assert_eq!(row["worst"], folder);
        assert!(session.out().join(folder).join("recording.jsonl").is_file());
        // The comparison agrees with the run's own result.
        let result = json(&session.out().join(folder).join("result.json"));
        for field in ["images", "at_end", "peak", "rate_per_s", "verdict", "command", "headline"] {
            assert_eq!(row["runs"][0][field], result[field], "{field}");
        }
        assert_eq!(row["images"], result["images"]);
        assert!(row["at_end"]["memfd_mappings"].is_u64() && row["at_end"]["fds"].is_u64());
    }
}

#[test]
fn different_runtimes_run_the_same_steps_round_by_round() {
    let session = Session::new();
    let examples = examples();
    let args = ["compare", "--json", "--repeat", "2", "--driver-dir", &examples];
    let subjects = ["--subject", "builtin", "--subject", "example"];
    let flags = ["--", "--cycles", "200", "--slots", "50", "--seed", "7"];
    let (code, stdout, stderr) = session.run(&[&args[..], &subjects, &flags].concat());
    assert_eq!(code, 0, "{stderr}");
    let comparison: Value = serde_json::from_str(&stdout).expect("it is JSON");
    assert_eq!(comparison, session.kept());
    let [builtin, example] = &rows(&comparison)[..] else {
        panic!("two rows: {comparison:#}");
    };
    assert_eq!(example["runs"][0]["runtime"], "example 1.0.0");
    let folders = |row: &Value| -> Vec<String> {
        let runs = row["runs"].as_array().expect("a list");
        runs.iter().map(|run| run["folder"].as_str().expect("text").to_owned()).collect()
    };
    assert_eq!(folders(builtin), ["01-builtin-round-1", "04-builtin-round-2"]);
    // The second round is in reverse order.
    assert_eq!(folders(example), ["02-example-round-1", "03-example-round-2"]);
    for row in [builtin, example] {
        for folder in folders(row) {
            let scenario = &json(&session.out().join(folder).join("result.json"))["scenario"];
            assert_eq!((&scenario["seed"], &scenario["cycles"]), (&7.into(), &200.into()));
            assert_eq!((&scenario["slots"], &scenario["processes"]), (&50.into(), &1.into()));
        }
    }
    assert_eq!(builtin["ratio"]["median"], 1.0);
    assert_eq!(example["ratio"]["rounds"], 2);
    let [min, median, max] =
        ["min", "median", "max"].map(|field| example["ratio"][field].as_f64().expect("a number"));
    assert!(0.0 < min && min <= median && median <= max, "{}", example["ratio"]);
}

#[test]
fn a_ratio_has_an_interval_over_six_rounds() {
    let session = Session::new();
    let args = ["compare", "--subject", "builtin", "--subject", "builtin"];
    let (code, drawn, stderr) = session.run(&[&args[..], &["--", "--cycles", "100"]].concat());
    assert_eq!(code, 0, "{stderr}");
    let comparison = session.kept();
    assert_eq!(
        (&comparison["rounds"], &rows(&comparison)[0]["ratio"]["mean"]),
        (&6.into(), &1.0.into())
    );
    let ratio = &rows(&comparison)[1]["ratio"];
    let [low, mean, high] =
        ["ci_low", "mean", "ci_high"].map(|field| ratio[field].as_f64().expect("a number"));
    assert!(0.0 < low && low < mean && mean < high, "{ratio}");
    let within_noise = low <= 1.0 && 1.0 <= high;
    assert_eq!(ratio["within_noise"], within_noise);
    let row = drawn.lines().find(|line| line.starts_with("builtin (2)")).expect("a row");
    assert_eq!(row.ends_with("within noise"), within_noise, "{row}");
}

#[test]
fn one_leak_is_the_verdict_of_the_sweep() {
    let session = Session::new();
    let args = ["sweep", "--on-drop", "purge,keep", "--cycles", "300", "--slots", "50"];
    let (code, drawn, stderr) = session.run(&args);
    assert_eq!(code, 1, "{stderr}");
    let last = drawn.lines().last().expect("a line");
    assert!(last.starts_with("verdict: LEAK — 1 of 2 combinations: on-drop=keep ("), "{last}");
    let comparison = session.kept();
    assert_eq!((&comparison["verdict"], &comparison["exit_code"]), (&"leak".into(), &1.into()));
    let lingering = |row: usize| rows(&comparison)[row]["images"]["lingering"].as_u64();
    assert_eq!(lingering(0), Some(0));
    assert!(lingering(1) > Some(25), "{comparison:#}");
}

#[test]
fn two_lists_are_a_grid_and_a_matrix() {
    let session = Session::new();
    // One is a switch, which takes a value only after an equals sign.
    let args = ["sweep", "--decommit-batch", "1,16", "--flush-on-drop=on,off"];
    let (code, drawn, stderr) = session.run(&[&args[..], &["--cycles=320", "--slots=50"]].concat());
    assert_eq!(code, 1, "{stderr}");
    let numbers = "N N N N N N N N N";
    assert_eq!(
        masked(&drawn),
        [
            "decommit-batch flush-on-drop verdict at drop late lingering memfd mappings fds RSS \
             cycles/s ratio",
            &format!("N on clean {numbers}"),
            &format!("N off clean {numbers}"),
            &format!("N on clean {numbers}"),
            &format!("N off LEAK {numbers}"),
            "",
            "lingering images, by decommit-batch (down) and flush-on-drop (across):",
            "decommit-batch \\ flush-on-drop on off",
            "N N N",
            "N N N",
            "",
        ]
    );
    let matrix = drawn.lines().skip_while(|line| !line.contains('\\')).skip(1).take(2);
    let matrix: Vec<Vec<&str>> = matrix.map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(matrix[0], ["1", "0", "0"]);
    assert_eq!(matrix[1][..2], ["16", "0"]);
    let lingering = rows(&session.kept())[3]["images"]["lingering"].to_string();
    assert_eq!(matrix[1][2], lingering);
    assert_ne!(lingering, "0");
}

#[test]
fn a_table_as_markdown() {
    let session = Session::new();
    let args = ["sweep", "--markdown", "--image-size", "64,4KiB", "--cycles", "50"];
    let (code, markdown, stderr) = session.run(&args);
    assert_eq!(code, 0, "{stderr}");
    let lines: Vec<&str> = markdown.lines().collect();
    assert!(lines[0].starts_with("| image-size | verdict | at drop | "), "{markdown}");
    assert!(lines[1].starts_with("| --- | --- | ---: | "), "{markdown}");
    for (line, size) in lines[2..].iter().zip(["64", "4KiB"]) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        assert_eq!((cells[1], cells[2], cells[5]), (size, "clean", "0"), "{markdown}");
        // A sample may have delayed a release.
        let released = cells[3..5].iter().map(|cell| cell.parse::<u64>().expect("a number"));
        assert_eq!(released.sum::<u64>(), 50, "{markdown}");
    }
    assert!(stderr.contains("kept in "), "{stderr}");
}

#[test]
fn a_combination_that_a_runtime_does_not_offer_is_a_refused_row() {
    let session = Session::new();
    let examples = examples();
    let driver = ["--driver-dir", &examples];
    // A comma would make it a list.
    assert!(!examples.contains(','), "{examples}");
    let flags = ["--strategy=random,warm-lru", "--cycles=60", "--slots=20"];
    let (code, drawn, stderr) =
        session.run(&[&["sweep", "--subject", "builtin,example"], &driver[..], &flags].concat());
    // The example offers no strategies, so half of the grid is refused.
    assert_eq!(code, 0, "{stderr}");
    let lines = masked(&drawn);
    assert!(lines[2].starts_with("builtin warm-lru clean N"), "{drawn}");
    assert_eq!(lines[3], "example random not offered – – – – – – – – –");
    assert!(lines.contains(&"example – –".to_owned()), "{drawn}");
    assert!(drawn.contains("example has no --strategy, so random"), "{drawn}");
    let comparison = session.kept();
    let refused = &rows(&comparison)[3];
    assert_eq!(refused["refusal"]["kind"], "not-offered");
    assert_eq!((&refused["verdict"], &refused["subject"]), (&Value::Null, &"example".into()));

    // It is wrong use if every row is refused, or if the flag is not swept.
    for args in [
        &["sweep", "--keep-resident", "0,4096"][..],
        &["sweep", "--keep-resident", "4096", "--decommit-batch", "1,16"],
        &[
            "sweep",
            "--subject",
            "builtin,example",
            "--strategy",
            "random",
            "--driver-dir",
            &examples,
        ],
        &["compare", "--subject", "builtin", "--", "--keep-resident", "4096"],
        &["compare", "--subject", "builtin", "--subject", "nowhere"],
    ] {
        let session = Session::new();
        let (code, stdout, stderr) = session.run(args);
        assert_eq!((code, stdout.as_str(), stderr.lines().count()), (2, "", 1), "{stderr}");
        assert!(stderr.contains("has no --") || stderr.contains("nowhere"), "{stderr}");
        // No run began.
        assert!(!session.out().exists());
    }
}

#[test]
fn wrong_lists_and_flags_are_refused_by_name() {
    let many: String = (0..501).map(|n| format!("{n},")).collect();
    for (args, words) in [
        (&["sweep", "--cycles", "10"][..], &["nothing to sweep"][..]),
        (&["sweep", "--slots", "1,,2"], &["--slots 1,,2", "empty"]),
        (&["sweep", "--slots", "5,5"], &["--slots has the value 5 twice"]),
        (&["sweep", "--slots", "1,2", "--slots", "3"], &["--slots", "multiple times"]),
        (&["sweep", "--wasm", "a,b", "--wasm", "c"], &["--wasm", "more than once"]),
        (&["sweep", "--seed", many.trim_end_matches(',')], &["--seed (501)", "501", "500"]),
        (&["sweep", "--strategy", "random,randm"], &["randm", "'random'"]),
        (&["sweep", "--slots", "4,100", "--threads", "8", "--cycles", "9"], &["--slots is 4"]),
        (&["sweep", "--scenario", "affine-purge,nowhere"], &["nowhere", "affine-purge"]),
        (&["compare", "--", "--cycles", "10"], &["--subject"]),
        (&["compare", "--subject", "builtin", "--", "--subject", "x"], &["--subject x", "before"]),
        (&["compare", "--subject", "builtin", "--", "--slots", "1,2"], &["--slots", "1,2"]),
        (&["compare", "--subject", "builtin", "--json", "--markdown"], &["--json", "--markdown"]),
    ] {
        let session = Session::new();
        let (code, stdout, stderr) = session.run(args);
        assert_eq!((code, stdout.as_str(), stderr.lines().count()), (2, "", 1), "{stderr}");
        for word in words {
            assert!(stderr.contains(word), "{word:?} is not in: {stderr}");
        }
        assert!(!session.out().exists());
    }
}

#[test]
fn a_run_that_cannot_be_set_up_does_not_prevent_the_others() {
    let session = Session::new();
    let (code, drawn, stderr) = session.run(&["sweep", "--slots", "50,1000000", "--cycles", "60"]);
    // Its verdict is unknown, by the file and by the exit code.
    assert_eq!(code, 4, "{stderr}");
    assert_eq!(session.kept()["exit_code"], 4);
    assert!(drawn.trim_end().ends_with("slots=1000000 (could not run)"), "{drawn}");
    assert!(masked(&drawn)[1].starts_with("N clean N"), "{drawn}");
    assert!(masked(&drawn)[2].starts_with("N refused –"), "{drawn}");
    assert!(drawn.contains("1000000 slots"), "{drawn}");
    assert_eq!(rows(&session.kept())[1]["refusal"]["kind"], "at-start");
    let last = stderr.lines().last().expect("a line");
    assert!(last.starts_with("leakbench: ") && last.contains("would fit"), "{stderr}");
}

#[test]
fn without_out_a_new_folder_is_created() {
    let session = Session::new();
    for _ in 0..2 {
        let mut command = leakbench(&["compare", "--subject", "builtin", "--", "--cycles", "20"]);
        let output = command.current_dir(session.folder.path()).output();
        let (code, drawn, stderr) = code_and_text(&output.expect("the binary starts"));
        assert_eq!(code, 0, "{stderr}");
        assert!(drawn.contains("report     leakbench-out/compare-"), "{drawn}");
    }
    let folders = std::fs::read_dir(session.folder.path().join("leakbench-out")).expect("a folder");
    assert_eq!(folders.count(), 2);
}

fn start(session: &Session, args: &[&str]) -> Child {
    let out = session.out();
    let out = out.to_str().expect("a plain path");
    let mut command = leakbench(&[&[args[0], "--out", out], &args[1..]].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the binary starts")
}

#[test]
fn an_interrupted_sweep_keeps_its_runs() {
    let session = Session::new();
    let cycles = "20,1000000000,30";
    let sweep = start(&session, &["sweep", "--cycles", cycles, "--processes", "1"]);
    let second = session.out().join("02-cycles=1000000000").join("recording.jsonl");
    wait_until("the second run begins", || second.is_file());
    subjects_of(&sweep, 1);
    signal(sweep.id() as i32, Signal::INT);
    let (code, drawn, stderr) = code_and_text(&finish(sweep));
    assert_eq!(code, 130, "{stderr}");
    let last = drawn.lines().last().expect("a line");
    assert_eq!(last, "verdict: interrupted — 1 of 3 runs done");
    let comparison = session.kept();
    assert_eq!(comparison["interrupted"], true);
    let verdicts: Vec<&Value> = rows(&comparison).iter().map(|row| &row["verdict"]).collect();
    assert_eq!(verdicts, [&"clean".into(), &"interrupted".into(), &Value::Null]);
    assert!(masked(&drawn)[3].starts_with("N not run –"), "{drawn}");
    // An interrupted run has no rate.
    assert_eq!(rows(&comparison)[1]["rate_per_s"], Value::Null);
    assert_eq!(std::fs::read_dir(session.out()).expect("a folder").count(), 3);
}

#[test]
fn a_subject_that_dies_does_not_end_the_comparison() {
    let session = Session::new();
    let faults = Faults { fault: "dies", step: "create", nth: 10 };
    let dying = command(&faults, "");
    let args = ["compare", "--repeat=1", "--subject", &dying, "--subject", "builtin"];
    let args = [&args[..], &["--", "--cycles", "20"]].concat();
    let (code, drawn, stderr) = session.run(&args);
    assert_eq!(code, 3, "{stderr}");
    let last = drawn.lines().last().expect("a line");
    assert!(last.starts_with("verdict: subject died — 1 of 2 subjects: "), "{last}");
    let comparison = session.kept();
    let [first, second] = &rows(&comparison)[..] else {
        panic!("two rows: {comparison:#}");
    };
    assert_eq!((&first["verdict"], &second["verdict"]), (&"subject-died".into(), &"clean".into()));
    assert_eq!(first["at_end"]["mappings"], Value::Null);
    // Without a rate of the first row there is no ratio.
    assert_eq!((&first["ratio"], &second["ratio"]), (&Value::Null, &Value::Null));
}
