//! The rows of the table: what is measured, on which guest, and the goal.

use std::path::{Path, PathBuf};

use crate::SLOTS;

/// A measured work and the goal for its ratio.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Names the work in the table.
    pub(crate) name: &'static str,
    /// The highest ratio to reach.
    pub(crate) goal: f64,
    pub(crate) work: Work,
    /// The runtime whose time is divided, and the one by whose time.
    pub(crate) pair: [Side; 2],
}

/// A runtime with its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// leakbench's runtime, which compiles on one thread.
    Builtin,
    /// leakbench's runtime, which compiles on all processors.
    Parallel,
    Wasmtime,
}

/// One operation.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// A call of `export` with `size`. The time is divided by `operations`.
    Call { guest: Guest, export: &'static str, size: i32, operations: u32 },
    /// A real program, on an input of which the result is known.
    Program { guest: Guest, program: Program },
    /// A call of `export`, which fails.
    Fail { guest: Guest, export: &'static str },
    /// Compilation of a module, and its drop.
    Compile { guest: Guest },
    /// A new module, an instance, a call of `export`, and the drop of all, on each thread.
    Cycle { guest: Guest, export: &'static str, from: Source, threads: u32 },
    /// A store with an instance, and its drop. A call of `export` before, if there is one.
    Instantiate { guest: Guest, export: Option<&'static str> },
    /// The drop of a module to which this number of slots is affine: as many instances ran at one
    /// time.
    Drop { guest: Guest, export: &'static str, slots: u32 },
}

/// A real program.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Program {
    /// The interpreter of npm's quickjs-wasi.
    Quickjs,
    /// The database of npm's sql.js.
    Sqlite,
    /// SHA-256 of npm's hash-wasm.
    Sha256,
}

/// From what a module is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// The binary format, which is compiled.
    Binary,
    /// The bytes of an artifact.
    Artifact,
    /// The file of an artifact.
    File,
}

/// The module of a row.
#[derive(Clone, Debug)]
pub(crate) enum Guest {
    Text(&'static str),
    /// 1,000 functions that a table refers to.
    Functions,
    /// 100,000 data segments of 8 bytes, one after the other.
    Segments,
    /// A file that `scripts/compare-wasmtime-runtime` fetches.
    File(PathBuf),
}

const COMPUTE: Guest = Guest::Text(include_str!("../guests/compute.wat"));
const NBODY: Guest = Guest::Text(include_str!("../guests/nbody.wat"));
const BULK: Guest = Guest::Text(include_str!("../guests/bulk.wat"));
const CALLS: Guest = Guest::Text(include_str!("../guests/calls.wat"));
const CYCLE: Guest = Guest::Text(include_str!("../guests/cycle.wat"));

/// Two functions without a memory, whose image leakbench's runtime makes with the module.
const TWO: Guest = Guest::Text(
    "(module
        (func (export \"double\") (param i32) (result i32) (i32.add (local.get 0) (local.get 0)))
        (func (export \"sum\") (param i32 i32) (result i32)
            (i32.add (local.get 0) (local.get 1))))",
);

/// All rows. Those of modules that are not in `modules` are left out.
pub(crate) fn rows(modules: Option<&Path>) -> Vec<Row> {
    let beside = [Side::Builtin, Side::Wasmtime];
    let call = |name, goal, guest: &Guest, export, size, operations| Row {
        name,
        goal,
        work: Work::Call { guest: guest.clone(), export, size, operations },
        pair: beside,
    };
    let fail = |name, goal, export| Row {
        name,
        goal,
        work: Work::Fail { guest: CALLS, export },
        pair: beside,
    };
    let instantiate = |name, guest: Guest, export| Row {
        name,
        goal: 0.5,
        work: Work::Instantiate { guest, export },
        pair: beside,
    };
    let cycle = |name, goal, from, threads| Row {
        name,
        goal,
        work: Work::Cycle { guest: CYCLE, export: "touch", from, threads },
        pair: beside,
    };
    let mut rows = vec![
        call("i64 loop", 1.0, &COMPUTE, "i64-loop", 1 << 20, 1),
        call("sieve", 1.0, &COMPUTE, "sieve", 1 << 17, 1),
        call("fib", 1.0, &COMPUTE, "fib", 27, 1),
        call("n-body", 1.0, &NBODY, "n-body", 10_000, 1),
        call("call_indirect", 1.0, &COMPUTE, "call-indirect", 1 << 20, 1),
        call("SIMD: a·x + y, and its sum", 1.0, &COMPUTE, "simd", 200, 1),
        call("memory.copy, constant 32 B", 1.0, &BULK, "copy-constant-32", 10_000, 10_000),
        call("memory.copy, variable 32 B", 1.0, &BULK, "copy-variable-32", 10_000, 10_000),
        call("memory.copy, 64 KiB", 1.0, &BULK, "copy-64-kib", 100, 100),
        call("memory.fill, constant 32 B", 1.0, &BULK, "fill-constant-32", 10_000, 10_000),
        call("memory.fill, variable 32 B", 1.0, &BULK, "fill-variable-32", 10_000, 10_000),
        call("memory.fill, 64 KiB", 1.0, &BULK, "fill-64-kib", 100, 100),
        call("host call from guest", 1.0, &CALLS, "host-call", 10_000, 10_000),
        call("guest call from host", 1.0, &CALLS, "guest-call", 1, 1),
        fail("host error", 1.0, "host-error"),
        fail("trap: unreachable", 0.7, "unreachable"),
        fail("trap: division by zero", 0.7, "divide"),
        fail("trap: memory out of bounds", 0.7, "out-of-bounds"),
        compile("compile two functions", 0.1, TWO),
        compile("compile 1,000 functions", 0.6, Guest::Functions),
        cycle("artifact from a file: load, first call, drop", 0.5, Source::File, 1),
        instantiate("instantiate, drop: untouched", CYCLE, None),
        instantiate("instantiate, write a page, drop", CYCLE, Some("touch")),
        instantiate("instantiate, drop: 1,000 functions in a table", Guest::Functions, None),
        instantiate("instantiate, drop: 100,000 segments", Guest::Segments, None),
        cycle("module cycle, cached", 0.45, Source::Artifact, 1),
        cycle("module cycle, fresh", 0.15, Source::Binary, 1),
        cycle("module cycle, cached, two threads", 0.25, Source::Artifact, 2),
        Row {
            name: "drop of a module with 1,000 affine slots",
            goal: 0.7,
            work: Work::Drop { guest: CYCLE, export: "touch", slots: 1000 },
            pair: beside,
        },
    ];
    let file = |name: &str| modules.map(|folder| folder.join(name)).filter(|path| path.is_file());
    let programs = [
        ("quickjs: a script", "quickjs.wasm", Program::Quickjs),
        ("sql.js: a query", "sqlite.wasm", Program::Sqlite),
        ("hash-wasm: SHA-256 of 16 KiB", "sha256.wasm", Program::Sha256),
    ];
    let programs = programs.into_iter().filter_map(|(name, module, program)| {
        let work = Work::Program { guest: Guest::File(file(module)?), program };
        Some(Row { name, goal: 1.0, work, pair: beside })
    });
    rows.splice(6..6, programs);
    if let Some(quickjs) = file("quickjs.wasm") {
        rows.push(compile("compile quickjs", 0.6, Guest::File(quickjs)));
    }
    if let Some(sqlite) = file("sqlite.wasm") {
        rows.push(compile("compile sqlite (sql.js)", 0.6, Guest::File(sqlite.clone())));
        rows.push(parallel("compile sqlite on all processors / on one", sqlite));
    }
    if let Some(esbuild) = file("esbuild.wasm") {
        rows.push(compile("compile esbuild", 0.4, Guest::File(esbuild.clone())));
        rows.push(parallel("compile esbuild on all processors / on one", esbuild));
    }
    rows
}

fn compile(name: &'static str, goal: f64, guest: Guest) -> Row {
    Row { name, goal, work: Work::Compile { guest }, pair: [Side::Builtin, Side::Wasmtime] }
}

fn parallel(name: &'static str, module: PathBuf) -> Row {
    let pair = [Side::Parallel, Side::Builtin];
    Row { name, goal: 0.6, work: Work::Compile { guest: Guest::File(module) }, pair }
}

impl Row {
    /// True if several threads work at one time, on any side.
    pub(crate) fn is_concurrent(&self) -> bool {
        let has_threads = matches!(self.work, Work::Cycle { threads, .. } if threads > 1);
        has_threads || self.pair.contains(&Side::Parallel)
    }
}

impl Work {
    /// The number of operations in one run.
    pub(crate) fn operations(&self) -> u32 {
        match self {
            Work::Call { operations, .. } => *operations,
            Work::Cycle { threads, .. } => *threads,
            _ => 1,
        }
    }

    /// The number of memories, tables and instances at one time for which the engine has place.
    pub(crate) fn slots(&self) -> u32 {
        match self {
            Work::Drop { slots, .. } => *slots,
            _ => SLOTS,
        }
    }
}

impl Guest {
    /// The module in the binary format.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(crate) fn binary(&self) -> Result<Vec<u8>, String> {
        let text = match self {
            Guest::Text(text) => (*text).to_owned(),
            Guest::Functions => functions(),
            Guest::Segments => segments(),
            Guest::File(path) => {
                return std::fs::read(path)
                    .map_err(|error| format!("cannot read {}: {error}", path.display()));
            }
        };
        wat::parse_str(text).map_err(|error| error.to_string())
    }
}

/// Functions of some 40 instructions each. Each calls the next one in a branch.
fn functions() -> String {
    let mut text = String::from("(module (memory 1) (table 1000 funcref)\n");
    for i in 0..1000 {
        let next = (i + 1) % 1000;
        text += &format!(
            "(func $f{i} (param i32 i32) (result i32) (local i32)
               (loop $l
                 (local.set 2 (i32.add (local.get 2)
                   (i32.load offset={i} (i32.and (local.get 0) (i32.const 0xff8)))))
                 (i32.store offset={next} (i32.and (local.get 2) (i32.const 0xff8)) (local.get 1))
                 (if (i32.eq (local.get 2) (i32.const {i}))
                   (then (local.set 2 (call $f{next} (local.get 2) (local.get 0)))))
                 (br_if $l (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
               (i32.mul (local.get 2) (i32.const {i})))\n"
        );
    }
    text += "(elem (i32.const 0)";
    for i in 0..1000 {
        text += &format!(" $f{i}");
    }
    text + "))"
}

fn segments() -> String {
    let mut text = String::from("(module (memory 16)\n");
    for i in 0..100_000 {
        text += &format!("(data (i32.const {}) \"segment\")\n", i * 8);
    }
    text + ")"
}
