//! Wrong use and bad input: one line, exit code 2, no panic.

mod common;

use std::path::Path;
use std::process::Command;

use common::leakbench;

/// The one line on standard error of a refused command.
fn complaint(args: &[&str]) -> String {
    let output = leakbench(args).output().expect("the binary starts");
    let stderr = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{args:?}");
    assert_eq!(stderr.lines().count(), 1, "{args:?}: {stderr}");
    assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
    stderr
}

/// Writes `bytes` to `name` in a new folder.
fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("written");
    let path = path.to_str().expect("text").to_owned();
    (folder, path)
}

fn assert_contains(complaint: &str, words: &[&str]) {
    for word in words {
        assert!(complaint.contains(word), "{word:?} is not in: {complaint}");
    }
}

#[test]
fn flags() {
    for (args, words) in [
        (&["--strategy", "randm"][..], &["randm", "similar", "'random'"][..]),
        (&["--on-drop", "purg"], &["purg", "'purge'"]),
        (&["--slots", "0"], &["--slots", "at least 1"]),
        (&["--threads", "0"], &["--threads", "at least 1"]),
        (&["--cycles", "many"], &["--cycles", "many", "whole number"]),
        (&["--image-size", "1"], &["--image-size", "24"]),
        (&["--image-size", "large"], &["--image-size", "large"]),
        (&["--threads", "100000"], &["--threads", "64"]),
        (&["--threads", "4", "--slots", "3"], &["4 slots", "--slots is 3"]),
        (&["--invoke", "run"], &["--invoke", "--wasm"]),
        (&["--no-such-flag"], &["--no-such-flag"]),
        (&["exec"], &["not provided: <COMMAND>"]),
        (&["--slots", "1000000"], &["1000000 slots", "would fit"]),
    ] {
        assert_contains(&complaint(args), words);
    }
}

/// Limits of the machine are not the command's fault: exit code 4, and the kernel's reason.
#[test]
fn what_the_kernel_refuses_is_inconclusive() {
    for (limit, reason) in [
        // For the subject's process, and for the scan of it.
        ("-n 12", "Too many open files (os error 24)"),
        ("-n 8", "Too many open files (os error 24)"),
        // For a slot.
        ("-v 3000000", "Cannot allocate memory (os error 12)"),
    ] {
        let script = format!("ulimit {limit}; exec \"$0\" --cycles 10 --slots 50 --processes 1");
        let output = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_leakbench")])
            .output()
            .expect("a shell");
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text += &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{limit}: {text}");
        assert!(text.contains(reason), "{limit}: {text}");
    }
}

#[test]
fn missing_files_and_folders() {
    assert_contains(&complaint(&["--wasm", "/no/such.wasm"]), &["/no/such.wasm", "No such file"]);
    assert_contains(
        &complaint(&["--scenario", "/no/such.toml"]),
        &["/no/such.toml", "affine-no-purge"],
    );
    let empty = tempfile::tempdir().expect("a folder");
    let path = empty.path().to_str().expect("text");
    assert_contains(&complaint(&["--wasm", path]), &["no modules in", path]);
}

#[test]
fn an_output_folder_that_cannot_be_written() {
    // A file in place of the folder fails for root too.
    let (_folder, path) = file("occupied", b"");
    let complaint = complaint(&["--cycles", "10", "--out", &path]);
    assert_contains(&complaint, &[&path]);
}

#[test]
fn files_that_are_no_modules() {
    let (_folder, path) = file("text.wasm", b"hello, world");
    assert_contains(&complaint(&["--wasm", &path]), &[&path, "not"]);
    let (_folder, path) = file("empty.wasm", b"");
    assert_contains(&complaint(&["--wasm", &path]), &[&path, "empty"]);
    let (_folder, path) = file("broken.wat", b"(module (func");
    assert_contains(&complaint(&["--wasm", &path]), &[&path]);
}

#[test]
fn an_invalid_module_is_refused_with_offset_and_reason() {
    let (_folder, path) = file("bad.wat", b"(module (func (result i32) i64.const 1))");
    let complaint = complaint(&["--wasm", &path]);
    assert_contains(&complaint, &[&path, "offset", "type mismatch"]);
}

#[test]
fn a_module_with_an_unsupported_proposal() {
    let (_folder, path) = file("struct.wat", b"(module (type (struct)))");
    assert_contains(&complaint(&["--wasm", &path]).to_lowercase(), &["garbage collection"]);
    let (_folder, path) = file("gc.wat", b"(module (type (struct)))");
    assert_contains(&complaint(&["--wasm", &path]).to_lowercase(), &["garbage collection"]);
}

#[test]
fn an_unknown_import_is_refused_with_names_and_type() {
    let import = br#"(module (import "env" "log" (func (param i32 i64) (result f32))))"#;
    let (_folder, path) = file("import.wat", import);
    assert_contains(&complaint(&["--wasm", &path]), &["env", "log", "(i32, i64) -> (f32)"]);
}

#[test]
fn an_export_that_cannot_be_invoked() {
    let guest = br#"(module (func (export "add") (param i32) (result i32) local.get 0))"#;
    let (_folder, path) = file("guest.wat", guest);
    assert_contains(&complaint(&["--wasm", &path, "--invoke", "run"]), &["run", &path]);
    assert_contains(
        &complaint(&["--wasm", &path, "--invoke", "add"]),
        &["add", "parameter", &path],
    );
    let trap = br#"(module (func $boom (export "run") unreachable))"#;
    let (_folder, path) = file("trap.wat", trap);
    assert_contains(
        &complaint(&["--wasm", &path, "--invoke", "run"]),
        &["unreachable", "boom", &path],
    );
}

#[test]
fn scenario_files() {
    let (_folder, path) = file("key.toml", b"cycles = 10\nslotz = 5\n");
    assert_contains(&complaint(&["--scenario", &path]), &[&path, "line 2", "slotz"]);
    let (_folder, path) = file("type.toml", b"# a comment\n\nslots = \"many\"\n");
    assert_contains(&complaint(&["--scenario", &path]), &[&path, "line 3"]);
    let (_folder, path) = file("zero.toml", b"threads = 0\n");
    assert_contains(&complaint(&["--scenario", &path]), &[&path, "line 1"]);
    let (_folder, path) = file("strategy.toml", b"strategy = \"rnadom\"\n");
    assert_contains(&complaint(&["--scenario", &path]), &[&path, "line 1", "rnadom"]);
}

/// The control.
#[test]
fn good_input_runs() {
    let (_folder, guest) = file("ok.wat", br#"(module (memory 1) (data (i32.const 0) "x"))"#);
    let name = Path::new(&guest).file_name().expect("a name").to_str().expect("text");
    let scenario = format!("cycles = 10\nstrategy = \"warm-lru\"\nwasm = [\"{name}\"]\n");
    let path = Path::new(&guest).with_file_name("ok.toml");
    std::fs::write(&path, scenario).expect("written");
    let run = common::Run::recorded(&["--scenario", path.to_str().expect("text")]);
    assert_eq!(run.code, 0, "{:?}", run.result);
    run.assert_released_by_drops(10);
}

#[test]
fn limits_and_guests_that_there_are_not() {
    assert_contains(
        &complaint(&["--wasm", "builtin:none"]),
        &["builtin:none", "no module that comes with leakbench", "fd-renumber"],
    );
    let script = "ulimit -n 100 && exec \"$0\" --cycles 10 --processes 1 --max-fds 200";
    let mut shell = std::process::Command::new("sh");
    let output = shell.args(["-c", script, env!("CARGO_BIN_EXE_leakbench")]).output();
    let output = output.expect("a shell");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert_contains(&stderr, &["--max-fds 200", "the hard limit is 100"]);
}
