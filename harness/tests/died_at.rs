//! Subjects that die at a limit of the kernel: the judge computes the leak of each cycle.

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::Run;
use tempfile::NamedTempFile;

/// A run whose processes have at most `open_files` descriptors.
fn run_with_descriptors(open_files: u32, args: &[&str]) -> Run {
    run_after(&format!("ulimit -n {open_files}"), args)
}

/// A run by a shell that runs `first` before.
fn run_after(first: &str, args: &[&str]) -> Run {
    let script = format!("{first} && exec \"$0\" \"$@\"");
    let output = Command::new("bash")
        .args(["-c", &script, env!("CARGO_BIN_EXE_leakbench")])
        .args(args)
        .args(["--processes", "1", "--json"])
        .stdin(Stdio::null())
        .output();
    Run::from(output.expect("a shell"))
}

/// The messages of the rule `died-at`.
fn died_at(run: &Run) -> Vec<String> {
    let findings = run.result["findings"].as_array().expect("a list");
    let died_at = findings.iter().filter(|finding| finding["policy"] == "died-at");
    died_at.map(|finding| finding["message"].as_str().expect("a message").to_owned()).collect()
}

/// The driver `leaky`, and a module without contents to give to it.
struct Leaky {
    drivers: PathBuf,
    module: NamedTempFile,
}

impl Leaky {
    fn new() -> Leaky {
        let drivers = Path::new(env!("CARGO_BIN_EXE_leakbench")).with_file_name("examples");
        let driver = drivers.join("leakbench-leaky");
        assert!(driver.is_file(), "no {}: build it with the tests (cargo test)", driver.display());
        let mut module = tempfile::Builder::new().suffix(".wat").tempfile().expect("a file");
        module.write_all(b"(module)").expect("written");
        Leaky { drivers, module }
    }

    fn args(&self) -> [&str; 6] {
        let [drivers, module] = [&self.drivers, self.module.path()].map(plain);
        ["--subject", "leaky", "--driver-dir", drivers, "--wasm", module]
    }
}

fn plain(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

#[test]
fn a_driver_that_fails_after_its_last_step_is_never_clean() {
    let leaky = Leaky::new();
    let args = [&leaky.args()[..], &["--cycles", "20"]].concat();
    for (status, code, verdict) in [("0", 0, "clean"), ("7", 3, "subject-died")] {
        let mut leakbench = common::leakbench(&args);
        leakbench.env("LEAKY_LEAVES", "nothing").env("LEAKY_EXIT_STATUS", status).arg("--json");
        let run = Run::from(leakbench.output().expect("the binary starts"));
        let findings = &run.result["findings"];
        assert_eq!((run.code, run.verdict()), (code, verdict), "status {status}: {findings}");
    }
}

#[test]
fn a_leak_of_one_descriptor_a_cycle_is_computed() {
    let leaky = Leaky::new();
    let run = run_with_descriptors(512, &leaky.args());
    assert_eq!((run.code, run.verdict()), (3, "subject-died"), "{}", run.result["findings"]);
    let messages = died_at(&run);
    let [message] = &messages[..] else { panic!("one finding: {messages:?}") };
    assert!(message.contains("(512 descriptors allowed"), "{message}");
    assert!(message.ends_with("= 1 descriptor a cycle (RLIMIT_NOFILE)"), "{message}");
}

/// They have numbers beyond the limit, so the kernel does not count them.
#[test]
fn inherited_descriptors_are_no_part_of_the_leak() {
    let leaky = Leaky::new();
    let out = tempfile::tempdir().expect("a folder");
    let args = [&leaky.args()[..], &["--out", plain(out.path())]].concat();
    let first = "for fd in {701..720}; do eval \"exec $fd</dev/null\"; done; ulimit -n 512";
    let run = run_after(first, &args);
    let messages = died_at(&run);
    let [message] = &messages[..] else { panic!("one finding: {messages:?}") };
    assert!(message.ends_with("= 1 descriptor a cycle (RLIMIT_NOFILE)"), "{message}");
    let recording =
        std::fs::read_to_string(out.path().join("recording.jsonl")).expect("a recording");
    let open_files = "\"open_files\":{\"max\":512,\"beyond\":";
    let beyond = recording.split(open_files).nth(1).and_then(|rest| rest.split('}').next());
    let beyond: u64 = beyond.expect("a limit").parse().expect("a number");
    assert!((20..30).contains(&beyond), "{beyond} inherited");
}

/// The control: the same error of the kernel without a leak.
#[test]
fn descriptors_that_are_in_use_are_no_leak() {
    let run = run_with_descriptors(60, &["--live-modules", "200", "--cycles", "100000"]);
    assert_eq!((run.code, run.verdict()), (3, "subject-died"));
    assert!(run.result["findings"].to_string().contains("Too many open files"));
    assert_eq!(died_at(&run), [""; 0]);
    // Raising the limit is a way, and so is a smaller number of what holds descriptors.
    let script = "ulimit -n 60 && exec \"$0\" --live-modules 200 --cycles 100000 --processes 1";
    let output =
        Command::new("bash").args(["-c", script, env!("CARGO_BIN_EXE_leakbench")]).output();
    let summary = common::unwrapped(&output.expect("a shell").stdout);
    let next =
        "next ulimit -n 240 lets it run longer, if it is no leak; fewer --live-modules need less";
    assert!(summary.contains(next), "{summary}");
}
