//! Guests with WASI by the real binary: `leakbench wasm run`, and runs that cycle them.

mod common;

use std::fs;
use std::io::Write;
use std::process::{Output, Stdio};

use common::{Run, leakbench};

/// Writes its arguments, its variables, a greeting and the file `/data/in` to standard output, and exits with
/// the code 3.
const HELLO: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write"
        (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read"
        (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_get" (func $env (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get"
        (func $env_sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 512) "Hello, world!\n")
    (data (i32.const 640) "in")
    (func $print (param $at i32) (param $len i32)
        (i32.store (i32.const 0) (local.get $at))
        (i32.store (i32.const 4) (local.get $len))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
    (func (export "_start")
        (call $print (i32.const 512) (i32.const 14))
        (drop (call $sizes (i32.const 16) (i32.const 20)))
        (drop (call $args (i32.const 1024) (i32.const 4096)))
        (call $print (i32.const 4096) (i32.load (i32.const 20)))
        (drop (call $env_sizes (i32.const 16) (i32.const 20)))
        (drop (call $env (i32.const 1024) (i32.const 4096)))
        (call $print (i32.const 4096) (i32.load (i32.const 20)))
        (if (i32.eqz (call $open (i32.const 3) (i32.const 0) (i32.const 640) (i32.const 2)
                (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 24)))
            (then
                (i32.store (i32.const 0) (i32.const 8192))
                (i32.store (i32.const 4) (i32.const 100))
                (drop (call $read
                    (i32.load (i32.const 24)) (i32.const 0) (i32.const 1) (i32.const 28)))
                (call $print (i32.const 8192) (i32.load (i32.const 28)))))
        (call $exit (i32.const 3))))"#;

/// A folder with `app.wat`.
fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("app.wat"), text).expect("written");
    folder
}

/// Runs `app.wat` in its folder.
fn run(folder: &tempfile::TempDir, flags: &[&str]) -> Output {
    let mut command = leakbench(&[&["wasm", "run", "app.wat"], flags].concat());
    command.current_dir(folder.path()).output().expect("the binary starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

#[test]
fn a_guest_sees_what_the_flags_give_it() {
    let folder = folder(HELLO);
    fs::create_dir(folder.path().join("data")).expect("a folder");
    fs::write(folder.path().join("data/in"), "from a file\n").expect("written");
    let flags = ["--dir", "data::/data", "--env", "A=1", "--env", "B==", "--", "--one", "two"];
    let output = run(&folder, &flags);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(text(&output.stdout), "Hello, world!\napp.wat\0--one\0two\0A=1\0B==\0from a file\n");
    assert_eq!(text(&output.stderr), "");
    let output = run(&folder, &[]);
    assert_eq!(text(&output.stdout), "Hello, world!\napp.wat\0", "nothing else is given");
}

#[test]
fn standard_input_is_the_guests() {
    let echo = folder(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_read"
                (func $read (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_start")
                (i32.store (i32.const 0) (i32.const 64))
                (i32.store (i32.const 4) (i32.const 100))
                (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4)))
                (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))))"#,
    );
    let mut command = leakbench(&["wasm", "run", "app.wat"]);
    command.current_dir(echo.path()).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    child.stdin.take().expect("a pipe").write_all(b"to standard error").expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), ""));
    assert_eq!(text(&output.stderr), "to standard error");
}

#[test]
fn a_trap_has_its_place_and_a_code_of_its_own() {
    let folder = folder(
        "(module $app (func $inner unreachable) (func $outer (export \"_start\") (call $inner)))",
    );
    let output = run(&folder, &[]);
    assert_eq!(output.status.code(), Some(134), "{output:?}");
    let stderr = text(&output.stderr);
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(
        lines[0],
        "leakbench: app.wat stopped: unreachable in function 0 'inner' of module 'app'"
    );
    assert_eq!(lines[1], "wasm backtrace:");
    assert!(lines[2].contains("inner") && lines[3].contains("outer"), "{stderr}");
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn a_function_is_called_by_its_name() {
    let folder = folder(
        r#"(module
            (global $sum (mut i64) (i64.const 0))
            (func (export "_initialize") (global.set $sum (i64.const 40)))
            (func (export "add") (param i32 i64) (result i64)
                (i64.add (global.get $sum) (i64.add (i64.extend_i32_s (local.get 0)) (local.get 1))))
            (func (export "two") (param f32 f64) (result f32 f64) (local.get 0) (local.get 1)))"#,
    );
    let output = run(&folder, &["--invoke", "add", "--", "-1", "3"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "42\n"), "{output:?}");
    let output = run(&folder, &["--invoke", "two", "--", "0.5", "-1e3"]);
    assert_eq!(text(&output.stdout), "0.5\n-1000\n");
}

#[test]
fn what_cannot_run_is_refused_in_one_line() {
    let folder = folder(r#"(module (func (export "add") (param i32 f64)))"#);
    fs::write(folder.path().join("import.wat"), r#"(module (import "env" "f" (func)))"#)
        .expect("written");
    fs::write(folder.path().join("bad.wasm"), "no module").expect("written");
    for (args, words) in [
        (&["none.wasm"][..], &["cannot read none.wasm: "][..]),
        (&["bad.wasm"], &["cannot run bad.wasm: "]),
        (&["import.wat"], &["cannot run import.wat: unknown import", "'env' 'f'"]),
        (&["app.wat"], &["app.wat exports no function '_start'", "--invoke", "(it has add)"]),
        (&["app.wat", "--invoke", "sub"], &["no function 'sub'"]),
        (&["app.wat", "--invoke", "add"], &["'add' takes 2 arguments, but 0 were given"]),
        (&["app.wat", "--invoke", "add", "--", "1", "x"], &["'x' is no f64: argument 2 of 'add'"]),
        (&["app.wat", "--dir", "nowhere::/"], &["cannot open the directory nowhere: "]),
        (&["app.wat", "--dir", "::/"], &["write HOST::GUEST"]),
        (&["app.wat", "--env", "NAME"], &["write NAME=VALUE"]),
    ] {
        let mut command = leakbench(&[&["wasm", "run"], args].concat());
        let output = command.current_dir(folder.path()).output().expect("the binary starts");
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{args:?}: {stderr}");
        for word in words {
            assert!(stderr.contains(word), "{args:?}: {word:?} is not in {stderr}");
        }
    }
}

/// Runs without end, in the ways of `--invoke`; and does what needs something of the host.
const TAKES_MUCH: &str = r#"(module $greedy
    (import "wasi_snapshot_preview1" "fd_write"
        (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff"
        (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (memory (export "memory") 2)
    (table 100 funcref)
    (data (i32.const 512) "file")
    (func (export "_start"))
    (func $loop (export "loop") (loop (br 0)))
    (func $recurse (export "recurse") (call $recurse))
    ;; Waits for a day.
    (func (export "sleep")
        (i64.store (i32.const 24) (i64.const 86400000000000))
        (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128))))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "grow-table") (param i32) (result i32)
        (table.grow (ref.null func) (local.get 0)))
    ;; The number of files that it can open.
    (func (export "open") (result i32) (local $n i32)
        (loop $l
            (if (i32.eqz (call $open (i32.const 3) (i32.const 0) (i32.const 512) (i32.const 4)
                    (i32.const 1) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 24)))
                (then (local.set $n (i32.add (local.get $n) (i32.const 1))) (br $l))))
        (local.get $n))
    ;; Writes four bytes so often; the last error.
    (func (export "write") (param $n i32) (result i32) (local $error i32)
        (i32.store (i32.const 0) (i32.const 512))
        (i32.store (i32.const 4) (i32.const 4))
        (loop $l
            (local.set $error
                (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
            (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $error)))"#;

/// A guest that takes more than a flag allows ends with the code for a trap, or is not run. The message names
/// the flag. With a higher limit it runs.
#[test]
fn a_guest_ends_at_its_limits() {
    let folder = folder(TAKES_MUCH);
    for (args, code, words) in [
        (
            &["--timeout", "50ms", "--invoke", "loop"][..],
            134,
            &["interrupted at the deadline in function", "'loop'", "raise --timeout"][..],
        ),
        (
            &["--timeout", "50ms", "--invoke", "sleep"],
            134,
            &["still in a host function", "raise --timeout"],
        ),
        (
            &["--fuel", "10k", "--invoke", "loop"],
            134,
            &["all fuel consumed in function", "10,000 units", "raise --fuel"],
        ),
        (
            &["--invoke", "recurse"],
            134,
            &["call stack exhausted", "has 512 KiB", "raise --max-stack"],
        ),
        (&["--max-stack", "64MiB", "--invoke", "recurse"], 134, &["has 64.0 MiB"]),
        (&["--max-memory", "64KiB"], 2, &["it needs 131072 bytes", "raise --max-memory"]),
        (&["--max-table-elements", "99"], 2, &["needs 100 elements", "--max-table-elements"]),
        (&["--max-fds", "3", "--dir", ".::/"], 2, &["more than 3 descriptors", "--max-fds"]),
        (&["--timeout", "now"], 2, &["--timeout", "expected a time"]),
    ] {
        let output = run(&folder, args);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
        for word in words {
            assert!(stderr.contains(word), "{args:?}: {word:?} is not in {stderr}");
        }
    }
    let all = ["--timeout", "1h", "--fuel", "10M", "--max-memory", "128KiB", "--max-stack", "1MiB"];
    let all = [&all[..], &["--max-table-elements", "100", "--max-fds", "4", "--dir", ".::/"]];
    assert_eq!(run(&folder, &all.concat()).status.code(), Some(0));
}

/// A guest that runs is refused more by results and errors, and goes on.
#[test]
fn a_guest_learns_of_its_limits() {
    let folder = folder(TAKES_MUCH);
    let result = |args: &[&str], words: &[&str]| {
        let output = run(&folder, &[args, words].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        (text(&output.stdout).trim_end().to_owned(), output.stderr.len())
    };
    let grow = |limit| result(&["--max-memory", limit, "--invoke", "grow"], &["--", "1"]).0;
    assert_eq!([grow("128KiB"), grow("192KiB")], ["-1", "2"]);
    let grow =
        |limit| result(&["--max-table-elements", limit, "--invoke", "grow-table"], &["--", "5"]).0;
    assert_eq!([grow("104"), grow("105")], ["-1", "100"]);
    let open = |limit| result(&["--max-fds", limit, "--dir", ".::/", "--invoke", "open"], &[]).0;
    assert_eq!([open("4"), open("10")], ["0", "6"]);
    let write = |limit| result(&["--max-written", limit, "--invoke", "write"], &["--", "3"]);
    // The number of DQUOT.
    assert_eq!(write("8"), ("19".to_owned(), 8));
    assert_eq!(write("10"), ("0".to_owned(), 10), "the last write is cut");
    assert_eq!(write("12"), ("0".to_owned(), 12));
}

/// Opens the file `/file`, moves its descriptor onto another one, appends its arguments and variables to it, and
/// exits.
const APPEND: &str = r#"(module $append
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write"
        (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_get" (func $env (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get"
        (func $env_sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 512) "file")
    (func $open_file
        (if (call $open (i32.const 3) (i32.const 0) (i32.const 512) (i32.const 4) (i32.const 1)
                (i64.const -1) (i64.const -1) (i32.const 1) (i32.const 24))
            (then unreachable)))
    (func $append (param $len i32)
        (i32.store (i32.const 0) (i32.const 4096))
        (i32.store (i32.const 4) (local.get $len))
        (if (call $write (i32.const 4) (i32.const 0) (i32.const 1) (i32.const 8))
            (then unreachable)))
    (func (export "_start")
        (call $open_file)
        (call $open_file)
        (if (call $renumber (i32.const 5) (i32.const 4)) (then unreachable))
        (drop (call $sizes (i32.const 16) (i32.const 20)))
        (drop (call $args (i32.const 1024) (i32.const 4096)))
        (call $append (i32.load (i32.const 20)))
        (drop (call $env_sizes (i32.const 16) (i32.const 20)))
        (drop (call $env (i32.const 1024) (i32.const 4096)))
        (call $append (i32.load (i32.const 20)))
        (call $exit (i32.const 0))))"#;

#[test]
fn a_run_gives_each_instance_a_context_of_its_own() {
    let folder = folder(APPEND);
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    fs::create_dir(path("data")).expect("a folder");
    let (module, dir) = (path("app.wat"), format!("{}::/", path("data")));
    let world = ["--dir", &dir, "--env", "NAME=value", "--arg", "one"];
    let flags = ["--wasm", &module, "--cycles", "100", "--slots", "50"];
    let run = Run::of(&[&flags[..], &world, &["--processes", "1"]].concat());
    assert_eq!((run.code, run.verdict()), (0, "clean"), "{run:?}");
    let expected = "append\0one\0NAME=value\0";
    let written = fs::read_to_string(path("data/file")).expect("the guest's file");
    // The preflight is one more instance.
    assert_eq!(written, expected.repeat(101));
    assert!(run.result["peak"]["fds"].as_u64().expect("a number") < 50, "{run:?}");
}

/// Calls an import that nothing provides if its data has a 1, after it has called `_initialize`.
const UNKNOWN_IMPORT: &str = r#"(module
    (import "env" "absent" (func $absent (param i64) (result f32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "CALLS")
    (global $initialized (mut i32) (i32.const 0))
    (func (export "_initialize") (global.set $initialized (i32.const 1)))
    (func (export "compute") (result i32)
        (if (i32.eqz (global.get $initialized)) (then unreachable))
        (if (i32.eq (i32.load8_u (i32.const 0)) (i32.const 49))
            (then (drop (call $absent (i64.const 7)))))
        (i32.const 5)))"#;

#[test]
fn unknown_imports_trap_only_when_they_are_called() {
    let unused = folder(&UNKNOWN_IMPORT.replace("CALLS", "0"));
    let called = folder(&UNKNOWN_IMPORT.replace("CALLS", "1"));
    let invoke = ["--invoke", "compute"];
    let refused = run(&unused, &invoke);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(text(&refused.stderr).contains("'env' 'absent'"), "{refused:?}");
    assert!(text(&refused.stderr).contains("--trap-unknown-imports"), "{refused:?}");
    let flags = ["--trap-unknown-imports", "--invoke", "compute"];
    let output = run(&unused, &flags);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "5\n"), "{output:?}");
    let output = run(&called, &flags);
    assert_eq!(output.status.code(), Some(134), "{output:?}");
    assert!(text(&output.stderr).contains("the guest called 'env' 'absent'"), "{output:?}");
}

#[test]
fn a_run_cycles_modules_with_unknown_imports_if_it_may() {
    for (data, may, code, words) in [
        ("0", true, 0, "verdict: clean"),
        ("1", true, 2, "the guest called 'env' 'absent'"),
        ("0", false, 2, "--trap-unknown-imports"),
    ] {
        let folder = folder(&UNKNOWN_IMPORT.replace("CALLS", data));
        let module = folder.path().join("app.wat");
        let module = module.to_str().expect("text");
        let flags = ["--wasm", module, "--invoke", "compute", "--cycles", "50", "--processes", "1"];
        let trap: &[&str] = if may { &["--trap-unknown-imports"] } else { &[] };
        for mode in ["plain", "own-engine", "one-store", "from-file"] {
            let output = leakbench(&[&flags[..], trap, &["--mode", mode]].concat()).output();
            let output = output.expect("the binary starts");
            let all = format!("{}{}", text(&output.stdout), text(&output.stderr));
            assert_eq!(output.status.code(), Some(code), "{data} {may} {mode}: {all}");
            assert!(all.contains(words), "{data} {may} {mode}: {all}");
        }
    }
}

#[test]
fn a_run_without_modules_from_files_has_no_world_to_give() {
    for (flag, value) in [("--dir", "data::/"), ("--env", "NAME=value"), ("--arg", "one")] {
        let output = leakbench(&[flag, value, "--cycles", "1"]).output().expect("it starts");
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        let words = format!("{flag} {value} needs --wasm");
        assert!(stderr.contains(&words), "{words:?} is not in {stderr}");
    }
}
