//! The CI scripts: `scripts/ci-gate`, and the shell of the action.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs a bash script in `folder` with the variables of a CI job.
fn bash(script: &str, folder: &Path, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new("bash");
    command.args(["-e", "-o", "pipefail", "-c", script]).current_dir(folder);
    command.env("LEAKBENCH", env!("CARGO_BIN_EXE_leakbench"));
    for name in ["OUT", "ATTEMPTS", "BUDGET", "BASELINE"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied()).output().expect("there is a bash")
}

fn ci_gate(flags: &str, folder: &Path, variables: &[(&str, &str)]) -> (i32, String) {
    let script = format!("{}/scripts/ci-gate {flags}", root().display());
    let output = bash(&script, folder, variables);
    (
        output.status.code().expect("it exits by itself"),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

const CLEAN: &str = "--cycles 200 --slots 50";
const LEAK: &str = "--cycles 200 --slots 50 --on-drop keep --settle-ms 20";

#[test]
fn the_script_keeps_each_attempt_and_the_outcome() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("leakbench-out/ci");

    let (code, stdout) = ci_gate(LEAK, folder.path(), &[("ATTEMPTS", "2")]);
    assert_eq!(code, 1, "{stdout}");
    let last = stdout.lines().last().expect("a verdict");
    assert!(
        last.starts_with("gate: FAIL — lingering-at-end: passed at none of 2 attempts"),
        "{last}"
    );
    for name in ["attempt-1/report.html", "attempt-2/report.png", "junit.xml", "gate.json"] {
        assert!(out.join(name).is_file(), "no {name}");
    }

    // The first attempt that passes is the last, and files of the previous job are removed.
    let (code, stdout) = ci_gate(CLEAN, folder.path(), &[("ATTEMPTS", "3")]);
    assert_eq!(code, 0, "{stdout}");
    assert!(stdout.lines().last().is_some_and(|line| line.starts_with("gate: PASS")), "{stdout}");
    assert!(!out.join("attempt-2").exists());

    let (code, _) = ci_gate("--no-such-flag", folder.path(), &[("ATTEMPTS", "3")]);
    assert_eq!(code, 2);
    assert!(!out.join("junit.xml").exists(), "the outcome of the previous job is removed");

    fs::write(folder.path().join("leakbench.toml"), "version = 1\n[policy.lingerin]\n")
        .expect("room");
    let (code, _) = ci_gate(CLEAN, folder.path(), &[]);
    assert_eq!(code, 2, "an invalid budget does not pass");
}

/// The shell of a step of `action.yml`.
fn step(name: &str) -> String {
    let action = fs::read_to_string(root().join("action.yml")).expect("the action");
    let step = action.split_once(&format!("- name: {name}\n")).expect("the step").1;
    let shell = step.split_once("      run: |\n").expect("its shell").1;
    let lines = shell.lines().take_while(|line| line.is_empty() || line.starts_with("        "));
    lines.map(|line| line.trim_start_matches("        ").to_owned() + "\n").collect()
}

#[test]
fn the_step_of_the_action_judges_and_annotates() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (output, summary) = (file("output"), file("summary"));
    let root = root().to_string_lossy().into_owned();
    let judge = |run: &str| {
        let variables = [
            ("ACTION_PATH", root.as_str()),
            ("RUN", run),
            ("OUT", "out"),
            ("ATTEMPTS", "1"),
            ("BUDGET", ""),
            ("BASELINE", ""),
            ("SUMMARY", "true"),
            ("GITHUB_OUTPUT", &output),
            ("GITHUB_STEP_SUMMARY", &summary),
        ];
        bash(&step("Run and judge"), folder.path(), &variables)
    };
    // Flags may be on several lines.
    let judged = judge("--cycles 200 --slots 50\n--on-drop keep\n--settle-ms 20\n");
    let stdout = String::from_utf8_lossy(&judged.stdout).into_owned();
    assert_eq!(judged.status.code(), Some(1), "{stdout}");
    assert!(stdout.contains("::error title=leakbench gate"), "no annotation in {stdout}");
    let outputs = fs::read_to_string(&output).expect("outputs");
    assert_eq!(outputs, "exit-code=1\nreport=out/attempt-1/report.html\n");
    let text = fs::read_to_string(&summary).expect("a summary");
    assert!(text.starts_with("### ✗ gate: FAIL"), "{text}");
    assert!(judge("--cycles 200 --slots 50").status.success());
}
