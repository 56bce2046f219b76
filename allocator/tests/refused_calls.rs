//! The pool when the kernel refuses a call. The test reaches the limits of its process, so it is
//! the only one in this file.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use leakbench_allocator::{
    AllocError, GrowError, ImageError, InitialMemory, Pool, PoolConfig, PoolModule, SlotMemory,
    Strategy,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{Filler, PAGE, batch, bytes_mut, config, first_difference, mapped_images};

const SLOTS: u32 = 8;

fn module_of(pool: &Arc<Pool>, offset_bytes: usize, byte: u8) -> (PoolModule, Vec<u8>) {
    let bytes = [byte; 100];
    let module = pool.add_module(Some(InitialMemory { offset_bytes, bytes: &bytes })).unwrap();
    let mut expected = vec![0; 2 * PAGE];
    expected[offset_bytes..][..100].fill(byte);
    (module, expected)
}

/// Allocates, writes, grows and drops memories. Returns the number of refused calls.
fn use_pool(pool: &Arc<Pool>, modules: &[(PoolModule, Vec<u8>)]) -> u32 {
    let mut refused = 0;
    let mut held: Vec<SlotMemory> = Vec::with_capacity(SLOTS as usize);
    for round in 0..40 {
        let (module, expected) = &modules[round % modules.len()];
        match pool.allocate(Some(module), 2 * PAGE) {
            Ok(mut memory) => {
                assert_eq!(first_difference(&memory, expected), None);
                match memory.grow(3 * PAGE) {
                    Ok(()) => {}
                    Err(GrowError::Map { .. }) => refused += 1,
                    Err(error) => panic!("{error}"),
                }
                bytes_mut(&mut memory).fill(0xee);
                held.push(memory);
            }
            Err(error @ AllocError::Map { .. }) => {
                let error = error.to_string();
                assert!(error.contains("vm.max_map_count mappings or RLIMIT_AS"), "{error}");
                refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
        if round % 3 == 2 && !held.is_empty() {
            held.remove(0);
        }
        if held.len() == SLOTS as usize {
            held.truncate(3);
        }
    }
    refused
}

#[test]
fn a_pool_works_on_after_every_refused_call() {
    let (mut refused, mut reset_failures) = (0, 0);
    let mut filler = Filler::new();
    for spare in [0, 1, 2, 3, 5, 8, 12, 20] {
        for decommit_batch in [1, 3] {
            let pool = Pool::new(&PoolConfig {
                decommit_batch: batch(decommit_batch),
                flush_on_drop: true,
                ..config(SLOTS, Strategy::Random)
            })
            .unwrap();
            let modules: Vec<_> = [0, 100, 70_000, PAGE]
                .into_iter()
                .zip(1u8..)
                .map(|(offset_bytes, byte)| module_of(&pool, offset_bytes, byte))
                .collect();
            filler.leave(spare);
            refused += use_pool(&pool, &modules);
            filler.free(1000);
            // There are mappings again: all slots can be used, and hold what they should.
            let stats = pool.stats();
            reset_failures += stats.reset_failures;
            assert_eq!(stats.free + stats.queued, SLOTS);
            assert_eq!(use_pool(&pool, &modules), 0);
            let all: Vec<_> = (0..SLOTS as usize)
                .map(|nth| (pool.allocate(Some(&modules[nth % 4].0), 2 * PAGE).unwrap(), nth % 4))
                .collect();
            for (memory, module) in &all {
                assert_eq!(first_difference(memory, &modules[*module].1), None);
            }
            drop(all);
            drop(modules);
            assert_eq!(mapped_images(&pool), [0u64; 0]);
        }
    }
    drop(filler);
    assert!(
        refused > 50 && reset_failures > 0,
        "{refused} refused calls, {reset_failures} failed resets"
    );

    // Without a descriptor for an image, adding a module fails, and the pool works on.
    let pool = Pool::new(&config(SLOTS, Strategy::Random)).unwrap();
    let (module, expected) = module_of(&pool, 0, 1);
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..limit }).unwrap();
    let image = pool.add_module(Some(InitialMemory { offset_bytes: 0, bytes: b"abc" }));
    setrlimit(Resource::Nofile, limit).unwrap();
    assert!(matches!(image, Err(ImageError::Create(_))));
    let memory = pool.allocate(Some(&module), 2 * PAGE).unwrap();
    assert_eq!(first_difference(&memory, &expected), None);
}
