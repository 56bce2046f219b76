//! `leakbench components` by the real binary.

mod common;

use common::session::{Finished, Session};
use serde_json::Value;

/// Two components of which one calls the other with a string. Each has a memory, one with an image.
const COMPOSED: &str = r#"(component $composed
    (component $a
        (core module $m
            (memory (export "memory") 1)
            (data (i32.const 0) "x") (data (i32.const 9000) "x")
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
            (func (export "f") (param i32 i32)))
        (core instance $i (instantiate $m))
        (func (export "f") (param "s" string) (canon lift (core func $i "f")
            (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
    (component $b
        (import "f" (func $f (param "s" string)))
        (core module $n (memory (export "memory") 2 4))
        (core instance $i (instantiate $n))
        (core func $g (canon lower (func $f) (memory (core memory $i "memory"))))
        (core module $caller (import "" "g" (func $g (param i32 i32)))
            (func (export "run") (call $g (i32.const 0) (i32.const 3))))
        (core instance $c (instantiate $caller
            (with "" (instance (export "g" (func $g))))))
        (func (export "run") (canon lift (core func $c "run"))))
    (instance $x (instantiate $a))
    (instance $y (instantiate $b (with "f" (func $x "f"))))
    (export "run" (func $y "run")))"#;

fn session(name: &str, text: &str) -> Session {
    let session = Session::new();
    std::fs::write(session.path(name), text).expect("written");
    session
}

fn printed(session: &Session, args: &[&str]) -> String {
    let Finished { code, stdout, stderr } = session.run(args);
    assert_eq!((code, stderr.as_str()), (0, ""), "{args:?}: {stdout}");
    stdout
}

#[test]
fn a_composition_is_a_tree_with_its_costs() {
    let session = session("app.wat", COMPOSED);
    let text = printed(&session, &["components", "app.wat"]);
    for words in [
        "component app.wat, ",
        "├─ component 'a' at 0x",
        "│  └─ core module 0 'm' at 0x",
        ", 2 functions, defines memory of 64.0 KiB\n",
        "│  └─ core module 2 'caller' at 0x",
        "defines memory of 128 KiB to 256 KiB\n",
        "└─ adapters between them, in no file: 1 core module with 1 function, 3\n",
        "  2  of calls between component instances: core module 3\n",
        "trampoline 2: 1 string utf8-to-utf8, 1 trap\n",
        "imports    none\n",
        "exports    run (function)\n",
        "in a slot 4.0 GiB and 3 mappings; on demand 4.1 GiB and 4 mappings; 1 descriptor a copy\n",
        "an instance from the pool: 8.1 GiB and 5 mappings\n",
        "a loaded copy: 1 descriptor\n",
        "limits     vm.max_map_count ",
    ] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    let last = text.lines().last().expect("lines");
    assert!(last.starts_with("conclusion: 4 core modules, 2 memories: "), "{last}");
    assert!(last.contains(" fit into a process from the pool, and "), "{last}");
    assert_eq!(printed(&session, &["components", "app.wat", "-q"]), format!("{last}\n"));
}

#[test]
fn the_json_has_the_same_numbers() {
    let session = session("app.wat", COMPOSED);
    let json = printed(&session, &["components", "--json", "app.wat"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["version"], &json["file"]), (&1.into(), &"app.wat".into()));
    let memories = json["memories"].as_array().expect("a list");
    let of: Vec<_> = memories.iter().map(|memory| memory["pooled"]["mappings"].as_u64()).collect();
    assert_eq!(of, [Some(3), Some(2)]);
    assert_eq!(memories[1]["maximum_pages"], 4);
    assert_eq!((&json["pooled"]["mappings"], &json["descriptors"]), (&5.into(), &1.into()));
    assert_eq!(json["plan"]["definition"]["components"].as_array().map(Vec::len), Some(2));
    assert_eq!(json["plan"]["modules"][3]["origin"], "adapter");
    // The limits and what fits are of one moment.
    let number = |value: &Value| value.as_u64().expect("a number");
    let limits = &json["limits"];
    let left = number(&limits["max_map_count"]) - number(&limits["present_mappings"]);
    assert_eq!(number(&json["fit"]["pooled"]["by_mappings"]), left / 5);
    if let Some(max) = limits["open_files"].as_u64() {
        assert_eq!(number(&json["fit"]["copies"]), max - number(&limits["present_descriptors"]));
    }
    let ranges = limits["free_ranges_bytes"].as_array().expect("a list");
    let free: u64 = ranges.iter().map(number).sum();
    let addresses = number(&json["fit"]["pooled"]["by_address_space"]);
    assert!(addresses > 0 && addresses <= free / number(&json["pooled"]["address_bytes"]));
}

#[test]
fn a_lower_limit_of_descriptors_is_named() {
    let session = session("app.wat", COMPOSED);
    let script = "ulimit -n 64 && exec \"$0\" components -q app.wat";
    let output = std::process::Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_leakbench")])
        .current_dir(session.path("."))
        .output();
    let Finished { code, stdout, stderr } = Finished::of(output.expect("a shell"));
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("; RLIMIT_NOFILE (64) allows "), "{stdout}");
    assert!(stdout.ends_with(" loaded copies\n"), "{stdout}");
}

#[test]
fn files_without_a_plan_are_named_with_the_reason() {
    for (text, words) in [
        ("(module)", "it is a core module and no component: leakbench wasm run runs it"),
        ("hello", "it is no WebAssembly component"),
        ("(component (type (stream u8)))", "needs asynchronous functions, streams and futures"),
        ("(component (core instance (instantiate 0)))", "invalid component at offset 0x"),
    ] {
        let session = session("app.wat", text);
        let Finished { code, stdout, stderr } = session.run(&["components", "app.wat"]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{text}: {stderr}");
        assert!(stderr.contains("cannot plan app.wat: ") && stderr.contains(words), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
    let Finished { code, stderr, .. } = Session::new().run(&["components", "absent.wasm"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("cannot read absent.wasm"), "{stderr}");
}

#[test]
fn hostile_names_stay_on_their_line() {
    let name = "x\\1b[2K\\0aconclusion: none";
    let session = session(
        "app.wat",
        &format!(
            "(component (core module $m (@name \"{name}\") (memory 1)) (core instance (instantiate $m)))"
        ),
    );
    let text = printed(&session, &["components", "app.wat"]);
    assert!(!text.contains('\x1b') && text.contains("\\u{1b}"), "{text}");
    let conclusions = text.lines().filter(|line| line.starts_with("conclusion: "));
    assert_eq!(conclusions.count(), 1, "{text}");
}

/// Returns its argument, of which a core function only sees the place.
const ECHO: &str = r#"(component
    (core module $m
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "echo") (param i32 i32) (result i32)
            (i32.store (i32.const 64) (local.get 0)) (i32.store (i32.const 68) (local.get 1))
            (i32.const 64))
        (func (export "spin") (loop (br 0)))
        (func (export "fail") unreachable))
    (core instance $i (instantiate $m))
    (func (export "echo") (param "x" string) (result string) (canon lift (core func $i "echo")
        (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
    (func (export "spin") (canon lift (core func $i "spin")))
    (func (export "fail") (canon lift (core func $i "fail"))))"#;

#[test]
fn a_component_is_called_with_values_as_text() {
    let session = session("app.wat", ECHO);
    let run = |args: &[&str]| session.run(&[&["wasm", "run", "app.wat"], args].concat());
    let Finished { code, stdout, stderr } = run(&["--invoke", "echo(\"h\u{e9}llo\")"]);
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "\"h\u{e9}llo\"\n", ""));
    for (args, code, words) in [
        (&["--invoke", "fail()"][..], 134, "app.wat stopped: "),
        (&["--invoke", "spin()", "--timeout", "100ms"], 134, "raise --timeout"),
        (&["--invoke", "spin()", "--fuel", "1000"], 134, "raise --fuel"),
        (&["--invoke", "fail()", "--max-memory", "1KiB"], 2, "raise --max-memory"),
        (&["--invoke", "echo(1)"], 2, "cannot run app.wat: 'echo(1)' is no call such as"),
        (&["--invoke", "echo"], 2, "is no call such as"),
        (&["--invoke", "x()"], 2, "it exports no function 'x' (it has echo, spin, fail)"),
        (&[], 2, "app.wat is a component: name a call, such as --invoke 'run(1, 2)'"),
        (&["--invoke", "fail()", "--env", "A=b"], 2, "leave out --env"),
        (&["--invoke", "fail()", "--", "x"], 2, "leave out the words after --"),
    ] {
        let output = run(args);
        assert_eq!((output.code, output.stdout.as_str()), (code, ""), "{args:?}: {output:?}");
        assert!(output.stderr.contains(words), "{args:?}: {output:?}");
    }
}

#[test]
fn the_calls_between_component_instances_run() {
    let session = session("app.wat", COMPOSED);
    let Finished { code, stdout, stderr } =
        session.run(&["wasm", "run", "app.wat", "--invoke", "run()"]);
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "", ""));
    let importing = "(component (import \"wasi:cli/exit@0.2.0\" (instance)))";
    std::fs::write(session.path("app.wat"), importing).expect("written");
    let output = session.run(&["wasm", "run", "app.wat", "--invoke", "run()"]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("it imports wasi:cli/exit@0.2.0, and the"), "{output:?}");
}
