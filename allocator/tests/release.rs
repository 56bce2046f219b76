//! Mappings of images of dropped modules, as `/proc/self/maps` lists them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../benches/support/death_watch.rs"]
mod death_watch;
mod support;

use std::num::NonZeroU32;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use death_watch::DeathWatch;
use leakbench_allocator::{
    InitialMemory, ModuleId, OnDrop, Pool, PoolConfig, PoolModule, PurgeFault, PurgeFaultKind,
    SlotState, Strategy,
};
use support::{
    PAGE, batch, bytes, bytes_mut, config, mapped_images, strategies_and_policies, uses,
};

fn module_of(pool: &Arc<Pool>, number: u64) -> PoolModule {
    let bytes = number.to_ne_bytes();
    pool.add_module(Some(InitialMemory { offset_bytes: 0, bytes: &bytes })).unwrap()
}

/// Adds and drops `modules` modules in turn, each with `memories` memories at one time.
fn cycle(pool: &Arc<Pool>, modules: u64, memories: usize) {
    for number in 0..modules {
        let module = module_of(pool, number);
        let mut held: Vec<_> =
            (0..memories).map(|_| pool.allocate(Some(&module), PAGE).unwrap()).collect();
        for memory in &mut held {
            assert_eq!(bytes(memory)[..8], number.to_ne_bytes());
            bytes_mut(memory).fill(0xee);
        }
    }
}

fn affine_modules(pool: &Pool) -> Vec<ModuleId> {
    let affine = uses(pool).into_iter().filter(|slot| slot.state == SlotState::Affine);
    let mut modules: Vec<_> = affine.filter_map(|slot| slot.module).collect();
    modules.sort_unstable();
    modules.dedup();
    modules
}

#[test]
fn a_purged_module_leaves_no_mapping() {
    for strategy in Strategy::ALL {
        let pool = Pool::new(&config(50, strategy)).unwrap();
        cycle(&pool, 100, 7);
        assert_eq!(mapped_images(&pool), [0u64; 0], "{strategy}");
        assert_eq!(affine_modules(&pool), [], "{strategy}");
        assert_eq!(pool.stats().free, 50, "{strategy}");
    }
}

/// The positive control: without the cure images pile up, and by the number that probability says.
#[test]
fn a_kept_module_stays_mapped_until_its_slots_are_taken() {
    let expected = |strategy| match strategy {
        // Always the same slot: only the last image remains.
        Strategy::NextAvailable => 1..=1,
        // Expected S (1 - (1 - 1/S)^n) = 95.1 of S = 100 slots after n = 300 cycles.
        Strategy::Random | Strategy::ReuseAffinity => 88..=100,
        // With one free warm slot, allocations take it before a cold one.
        Strategy::WarmLru => 1..=1,
    };
    for strategy in Strategy::ALL {
        for on_drop in [OnDrop::Keep, OnDrop::Truncate] {
            let config = PoolConfig { on_drop, warm_slots: 1, ..config(100, strategy) };
            let pool = Pool::new(&config).unwrap();
            cycle(&pool, 300, 1);
            let mapped = mapped_images(&pool).len();
            assert!(expected(strategy).contains(&mapped), "{strategy}, {on_drop}: {mapped}");
            assert_eq!(affine_modules(&pool).len(), mapped, "{strategy}, {on_drop}");
        }
    }
}

#[test]
fn a_truncated_image_frees_its_pages_while_it_is_mapped() {
    for (on_drop, has_pages) in [(OnDrop::Truncate, false), (OnDrop::Keep, true)] {
        let pool = Pool::new(&PoolConfig { on_drop, ..config(1, Strategy::Random) }).unwrap();
        let module = module_of(&pool, 7);
        let fd = module.image().unwrap().as_fd().unwrap().try_clone_to_owned().unwrap();
        drop(pool.allocate(Some(&module), PAGE).unwrap());
        assert!(rustix::fs::fstat(fd.as_fd()).unwrap().st_blocks > 0);
        drop(module);
        assert_eq!(mapped_images(&pool).len(), 1, "{on_drop}");
        assert_eq!(rustix::fs::fstat(fd.as_fd()).unwrap().st_blocks > 0, has_pages, "{on_drop}");
    }
}

#[test]
fn an_image_is_sealed_and_closes_on_exec() {
    for (on_drop, is_write_sealed) in
        [(OnDrop::Purge, true), (OnDrop::Keep, true), (OnDrop::Truncate, false)]
    {
        let pool = Pool::new(&PoolConfig { on_drop, ..config(1, Strategy::Random) }).unwrap();
        let module = module_of(&pool, 7);
        let fd = module.image().unwrap().as_fd().unwrap();
        let descriptor = rustix::io::fcntl_getfd(fd).unwrap();
        assert!(descriptor.contains(rustix::io::FdFlags::CLOEXEC));
        assert!(rustix::fs::ftruncate(fd, 0).is_err(), "sealed against shrinking");
        assert!(rustix::fs::ftruncate(fd, 1 << 20).is_err(), "sealed against growing");
        assert_eq!(rustix::io::pwrite(fd, b"x", 0).is_err(), is_write_sealed, "{on_drop}");
    }
}

/// Each fault leaves images behind, of the chosen modules alone. The pool's own account of them is that
/// of `/proc`.
#[test]
fn a_purge_that_goes_wrong_leaves_images_behind() {
    use PurgeFaultKind::{FlushAfter, MissOne, OtherModule, Skip};
    for (kind, decommit_batch, state) in [
        (Skip, 1, SlotState::Affine),
        (MissOne, 1, SlotState::Warm),
        (OtherModule, 1, SlotState::Affine),
        (FlushAfter, 4, SlotState::Affine),
    ] {
        let one_in = NonZeroU32::new(8).unwrap();
        let purge_fault = Some(PurgeFault { kind, one_in, seed: 7 });
        let cure = PoolConfig {
            decommit_batch: batch(decommit_batch),
            flush_on_drop: decommit_batch > 1,
            ..config(200, Strategy::NextAvailable)
        };
        let pool = Pool::new(&PoolConfig { purge_fault, ..cure.clone() }).unwrap();
        // More slots than instances, and each slot is taken once.
        let memories: Vec<_> = (0..100)
            .map(|_| {
                let module = module_of(&pool, 7);
                (pool.allocate(Some(&module), PAGE).unwrap(), module)
            })
            .collect();
        drop(memories);
        let mut modules = Vec::new();
        pool.mapped_modules(&mut modules);
        assert_eq!(mapped_images(&pool).len(), modules.len(), "{kind:?}");
        assert!((3..=30).contains(&modules.len()), "{kind:?}: {} of 100", modules.len());
        let holding = uses(&pool).into_iter().filter(|slot| slot.state == SlotState::Affine);
        let affine = if state == SlotState::Affine { modules.len() } else { 0 };
        assert_eq!(holding.count(), affine, "{kind:?}");

        let pool = Pool::new(&cure).unwrap();
        cycle(&pool, 100, 1);
        assert_eq!(mapped_images(&pool).len(), 0, "without the fault");
    }
}

/// The planted defect: the purge misses queued slots, and their stale affinity remains after the
/// flush.
#[test]
fn a_queued_slot_hides_its_module_from_the_purge() {
    let config = PoolConfig { decommit_batch: batch(4), ..config(100, Strategy::Random) };
    let pool = Pool::new(&config).unwrap();
    cycle(&pool, 3, 1);
    let queued = |pool: &Pool| {
        let uses = uses(pool).into_iter().filter(|slot| slot.state == SlotState::Queued);
        uses.filter(|slot| slot.module.is_some()).count()
    };
    assert_eq!(queued(&pool), 3);
    assert_eq!(mapped_images(&pool).len(), 3, "queued");
    pool.flush();
    assert_eq!(queued(&pool), 0);
    assert_eq!(mapped_images(&pool).len(), 3, "affine to dropped modules");
    assert_eq!(affine_modules(&pool).len(), 3);
    // The purge finds only the module whose drop completes the batch.
    cycle(&pool, 4, 1);
    assert_eq!(affine_modules(&pool).len(), mapped_images(&pool).len());
    assert!(mapped_images(&pool).len() >= 3);
}

#[test]
fn with_a_flush_at_the_drop_the_purge_finds_all_slots() {
    for strategy in Strategy::ALL {
        for decommit_batch in [2, 4, 100] {
            let pool = Pool::new(&PoolConfig {
                decommit_batch: batch(decommit_batch),
                flush_on_drop: true,
                ..config(50, strategy)
            })
            .unwrap();
            cycle(&pool, 30, 3);
            assert_eq!(mapped_images(&pool), [0u64; 0], "{strategy}, batch {decommit_batch}");
        }
    }
}

#[test]
fn the_queue_is_flushed_if_no_slot_is_free() {
    let config = PoolConfig { decommit_batch: batch(100), ..config(3, Strategy::Random) };
    let pool = Pool::new(&config).unwrap();
    cycle(&pool, 20, 3);
    assert_eq!(pool.stats().free + pool.stats().queued, 3);
}

#[test]
fn dropping_the_last_memory_ends_the_module() {
    let pool = Pool::new(&config(2, Strategy::Random)).unwrap();
    let module = module_of(&pool, 7);
    let memory = pool.allocate(Some(&module), PAGE).unwrap();
    drop(module);
    assert_eq!(bytes(&memory)[..8], 7u64.to_ne_bytes());
    assert_eq!(mapped_images(&pool).len(), 1);
    drop(memory);
    assert_eq!(mapped_images(&pool), [0u64; 0]);
}

#[test]
fn a_dropped_pool_leaves_no_mapping() {
    let pool = Pool::new(&PoolConfig { on_drop: OnDrop::Keep, ..config(10, Strategy::Random) });
    let pool = pool.unwrap();
    cycle(&pool, 5, 2);
    let geometry = pool.geometry().clone();
    drop(pool);
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let within = maps.lines().filter(|line| {
        let (start, rest) = line.split_once('-').unwrap();
        let start = usize::from_str_radix(start, 16).unwrap();
        rest.contains("leakbench") && geometry.slot_of(start).is_some()
    });
    assert_eq!(within.count(), 0);
}

/// The pool has exactly as many slots as the threads hold. A purge or flush of one thread checks
/// out slots that another thread needs: that thread must wait and not fail.
#[test]
fn threads_allocate_free_and_purge_at_once() {
    const THREADS: u64 = 4;
    const HELD: usize = 3;
    for (strategy, on_drop) in strategies_and_policies() {
        for (decommit_batch, flush_on_drop) in [(1, false), (4, true), (4, false)] {
            let pool = Pool::new(&PoolConfig {
                on_drop,
                decommit_batch: batch(decommit_batch),
                flush_on_drop,
                ..config(THREADS as u32 * HELD as u32, strategy)
            })
            .unwrap();
            // The kernel releases the image before the drop returns, even if another thread has
            // just allocated one of the slots.
            let is_synchronous = on_drop == OnDrop::Purge && (decommit_batch == 1 || flush_on_drop);
            let shared = module_of(&pool, u64::MAX);
            let cycles = AtomicU64::new(0);
            thread::scope(|scope| {
                for thread in 0..THREADS {
                    let (pool, shared, cycles) = (&pool, &shared, &cycles);
                    scope.spawn(move || {
                        let mut watch = DeathWatch::new().unwrap();
                        for round in 0..40 {
                            let number = thread << 32 | round;
                            let own = module_of(pool, number);
                            watch.watch(own.image().unwrap().as_fd().unwrap()).unwrap();
                            let mut held: Vec<_> = (0..HELD)
                                .map(|nth| {
                                    let module = if nth == 0 { shared } else { &own };
                                    pool.allocate(Some(module), PAGE).unwrap()
                                })
                                .collect();
                            for (nth, memory) in held.iter_mut().enumerate() {
                                let number = if nth == 0 { u64::MAX } else { number };
                                let bytes = bytes_mut(memory);
                                assert_eq!(bytes[..8], number.to_ne_bytes());
                                assert!(bytes[8..] == [0; PAGE][8..]);
                                bytes[..16].fill(0xee);
                                bytes[PAGE - 1] = 0xee;
                            }
                            drop(held);
                            drop(own);
                            if is_synchronous {
                                watch.expect_death().unwrap();
                            }
                            cycles.fetch_add(1, Ordering::Relaxed);
                        }
                    });
                }
            });
            drop(shared);
            let what = format!("{strategy}, {on_drop}, batch {decommit_batch}, {flush_on_drop}");
            assert_eq!(cycles.into_inner(), THREADS * 40);
            let stats = pool.stats();
            assert_eq!(stats.free + stats.queued, THREADS as u32 * HELD as u32, "{what}");
            assert_eq!((stats.reset_failures, stats.purge_failures), (0, 0), "{what}");
            if is_synchronous {
                assert_eq!(mapped_images(&pool), [0u64; 0], "{what}");
            }
            if on_drop == OnDrop::Keep {
                assert_ne!(mapped_images(&pool), [0u64; 0], "{what}: control");
            }
        }
    }
}
