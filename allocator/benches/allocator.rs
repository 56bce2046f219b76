//! Measures the allocator: its index, its purge, and a module's life compared with the bare system
//! calls.

#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]
#![allow(missing_docs, reason = "criterion's macros make public items")]

#[path = "support/death_watch.rs"]
mod death_watch;
#[path = "sys/floor.rs"]
mod floor;
#[path = "sys/touch.rs"]
mod touch;

use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use leakbench_allocator::index::IndexAllocator;
use leakbench_allocator::{
    ImageKind, InitialMemory, ModuleId, Pool, PoolConfig, Strategy, WASM_PAGE_BYTES,
};

use crate::death_watch::DeathWatch;
use crate::floor::Floor;
use crate::touch::touch;

const IMAGE: InitialMemory<'static> = InitialMemory { offset_bytes: 0, bytes: &[0x5a; 4096] };

fn pool(slots: u32, strategy: Strategy) -> Arc<Pool> {
    let slots = NonZeroU32::new(slots).unwrap();
    Pool::new(&PoolConfig { slots, strategy, ..PoolConfig::default() }).unwrap()
}

/// Allocates a slot for one of a hundred modules and frees another, with half of the slots in use.
fn index(c: &mut Criterion) {
    let mut group = c.benchmark_group("index");
    for strategy in Strategy::ALL {
        for slots in [1_000, 20_000] {
            let mut index = IndexAllocator::new(slots, strategy, slots / 4, 0);
            let mut held: std::collections::VecDeque<_> = (0..slots / 2)
                .map(|slot| index.allocate(Some(ModuleId::new(u64::from(slot % 100)))).unwrap())
                .collect();
            let mut module = 0;
            group.bench_function(BenchmarkId::new(strategy.as_str(), slots), |b| {
                b.iter(|| {
                    module = (module + 1) % 100;
                    held.push_back(index.allocate(Some(ModuleId::new(module))).unwrap());
                    index.free_warm(held.pop_front().unwrap());
                });
            });
        }
    }
    group.finish();
}

/// Drops a module whose image `affine` free slots map. Includes the release of the image.
fn purge(c: &mut Criterion) {
    let mut group = c.benchmark_group("purge");
    for (slots, affine) in
        [(1_000, 1), (1_000, 10), (1_000, 100), (1_000, 1_000), (4_000, 10), (20_000, 10)]
    {
        let pool = pool(slots, Strategy::Random);
        group.throughput(Throughput::Elements(affine));
        group.bench_function(BenchmarkId::new(format!("{affine} affine"), slots), |b| {
            b.iter_custom(|iterations| {
                let mut spent = Duration::ZERO;
                for _ in 0..iterations {
                    let module = pool.add_module(Some(IMAGE)).unwrap();
                    let memories: Vec<_> = (0..affine)
                        .map(|_| pool.allocate(Some(&module), WASM_PAGE_BYTES).unwrap())
                        .collect();
                    memories.iter().for_each(touch);
                    drop(memories);
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

/// Adds a module, allocates and writes one memory, drops both: by bare system calls and by the
/// pool.
fn cycle(c: &mut Criterion) {
    let mut group = c.benchmark_group("pool cycle");
    for with_death_watch in [false, true] {
        let watched = if with_death_watch { "watched" } else { "unwatched" };
        let mut floor = Floor::new(with_death_watch).unwrap();
        group.bench_function(BenchmarkId::new("floor", watched), |b| {
            b.iter(|| floor.cycle(black_box(IMAGE.bytes)).unwrap());
        });
        for strategy in Strategy::ALL {
            let pool = pool(1_000, strategy);
            let mut watch = with_death_watch.then(|| DeathWatch::new().unwrap());
            group.bench_function(BenchmarkId::new(strategy.as_str(), watched), |b| {
                b.iter(|| {
                    let module = pool.add_module(Some(IMAGE)).unwrap();
                    if let Some(watch) = &mut watch {
                        watch.watch(module.image().unwrap().as_fd().unwrap()).unwrap();
                    }
                    let memory = pool.allocate(Some(&module), WASM_PAGE_BYTES).unwrap();
                    touch(&memory);
                    drop(memory);
                    drop(module);
                    if let Some(watch) = &mut watch {
                        watch.expect_death().unwrap();
                    }
                });
            });
        }
    }
    group.finish();
}

/// Allocates and drops a memory of a live module. The slot is affine, so no mapping call is needed.
fn instance(c: &mut Criterion) {
    let mut group = c.benchmark_group("pool instance");
    for strategy in Strategy::ALL {
        // One slot, so that every strategy takes the affine one.
        let pool = pool(1, strategy);
        let module = pool.add_module(Some(IMAGE)).unwrap();
        group.bench_function(BenchmarkId::new(strategy.as_str(), "untouched"), |b| {
            b.iter(|| pool.allocate(Some(&module), WASM_PAGE_BYTES).unwrap());
        });
        group.bench_function(BenchmarkId::new(strategy.as_str(), "touched"), |b| {
            b.iter(|| touch(&pool.allocate(Some(&module), WASM_PAGE_BYTES).unwrap()));
        });
    }
    group.finish();
}

/// Drops 64 memories with one written page each, by the size of the decommit batch.
fn reset(c: &mut Criterion) {
    let mut group = c.benchmark_group("reset 64");
    group.throughput(Throughput::Elements(64));
    for batch in [1, 4, 16, 64] {
        let decommit_batch = NonZeroU32::new(batch).unwrap();
        let pool = Pool::new(&PoolConfig { decommit_batch, ..PoolConfig::default() }).unwrap();
        let module = pool.add_module(Some(IMAGE)).unwrap();
        group.bench_function(BenchmarkId::new("batch", batch), |b| {
            b.iter_batched(
                || {
                    let memories: Vec<_> = (0..64)
                        .map(|_| pool.allocate(Some(&module), WASM_PAGE_BYTES).unwrap())
                        .collect();
                    memories.iter().for_each(touch);
                    memories
                },
                drop,
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// Adds and drops a module by the size of its image, mapped and copied: shows which is cheaper.
fn image_kind(c: &mut Criterion) {
    let mut group = c.benchmark_group("image");
    for pages in [1, 2, 4, 8, 16] {
        let bytes = vec![0x5a; pages * 4096];
        for kind in [ImageKind::Copy, ImageKind::Memfd] {
            let slots = NonZeroU32::new(100).unwrap();
            let config = PoolConfig { slots, image: kind, ..PoolConfig::default() };
            let pool = Pool::new(&config).unwrap();
            let initial = Some(InitialMemory { offset_bytes: 0, bytes: &bytes });
            group.bench_function(BenchmarkId::new(format!("{kind} cycle"), pages), |b| {
                b.iter(|| {
                    let module = pool.add_module(initial).unwrap();
                    touch(&pool.allocate(Some(&module), WASM_PAGE_BYTES).unwrap());
                });
            });
            let module = pool.add_module(initial).unwrap();
            group.bench_function(BenchmarkId::new(format!("{kind} instance"), pages), |b| {
                b.iter(|| touch(&pool.allocate(Some(&module), WASM_PAGE_BYTES).unwrap()));
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = index, purge, cycle, instance, reset, image_kind
}
criterion_main!(benches);
