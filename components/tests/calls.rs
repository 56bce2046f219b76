//! Calls of components on the built-in runtime: values of each type, calls between component instances,
//! resources, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test")]

use leakbench_components::{Component, RunError};
use leakbench_runtime::{Config, Engine, Memories, Store};

fn engine() -> Engine {
    Engine::new(&Config { memories: Memories::OnDemand, ..Config::default() }).unwrap()
}

/// The result of a call, or the error of the guest.
fn call(text: &str, call: &str) -> Result<Option<String>, String> {
    let engine = engine();
    let component = Component::new(&engine, text.as_bytes()).unwrap_or_else(|it| panic!("{it}"));
    let call = component.call(call).unwrap_or_else(|error| panic!("{error}"));
    let mut store = Store::new(&engine, component.state());
    let instance = component.instantiate(&mut store).unwrap_or_else(|it| panic!("{it}"));
    instance.call(&mut store, &call).map_err(|error| error.to_string())
}

/// A component whose memory has an allocator that never frees, and these functions and lifts.
fn component(functions: &str, lifts: &str) -> String {
    format!(
        r#"(component
            (core module $m
                (memory (export "memory") 1)
                (global $free (mut i32) (i32.const 4096))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                    (global.set $free (i32.and
                        (i32.add (global.get $free) (i32.sub (local.get 2) (i32.const 1)))
                        (i32.sub (i32.const 0) (local.get 2))))
                    (global.get $free)
                    (global.set $free (i32.add (global.get $free) (local.get 3))))
                {functions})
            (core instance $i (instantiate $m))
            (alias core export $i "memory" (core memory $memory))
            (alias core export $i "realloc" (core func $realloc))
            {lifts})"#
    )
}

/// A component with a function `echo` that returns its argument, of a type with several core values. They are
/// of the types `flat`, and `body` stores them and returns their place.
fn echo(declarations: &str, ty: &str, flat: &str, body: &str) -> String {
    let core = format!(r#"(func (export "echo") (param {flat}) (result i32) {body})"#);
    let lift = format!(
        r#"{declarations} (func (export "echo") (param "x" {ty}) (result {ty})
            (canon lift (core func $i "echo") (memory $memory) (realloc $realloc)))"#
    );
    component(&core, &lift)
}

/// Returns its only flat value.
fn scalar(ty: &str, flat: &str) -> String {
    component(
        &format!(r#"(func (export "echo") (param {flat}) (result {flat}) (local.get 0))"#),
        &format!(
            r#"(func (export "echo") (param "x" {ty}) (result {ty}) (canon lift (core func $i "echo")))"#
        ),
    )
}

#[test]
fn scalars_return_as_they_are() {
    for (ty, flat, values) in [
        ("bool", "i32", &["true", "false"][..]),
        ("s8", "i32", &["-128", "127", "0"]),
        ("u8", "i32", &["255", "0"]),
        ("s16", "i32", &["-32768", "32767"]),
        ("u16", "i32", &["65535"]),
        ("s32", "i32", &["-2147483648", "2147483647"]),
        ("u32", "i32", &["4294967295"]),
        ("s64", "i64", &["-9223372036854775808", "9223372036854775807"]),
        ("u64", "i64", &["18446744073709551615"]),
        ("f32", "f32", &["1.5", "-0", "inf", "nan"]),
        ("f64", "f64", &["0.1", "-inf", "nan"]),
        ("char", "i32", &["'x'", "'\u{10ffff}'"]),
    ] {
        let text = scalar(ty, flat);
        for value in values {
            let result = call(&text, &format!("echo({value})")).unwrap().unwrap();
            let expected = value.replace('\u{10ffff}', "\\u{10ffff}");
            assert!(result == *value || result == expected, "{ty}: {value}: {result}");
        }
    }
}

#[test]
fn compound_values_return_as_they_are() {
    // Stores a pair at 64.
    let pair = "(i32.store (i32.const 64) (local.get 0)) (i32.store (i32.const 68) (local.get 1)) (i32.const 64)";
    for (ty, value) in [
        ("string", r#""h\u{e9}llo \u{1f600}""#),
        ("string", r#""""#),
        ("(list u8)", "[1, 2, 255]"),
        ("(list u64)", "[1, 18446744073709551615]"),
        ("(list string)", r#"["a", "", "bc"]"#),
        ("(list (list s16))", "[[-1, 2], [], [3]]"),
        ("(list (tuple u8 u64 bool))", "[(1, 2, true), (3, 4, false)]"),
        ("(list (option string))", r#"[some("x"), none]"#),
        ("(list (result u64 (error string)))", r#"[ok(7), err("no")]"#),
        ("(list char)", "['a', 'z']"),
        ("(list f64)", "[1.5, -2.25]"),
    ] {
        let text = echo("", ty, "i32 i32", pair);
        let result = call(&text, &format!("echo({value})")).unwrap().unwrap();
        let expected = value.replace("\\u{e9}", "\u{e9}").replace("\\u{1f600}", "\u{1f600}");
        assert_eq!(result, expected, "{ty}");
    }
}

#[test]
fn named_types_return_as_they_are() {
    let kind = r#"(type $kind' (enum "low" "mid" "high")) (export $kind "kind" (type $kind'))"#;
    let text = component(
        r#"(func (export "echo") (param i32) (result i32) (local.get 0))"#,
        &format!(
            r#"{kind} (type $bits' (flags "a" "b" "c")) (export $bits "bits" (type $bits'))
            (func (export "kind-of") (param "x" $kind) (result $kind) (canon lift (core func $i "echo")))
            (func (export "bits-of") (param "x" $bits) (result $bits) (canon lift (core func $i "echo")))"#
        ),
    );
    assert_eq!(call(&text, "kind-of(high)").unwrap().unwrap(), "high");
    assert_eq!(call(&text, "bits-of({a, c})").unwrap().unwrap(), "{a, c}");
    assert_eq!(call(&text, "bits-of({})").unwrap().unwrap(), "{}");

    // A variant whose payloads join to i64, and a record of it.
    let shape = r#"(type $shape' (variant (case "empty") (case "circle" f32) (case "wide" u64)))
        (export $shape "shape" (type $shape'))
        (type $item' (record (field "id" u8) (field "shape" $shape))) (export $item "item" (type $item'))"#;
    let store =
        "(i32.store8 (i32.const 64) (local.get 0)) (i32.store8 (i32.const 72) (local.get 1))
        (i64.store (i32.const 80) (local.get 2)) (i32.const 64)";
    let text = echo(shape, "$item", "i32 i32 i64", store);
    for value in [
        "{id: 1, shape: empty}",
        "{id: 255, shape: circle(1.5)}",
        "{id: 3, shape: wide(18446744073709551615)}",
    ] {
        assert_eq!(call(&text, &format!("echo({value})")).unwrap().unwrap(), value);
    }
}

#[test]
fn many_arguments_are_one_pointer() {
    let params: Vec<String> = (0..17).map(|nth| format!("(param \"p{nth}\" u64)")).collect();
    let text = component(
        r#"(func (export "last") (param i32) (result i64)
            (i64.add (i64.load (local.get 0)) (i64.load offset=128 (local.get 0))))"#,
        &format!(
            r#"(func (export "last") {} (result u64)
                (canon lift (core func $i "last") (memory $memory) (realloc $realloc)))"#,
            params.join(" ")
        ),
    );
    let arguments: Vec<String> = (100..117).map(|value| value.to_string()).collect();
    let result = call(&text, &format!("last({})", arguments.join(", ")));
    assert_eq!(result.unwrap().unwrap(), "216");
}

#[test]
fn post_return_gets_the_results() {
    let text = component(
        r#"(global $seen (mut i32) (i32.const 0))
        (func (export "f") (result i32) (i32.store (i32.const 64) (i32.const 9)) (i32.const 0x40))
        (func (export "after") (param i32)
            (if (i32.ne (local.get 0) (i32.const 0x40)) (then unreachable)))"#,
        r#"(func (export "f") (result (tuple u32 u32))
            (canon lift (core func $i "f") (memory $memory) (post-return (core func $i "after"))))"#,
    );
    assert_eq!(call(&text, "f()").unwrap().unwrap(), "(9, 0)");
    // It traps with another place, so it is called.
    let other = text.replace("(local.get 0) (i32.const 0x40)", "(local.get 0) (i32.const 0x44)");
    assert!(call(&other, "f()").unwrap_err().contains("unreachable"));
}

#[test]
fn hostile_results_are_errors() {
    for (ty, stored, words) in [
        ("string", "i64.const 0x0001ffff00000000", "beyond the memory"),
        ("(list u64)", "i64.const 0x0000000100000004", "not aligned"),
        ("(list u8)", "i64.const 0xffffffff00000000", "beyond the memory"),
        ("string", "i64.const 0x0000000100000050", "not UTF-8"),
        ("(tuple char u32)", "i64.const 0x0000d800", "no Unicode scalar value"),
        ("(option u32)", "i64.const 0x07", "a case that its type does not have"),
    ] {
        let text = component(
            &format!(
                r#"(data (i32.const 0x50) "\ff")
                (func (export "f") (result i32) (i64.store (i32.const 64) ({stored})) (i32.const 64))"#
            ),
            &format!(
                r#"(func (export "f") (result {ty}) (canon lift (core func $i "f") (memory $memory)))"#
            ),
        );
        let error = call(&text, "f()").unwrap_err();
        assert!(error.contains(words), "{ty}: {error}");
    }
}

/// A component with a resource, and one that uses it through its adapters. `run` is the body of the user.
fn resources(run: &str) -> String {
    format!(
        r#"(component
        (component $provider
            (core module $dtor-module
                (global $dropped (mut i32) (i32.const 0))
                (func (export "dtor") (param i32)
                    (global.set $dropped (i32.add (global.get $dropped) (local.get 0))))
                (func (export "dropped") (result i32) (global.get $dropped)))
            (core instance $d (instantiate $dtor-module))
            (type $r' (resource (rep i32) (dtor (core func $d "dtor"))))
            (export $r "r" (type $r'))
            (core func $new (canon resource.new $r'))
            (core module $m
                (import "" "new" (func $new (param i32) (result i32)))
                (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
                (func (export "read") (param i32) (result i32)
                    (i32.add (local.get 0) (i32.const 1000))))
            (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
            (func (export "make") (param "rep" u32) (result (own $r)) (canon lift (core func $i "make")))
            (func (export "read") (param "r" (borrow $r)) (result u32)
                (canon lift (core func $i "read")))
            (func (export "dropped") (result u32) (canon lift (core func $d "dropped"))))
        (component $user
            (import "p" (instance $p
                (export "r" (type $r (sub resource)))
                (export "make" (func (param "rep" u32) (result (own $r))))
                (export "read" (func (param "r" (borrow $r)) (result u32)))
                (export "dropped" (func (result u32)))))
            (alias export $p "r" (type $r))
            (core func $make (canon lower (func $p "make")))
            (core func $read (canon lower (func $p "read")))
            (core func $dropped (canon lower (func $p "dropped")))
            (core func $drop (canon resource.drop $r))
            (core module $m
                (import "" "make" (func $make (param i32) (result i32)))
                (import "" "read" (func $read (param i32) (result i32)))
                (import "" "dropped" (func $dropped (result i32)))
                (import "" "drop" (func $drop (param i32)))
                (func (export "run") (param i32) (result i32) (local $h i32) {run}))
            (core instance $i (instantiate $m (with "" (instance
                (export "make" (func $make)) (export "read" (func $read))
                (export "dropped" (func $dropped)) (export "drop" (func $drop))))))
            (func (export "run") (param "x" u32) (result u32) (canon lift (core func $i "run"))))
        (instance $p (instantiate $provider))
        (instance $u (instantiate $user (with "p" (instance $p))))
        (export "run" (func $u "run")))"#
    )
}

#[test]
fn resources_are_made_lent_and_dropped() {
    let text = resources(
        "(local.set $h (call $make (local.get 0)))
        (drop (call $make (i32.const 1)))
        (call $read (local.get $h))
        (call $drop (local.get $h))
        (i32.add (i32.mul (call $dropped) (i32.const 10000)))",
    );
    // The destructor got the number 5, and the other resource was not dropped.
    assert_eq!(call(&text, "run(5)").unwrap().unwrap(), "51005");
}

#[test]
fn wrong_handles_are_errors() {
    for (run, words) in [
        ("(call $read (i32.const 7))", "unknown handle index 7"),
        ("(call $drop (i32.const 0)) (i32.const 0)", "unknown handle index 0"),
        (
            "(local.set $h (call $make (i32.const 3))) (call $drop (local.get $h))
             (call $read (local.get $h))",
            "unknown handle index 1",
        ),
    ] {
        let error = call(&resources(run), "run(0)").unwrap_err();
        assert!(error.contains(words), "{run}: {error}");
    }
}

#[test]
fn traps_have_their_reason() {
    let text = component(
        r#"(func (export "f") unreachable)"#,
        r#"(func (export "f") (canon lift (core func $i "f")))"#,
    );
    assert!(call(&text, "f()").unwrap_err().contains("unreachable"));

    // An instance that failed stays as it was then.
    let engine = engine();
    let component = Component::new(&engine, text.as_bytes()).unwrap();
    let call = component.call("f()").unwrap();
    let mut store = Store::new(&engine, component.state());
    let instance = component.instantiate(&mut store).unwrap();
    instance.call(&mut store, &call).unwrap_err();
    let error = instance.call(&mut store, &call).unwrap_err().to_string();
    assert!(error.contains("cannot enter component instance"), "{error}");
}

#[test]
fn a_result_that_shares_its_bytes_is_bounded() {
    // All strings are the same 500 bytes.
    let text = component(
        r#"(func (export "f") (param $strings i32) (result i32) (local $at i32)
            (local.set $at (i32.const 1000))
            (block (loop
                (br_if 1 (i32.eqz (local.get $strings)))
                (i32.store offset=4 (local.get $at) (i32.const 500))
                (local.set $at (i32.add (local.get $at) (i32.const 8)))
                (local.set $strings (i32.sub (local.get $strings) (i32.const 1)))
                (br 0)))
            (i32.store (i32.const 992) (i32.const 1000))
            (i32.store (i32.const 996) (i32.div_u (i32.sub (local.get $at) (i32.const 1000)) (i32.const 8)))
            (i32.const 992))"#,
        r#"(func (export "f") (param "strings" u32) (result (list string))
            (canon lift (core func $i "f") (memory $memory)))"#,
    );
    assert!(call(&text, "f(10)").is_ok());
    let nested = component(
        r#"(func (export "f") (result i32)
            (memory.grow (i32.const 200)) drop
            (i32.store (i32.const 64) (i32.const 100)) (i32.store (i32.const 68) (i32.const 9000000))
            (i32.const 64))"#,
        r#"(func (export "f") (result (list u8))
            (canon lift (core func $i "f") (memory $memory)))"#,
    );
    let error = call(&nested, "f()").unwrap_err();
    assert!(error.contains("a result of more than 8 MiB"), "{error}");
}

#[test]
fn what_needs_a_host_is_refused_by_name() {
    let engine = engine();
    for (text, words) in [
        ("(component (import \"wasi:cli/exit@0.2.0\" (instance)))", "imports wasi:cli/exit@0.2.0"),
        ("(module)", "it is a core module and no component"),
    ] {
        let error = Component::new(&engine, text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let text = scalar("u32", "i32");
    let component = Component::new(&engine, text.as_bytes()).unwrap();
    for (call, words) in [
        ("other(1)", "exports no function 'other' (it has echo)"),
        ("echo", "is no call such as"),
        ("echo(1", "is no call such as"),
        ("echo(\"x\")", "is no call such as"),
        ("echo(1, 2)", "is no call such as"),
        ("echo()", "is no call such as"),
        ("echo(4294967296)", "is no call such as"),
    ] {
        let error = component.call(call).unwrap_err();
        assert!(error.to_string().contains(words), "{call}: {error}");
        assert!(matches!(error, RunError::Call { .. } | RunError::NoFunction { .. }), "{error}");
    }
}
