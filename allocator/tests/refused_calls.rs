//! What a pool does when the kernel refuses a call: a process of its own, at its limits.
//!
//! One test, for the limits are the whole process's.

#![allow(unsafe_code, reason = "mappings are used up by mapping them")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::ptr::{self, NonNull};
use std::sync::Arc;

use leakbench_allocator::{
    AllocError, GrowError, ImageError, InitialMemory, Pool, PoolConfig, PoolModule, SlotMemory,
    Strategy,
};
use rustix::mm::{MapFlags, ProtFlags};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{PAGE, batch, bytes_mut, config, first_difference, mapped_images};

const SLOTS: u32 = 8;

/// Mappings of one page each, of which the kernel grants no more.
struct Filler {
    pages: Vec<NonNull<core::ffi::c_void>>,
    page_bytes: usize,
}

impl Filler {
    fn new() -> Filler {
        // The list has to find its place before there is none.
        Filler { pages: Vec::with_capacity(1 << 17), page_bytes: rustix::param::page_size() }
    }

    /// Uses up all mappings but so many.
    fn leave(&mut self, spare: usize) {
        loop {
            // Neighbours differ, so that they do not merge.
            let access = match self.pages.len() % 2 {
                0 => ProtFlags::empty(),
                _ => ProtFlags::READ,
            };
            let flags = MapFlags::PRIVATE;
            // SAFETY: a new mapping, wherever the kernel likes.
            let page = unsafe {
                rustix::mm::mmap_anonymous(ptr::null_mut(), self.page_bytes, access, flags)
            };
            match page {
                Ok(page) => self.pages.push(NonNull::new(page).unwrap()),
                Err(_) => break,
            }
            assert!(self.pages.len() < 1 << 17, "no limit was met");
        }
        self.free(spare);
    }

    /// Returns so many mappings.
    fn free(&mut self, count: usize) {
        (0..count).for_each(|_| self.unmap_last());
    }

    fn unmap_last(&mut self) {
        let page = self.pages.pop().unwrap();
        // SAFETY: mapped above, and no one else knows of it.
        unsafe { rustix::mm::munmap(page.as_ptr(), self.page_bytes) }.unwrap();
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        while !self.pages.is_empty() {
            self.unmap_last();
        }
    }
}

fn module_of(pool: &Arc<Pool>, offset_bytes: usize, byte: u8) -> (PoolModule, Vec<u8>) {
    let bytes = [byte; 100];
    let module = pool.add_module(Some(InitialMemory { offset_bytes, bytes: &bytes })).unwrap();
    let mut expected = vec![0; 2 * PAGE];
    expected[offset_bytes..][..100].fill(byte);
    (module, expected)
}

/// Instantiates, dirties, grows and drops, whatever is refused; gives how often something was.
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
                assert!(error.contains("raise vm.max_map_count"), "{error}");
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
fn a_pool_survives_every_refused_call() {
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
            // Now that there are mappings again: no slot is lost, none shows what it should not.
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
    assert!(refused > 50 && reset_failures > 0, "felt {refused} and {reset_failures} times");

    // No descriptor for an image: said so, and nothing else is harmed.
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
