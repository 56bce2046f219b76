//! Measures the life of a module, and in the same session its floor: the bare system calls that
//! create, map, reset and release an image.

#[path = "../../allocator/benches/support/death_watch.rs"]
mod death_watch;
#[path = "../../allocator/benches/sys/floor.rs"]
mod floor;
#[path = "sys/load.rs"]
mod load;

use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use leakbench_runtime::{
    Config, Engine, Instance, Linker, Module, OptLevel, PoolConfig, RegallocAlgorithm, Store,
    TypedFunc,
};

use crate::death_watch::DeathWatch;
use crate::floor::Floor;

const IMAGE_BYTES: usize = 4096;

/// A module with an image of one page and two exported functions; `touch` writes a page. Each
/// image has different bytes.
struct Guest {
    binary: Vec<u8>,
    payload: usize,
    serial: u64,
}

impl Guest {
    fn new() -> Self {
        let marker = "leakbench";
        let payload = format!("{marker}{}", "x".repeat(IMAGE_BYTES - marker.len()));
        let binary = wat::parse_str(format!(
            r#"(module
                 (memory 1)
                 (data (i32.const 0) "{payload}")
                 (func (export "touch") (param i32) (result i32)
                   (i32.store (i32.const 64) (local.get 0))
                   (call $sum (local.get 0)))
                 (func $sum (param i32) (result i32)
                   (i32.add (local.get 0) (i32.load (i32.const 128))))
                 (func (export "idle") (param i32) (result i32) (local.get 0)))"#
        ))
        .expect("the guest is valid");
        let found = binary.windows(marker.len()).position(|w| w == marker.as_bytes());
        Guest { payload: found.expect("the payload is in the binary"), binary, serial: 0 }
    }

    fn next(&mut self) -> &[u8] {
        self.serial += 1;
        self.binary[self.payload..self.payload + 8].copy_from_slice(&self.serial.to_le_bytes());
        &self.binary
    }
}

fn engine(cached: bool) -> Engine {
    engine_of(cached, 1)
}

fn engine_of(cached: bool, decommit_batch: u32) -> Engine {
    let mut config = Config {
        pool: PoolConfig {
            slots: const { NonZeroU32::new(1000).unwrap() },
            decommit_batch: NonZeroU32::new(decommit_batch).expect("at least one"),
            ..PoolConfig::default()
        },
        opt_level: OptLevel::None,
        regalloc_algorithm: RegallocAlgorithm::SinglePass,
        ..Config::default()
    };
    if !cached {
        config.code_cache_modules = None;
    }
    Engine::new(&config).expect("an engine")
}

fn call(engine: &Engine, module: &Module, name: &str) -> i32 {
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, module, &[]).expect("an instance");
    let func: TypedFunc<i32, i32> = instance.get_typed_func(&store, name).expect("the export");
    func.call(&mut store, black_box(7)).expect("no trap")
}

/// Creates module, image and instance, calls a function, and drops all of them.
fn cycle(engine: &Engine, guest: &mut Guest, watch: Option<&mut DeathWatch>) {
    let module = Module::new(engine, guest.next()).expect("a module");
    match watch {
        None => {
            black_box(call(engine, &module, "touch"));
            drop(module);
        }
        Some(watch) => {
            let image = module.image().and_then(|image| image.as_fd()).expect("an image");
            watch.watch(image).expect("a watch");
            black_box(call(engine, &module, "touch"));
            drop(module);
            watch.expect_death().expect("released at the drop");
        }
    }
}

fn cycles(c: &mut Criterion) {
    let mut group = c.benchmark_group("cycle");
    let image = vec![7; IMAGE_BYTES];
    for (name, watched) in [("bare", false), ("watched", true)] {
        let mut floor = Floor::new(watched).expect("a floor");
        group.bench_function(BenchmarkId::new("floor", name), |b| {
            b.iter(|| floor.cycle(&image).expect("the floor"));
        });
        for (kind, cached) in [("cached", true), ("fresh", false)] {
            let engine = engine(cached);
            let mut guest = Guest::new();
            let mut watch = watched.then(|| DeathWatch::new().expect("inotify"));
            group.bench_function(BenchmarkId::new(kind, name), |b| {
                b.iter(|| cycle(&engine, &mut guest, watch.as_mut()));
            });
        }
    }
    group.finish();
}

/// Runs `work` the given number of times on each of the threads at once, and returns the time that
/// all of them take.
fn in_parallel<W: Send>(
    times: u64,
    threads: usize,
    mut set_up: impl FnMut() -> W,
    work: impl Fn(&mut W) + Sync,
) -> Duration {
    let mut states: Vec<W> = (0..threads).map(|_| set_up()).collect();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for state in &mut states {
            scope.spawn(|| (0..times).for_each(|_| work(state)));
        }
    });
    start.elapsed()
}

/// Threads that share an engine, and as many that make the bare system calls. They share the
/// address space: its lock, and the other processors' TLBs.
fn threads(c: &mut Criterion) {
    let mut group = c.benchmark_group("threads");
    let image = vec![7; IMAGE_BYTES];
    for threads in [1, 2] {
        group.bench_function(BenchmarkId::new("floor", threads), |b| {
            b.iter_custom(|times| {
                let set_up = || Floor::new(true).expect("a floor");
                in_parallel(times, threads, set_up, |floor: &mut Floor| {
                    floor.cycle(&image).expect("the floor");
                })
            });
        });
        for (name, batch) in [("cached", 1), ("cached, decommit batch 16", 16)] {
            let engine = engine_of(true, batch);
            group.bench_function(BenchmarkId::new(name, threads), |b| {
                b.iter_custom(|times| {
                    let set_up = || (Guest::new(), DeathWatch::new().expect("inotify"));
                    in_parallel(times, threads, set_up, |(guest, watch)| {
                        let module = Module::new(&engine, guest.next()).expect("a module");
                        let image = module.image().and_then(|image| image.as_fd());
                        watch.watch(image.expect("an image")).expect("a watch");
                        black_box(call(&engine, &module, "touch"));
                        drop(module);
                    })
                });
            });
        }
    }
    group.finish();
}

fn compile(c: &mut Criterion) {
    let engine = engine(false);
    let guest = wat::parse_str(
        r#"(module
             (memory 1)
             (func (export "touch") (param i32) (result i32)
               (i32.store (i32.const 64) (local.get 0))
               (call $sum (local.get 0)))
             (func $sum (param i32) (result i32)
               (i32.add (local.get 0) (i32.load (i32.const 128)))))"#,
    )
    .expect("the guest is valid");
    c.bench_function("compile/two functions, no image", |b| {
        b.iter(|| Module::new(&engine, &guest).expect("a module"));
    });
    c.bench_function("compile/validate only", |b| {
        b.iter(|| Module::validate(&engine, &guest).expect("valid"));
    });
}

fn instances(c: &mut Criterion) {
    let mut group = c.benchmark_group("instance");
    let engine = engine(true);
    let module = Module::new(&engine, Guest::new().next()).expect("a module");
    for (name, export) in [("untouched", "idle"), ("one page touched", "touch")] {
        group.bench_function(name, |b| b.iter(|| call(&engine, &module, export)));
    }
    let linker = Linker::<()>::new(&engine);
    group.bench_function("untouched, by a linker", |b| {
        b.iter(|| {
            let mut store = Store::new(&engine, ());
            let instance = linker.instantiate(&mut store, &module).expect("an instance");
            let func = instance.get_typed_func::<i32, i32>(&store, "idle").expect("the export");
            func.call(&mut store, black_box(7)).expect("no trap")
        });
    });
    group.bench_function("call", |b| {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).expect("an instance");
        let func = instance.get_typed_func::<i32, i32>(&store, "idle").expect("the export");
        b.iter(|| func.call(&mut store, black_box(7)));
    });
    group.finish();
}

/// Loads a compiled module and calls a function of it, in an engine that has its trampolines.
fn artifacts(c: &mut Criterion) {
    let mut group = c.benchmark_group("artifact to first call");
    let engine = engine(false);
    let bytes = engine.precompile_module(&Guest::new().binary).expect("an artifact");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("guest");
    std::fs::write(&path, &bytes).expect("a file");
    group.bench_function("from bytes", |b| {
        b.iter(|| {
            let module = load::bytes(&engine, &bytes).expect("a module");
            call(&engine, &module, "touch")
        });
    });
    group.bench_function("mapped", |b| {
        b.iter(|| {
            let module = load::file(&engine, &path).expect("a module");
            call(&engine, &module, "touch")
        });
    });
    group.bench_function("compiled", |b| {
        let mut guest = Guest::new();
        b.iter(|| {
            let module = Module::new(&engine, guest.next()).expect("a module");
            call(&engine, &module, "touch")
        });
    });
    group.finish();
}

/// Calls through a table, which compare types.
fn indirect_calls(c: &mut Criterion) {
    let text = r#"(module
        (table 2 funcref) (elem (i32.const 0) $a $b)
        (func $a (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
        (func $b (param i32) (result i32) (i32.add (local.get 0) (i32.const 3)))
        (func (export "run") (param $n i32) (result i32) (local $sum i32)
          (loop $next
            (local.set $sum (call_indirect (param i32) (result i32)
              (local.get $sum) (i32.and (local.get $n) (i32.const 1))))
            (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
          (local.get $sum)))"#;
    let engine = Engine::new(&Config::default()).expect("an engine");
    let module = Module::new(&engine, text).expect("a module");
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).expect("an instance");
    let run = instance.get_typed_func::<i32, i32>(&store, "run").expect("the export");
    c.bench_function("a thousand indirect calls", |b| {
        b.iter(|| run.call(&mut store, black_box(1000)).expect("no trap"));
    });
}

/// Drops a module to which many slots are affine.
fn drops(c: &mut Criterion) {
    let mut group = c.benchmark_group("drop of a module with affine slots");
    group.sample_size(10);
    let engine = engine(true);
    let mut guest = Guest::new();
    for affine in [1, 10, 100, 1000] {
        group.bench_function(BenchmarkId::from_parameter(affine), |b| {
            b.iter_custom(|times| {
                let mut spent = Duration::ZERO;
                for _ in 0..times {
                    let module = Module::new(&engine, guest.next()).expect("a module");
                    let mut store = Store::new(&engine, ());
                    for _ in 0..affine {
                        Instance::new(&mut store, &module, &[]).expect("an instance");
                    }
                    drop(store);
                    let start = Instant::now();
                    drop(module);
                    spent += start.elapsed();
                }
                spent
            });
        });
    }
    group.finish();
}

criterion_group!(benches, cycles, threads, compile, instances, artifacts, indirect_calls, drops);
criterion_main!(benches);
