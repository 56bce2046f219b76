//! Limits on what is compiled: each is settable and named by its error, and with the default ones no
//! module takes more memory than a fixed multiple of its length.

#![allow(clippy::unwrap_used, reason = "a test")]

mod sys;

use std::time::Duration;

use leakbench_runtime::{CompileLimits, Config, Engine, Error, Memories, Module};

fn engine(limits: CompileLimits) -> Engine {
    Engine::new(&Config { limits, code_cache_modules: None, ..Config::default() }).unwrap()
}

/// Compiles `text` with the default limits after `change`.
fn compile(change: impl FnOnce(&mut CompileLimits), text: &str) -> Result<Module, Error> {
    let mut limits = CompileLimits::default();
    change(&mut limits);
    Module::new(&engine(limits), text)
}

fn table_of(targets: usize) -> String {
    format!("(module (func (br_table {} 0 (i32.const 0))))", "0 ".repeat(targets))
}

#[test]
fn each_limit_is_named_by_its_error() {
    type Change = fn(&mut CompileLimits);
    let nested = "(module (func $f (block (loop (if (i32.const 1) (then))))))";
    let locals = "(module (func) (func (param i32) (local i64 i64 f32)))";
    let long = "(module (func nop nop nop nop nop nop nop nop))";
    let values = &format!("(module (func {}))", "(drop (i32.const 1))".repeat(66_000));
    let cases: [(&str, &str, Change, Change, &str); 7] = [
        (
            "module",
            "19 bytes (CompileLimits::module_bytes)",
            |limits| limits.module_bytes = 19,
            |limits| limits.module_bytes = 60,
            long,
        ),
        (
            "function 0",
            "9 bytes (CompileLimits::body_bytes)",
            |limits| limits.body_bytes = 9,
            |limits| limits.body_bytes = 10,
            long,
        ),
        (
            "function 1",
            "3 parameters and locals (CompileLimits::locals)",
            |limits| limits.locals = 3,
            |limits| limits.locals = 4,
            locals,
        ),
        (
            "function 0",
            "9 targets of a br_table (CompileLimits::branch_targets)",
            |limits| limits.branch_targets = 9,
            |limits| limits.branch_targets = 10,
            &table_of(10),
        ),
        (
            "function 0 (f)",
            "2 blocks within each other (CompileLimits::nesting)",
            |limits| limits.nesting = 2,
            |limits| limits.nesting = 3,
            nested,
        ),
        (
            "function 0",
            "65536 values in the compiler's intermediate form (CompileLimits::values_per_byte)",
            |limits| limits.values_per_byte = 0,
            |limits| limits.values_per_byte = 1,
            values,
        ),
        (
            "module",
            "0 ms of compilation (CompileLimits::time)",
            |limits| limits.time = Some(Duration::ZERO),
            |limits| limits.time = Some(Duration::from_secs(3600)),
            values,
        ),
    ];
    for (item, limit, refused, allowed, text) in cases {
        let error = compile(refused, text).unwrap_err().to_string();
        assert!(error.ends_with(&format!("{item} has more than {limit}")), "{error}");
        compile(allowed, text).unwrap_or_else(|error| panic!("{limit}: {error}"));
    }
}

#[test]
fn the_default_limit_of_targets_is_that_of_other_engines() {
    compile(|_| (), &table_of(65_520)).unwrap();
    let error = compile(|_| (), &table_of(65_521)).unwrap_err().to_string();
    assert!(error.contains("more than 65520 targets"), "{error}");
}

/// A module that is refused leaves its engine as it was.
#[test]
fn an_engine_goes_on_after_a_refusal() {
    let engine = engine(CompileLimits { branch_targets: 9, ..CompileLimits::default() });
    for _ in 0..3 {
        assert!(Module::new(&engine, table_of(10)).is_err());
        Module::new(&engine, table_of(9)).unwrap();
    }
}

const TYPES: &str = "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 ";

/// 1,000 parameters, results or zeroes.
fn thousand(part: &str) -> String {
    part.repeat(1_000)
}

/// Modules of which a compiler makes far more than they are long, and whether they compile.
fn bombs() -> Vec<(&'static str, bool, String)> {
    let many = TYPES.repeat(100);
    let zeroes = thousand("i32.const 0 ");
    let results = format!("(type $many (func (result {many})))");
    let outer = |inner: &str| format!("(module {results} (func (type $many) {inner}))");
    let branches = |count: usize, branch: &str| branch.repeat(count);
    // Blocks within each other with a thousand results, each of which is a target.
    let depths = 2_000;
    let each: String = (0..depths).map(|depth| format!("{depth} ")).collect();
    let nested = format!(
        "{} {zeroes} i32.const 0 br_table {each} {}",
        "block (type $many) ".repeat(depths),
        "end ".repeat(depths)
    );
    let nest = |loops: usize, body: &str| {
        format!("{} {body} {}", "loop ".repeat(loops), "i32.const 1 br_if 0 end ".repeat(loops))
    };
    let few = "(local.set 0 (i32.add (local.get 1) (i32.const 1)))";
    let set_all: String = (0..1_000)
        .map(|local| format!("(local.set {local} (i32.add (local.get {local}) (i32.const 1)))"))
        .collect();
    let locals = |inner: &str| format!("(module (func (local {many}) {inner}))");
    let late: String =
        (0..50_000).map(|local| format!("(local.set {local} (i32.const 1))")).collect();
    vec![
        (
            "one target, 60,000 times",
            true,
            outer(&format!("{zeroes} i32.const 0 br_table {} 0", "0 ".repeat(60_000))),
        ),
        ("2,000 targets", false, outer(&nested)),
        (
            "conditional branches",
            false,
            outer(&format!("{zeroes} {}", branches(20_000, "i32.const 0 br_if 0 "))),
        ),
        (
            "calls",
            false,
            format!(
                "(module (func $f (param {many}) (result {many}) {zeroes} {} unreachable))",
                branches(20_000, "call $f ")
            ),
        ),
        ("loops over locals", false, locals(&nest(300, &set_all))),
        // Few locals, but the compiler takes time in proportion to the square of the depth.
        (
            "deep loops",
            false,
            format!("(module (func (local {}) {}))", TYPES.repeat(6), nest(1_000, few)),
        ),
        ("many loops", true, locals(&nest(1, "local.get 0 drop ").repeat(500))),
        (
            "locals in late blocks",
            false,
            format!(
                "(module (func (local {}) {} {late}))",
                TYPES.repeat(5_000),
                "block i32.const 1 br_if 0 end ".repeat(20_000)
            ),
        ),
        (
            "catch clauses",
            false,
            format!(
                "(module (tag $t) (func $f (block (try_table {} {}))))",
                "(catch $t 0)".repeat(9_000),
                "(call $f)".repeat(20_000)
            ),
        ),
    ]
}

/// Bytes for each byte of a module, and for any module.
const BYTES_PER_BYTE: usize = 1_024;
const BYTES_FREE: usize = 64 << 20;
/// What an engine may keep after a module is gone.
const BYTES_KEPT: usize = 32 << 20;

#[test]
fn memory_is_in_proportion_to_the_module() {
    let engine = engine(CompileLimits::default());
    for (name, compiles, text) in bombs() {
        let binary = wat::parse_str(&text).unwrap();
        let began = std::time::Instant::now();
        let (outcome, peak, left) = sys::allocated_by(|| Module::new(&engine, &binary).map(drop));
        let max = BYTES_FREE + BYTES_PER_BYTE * binary.len();
        println!(
            "{name}: {} bytes, peak {} MiB ({} a byte), {} KiB left, {} ms, {}",
            binary.len(),
            peak >> 20,
            peak / binary.len(),
            left >> 10,
            began.elapsed().as_millis(),
            outcome.as_ref().map_or_else(Error::to_string, |()| "compiled".to_owned()),
        );
        assert_eq!(outcome.is_ok(), compiles, "{name}: {outcome:?}");
        assert!(peak <= max, "{name}: {peak} bytes for {}", binary.len());
        assert!(left <= BYTES_KEPT, "{name}: {left} bytes left");
    }
}

const LITTLE: &str = "LEAKBENCH_TEST_LITTLE_MEMORY";

/// With little memory, a large function is refused, and the process goes on.
#[test]
fn too_little_memory_is_an_error() {
    let child = std::env::current_exe().unwrap();
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -v 200000; exec \"$0\" --exact \"$1\" --include-ignored"])
        .arg(child)
        .arg("with_little_memory")
        .env(LITTLE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}: {text}", output.status);
    assert!(text.contains("1 passed"), "{text}");
}

/// A module with a function of as many constants. Its text would take more memory than there is.
fn of_constants(count: usize) -> Vec<u8> {
    let number = |mut number: usize| {
        let mut bytes = Vec::new();
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    };
    // Without locals: `i32.const 1 drop` and so on, and `end`.
    let body = [&[0][..], &[0x41, 1, 0x1a].repeat(count), &[0x0b]].concat();
    let code = [&[1][..], &number(body.len()), &body].concat();
    let declarations = [1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10];
    [b"\0asm\x01\0\0\0", &declarations[..], &number(code.len()), &code].concat()
}

#[test]
#[ignore = "run by the test above, with a limit of 200 MB of address space"]
fn with_little_memory() {
    if std::env::var_os(LITTLE).is_none() {
        return;
    }
    let config =
        Config { memories: Memories::OnDemand, code_cache_modules: None, ..Config::default() };
    let engine = Engine::new(&config).unwrap();
    let error = Module::new(&engine, of_constants(1_500_000)).unwrap_err().to_string();
    assert!(error.contains("there is less"), "{error}");
    Module::new(&engine, table_of(10)).unwrap();
}
