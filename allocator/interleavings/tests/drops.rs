//! The invariant of drops, under the orders of the steps of two or three threads that a checker tries: when the drop of
//! a module has returned, no slot maps its image. And no order blocks a thread for ever. Slots, mappings and images are
//! real, and the test reads them from /proc; only locks and threads are the checker's.

use std::fs;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use leakbench_allocator::{
    AllocError, InitialMemory, Pool, PoolConfig, PoolModule, SlotMemory, Strategy, WASM_PAGE_BYTES,
    mapping_step,
};

#[cfg(loom)]
use loom::thread;
#[cfg(shuttle)]
use shuttle::thread;

/// Orders of each test under shuttle.
#[cfg(shuttle)]
const ORDERS_AT_RANDOM: usize = 20_000;

/// Runs a test with the orders that the checker chooses, and prints their number. loom tries all in which threads are
/// interrupted at most `preemptions` times, beside where they wait; shuttle some at random, of any number.
#[cfg_attr(shuttle, expect(unused_variables, reason = "a bound of loom"))]
fn check(name: &str, preemptions: usize, test: impl Fn() + Send + Sync + 'static) {
    static ORDERS: AtomicU64 = AtomicU64::new(0);
    ORDERS.store(0, Ordering::Relaxed);
    let began = Instant::now();
    let counted = move || {
        ORDERS.fetch_add(1, Ordering::Relaxed);
        test();
    };
    #[cfg(loom)]
    {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(preemptions);
        model.check(counted);
    }
    #[cfg(shuttle)]
    shuttle::check_random(counted, ORDERS_AT_RANDOM);
    let seconds = began.elapsed().as_secs_f64();
    // On a line of its own.
    println!("\n{name}: {} orders in {seconds:.1} s", ORDERS.load(Ordering::Relaxed));
}

fn config(slots: u32, batch: u32, flush_on_drop: bool) -> PoolConfig {
    PoolConfig {
        slots: NonZeroU32::new(slots).expect("not zero"),
        strategy: Strategy::ReuseAffinity,
        decommit_batch: NonZeroU32::new(batch).expect("not zero"),
        flush_on_drop,
        ..PoolConfig::default()
    }
}

fn module(pool: &Arc<Pool>) -> PoolModule {
    let initial = InitialMemory { offset_bytes: 0, bytes: &[7; 8192] };
    pool.add_module(Some(initial)).expect("a memfd")
}

fn allocate(pool: &Arc<Pool>, module: &PoolModule) -> SlotMemory {
    pool.allocate(Some(module), WASM_PAGE_BYTES).expect("a slot")
}

/// Drops the last handle of a module.
///
/// # Panics
/// If its image is still mapped.
fn drop_last(module: PoolModule) {
    let image = module.image().and_then(|image| image.as_fd()).expect("an image in a memfd");
    let inode = rustix::fs::fstat(image).expect("its inode").st_ino;
    drop(module);
    mapping_step();
    let maps = fs::read_to_string("/proc/self/maps").expect("the mappings");
    // 7f0000000000-7f0000001000 rw-p 00000000 00:01 4711   /memfd:leakbench-image (deleted)
    let mapped = maps.lines().filter(|line| line.contains("leakbench-image"));
    let mut inodes = mapped.filter_map(|line| line.split_whitespace().nth(4)?.parse::<u64>().ok());
    assert!(!inodes.any(|other| other == inode), "a slot maps the image of a dropped module");
}

/// A cycle of one module.
fn cycle(pool: &Arc<Pool>) {
    let module = module(pool);
    drop(allocate(pool, &module));
    drop_last(module);
}

/// Takes the steps on so many threads, of which this is one.
fn on_threads(threads: usize, config: &PoolConfig, steps: fn(&Arc<Pool>)) {
    let pool = Pool::new(config).expect("a pool");
    let others: Vec<_> = (1..threads)
        .map(|_| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || steps(&pool))
        })
        .collect();
    steps(&pool);
    others.into_iter().for_each(|other| other.join().expect("another thread"));
}

#[test]
fn two_threads_cycle_modules() {
    check("two threads, two slots", 5, || on_threads(2, &config(2, 1, false), cycle));
}

#[test]
fn three_threads_cycle_modules() {
    check("three threads, a queue of two", 3, || on_threads(3, &config(4, 2, true), cycle));
}

/// A slot may be in use when the other thread needs it.
#[test]
fn two_threads_share_a_slot() {
    fn try_cycle(pool: &Arc<Pool>) {
        let module = module(pool);
        match pool.allocate(Some(&module), WASM_PAGE_BYTES) {
            Ok(memory) => drop(memory),
            Err(AllocError::PoolExhausted { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        drop_last(module);
    }
    check("two threads, one slot", 5, || on_threads(2, &config(1, 1, false), try_cycle));
}

#[test]
fn drops_flush_the_queue_of_all_threads() {
    check("two threads, a queue of two", 5, || on_threads(2, &config(3, 2, true), cycle));
}

/// A thread takes the affine slot of a module that another thread drops.
#[test]
fn a_drop_waits_for_an_eviction() {
    check("a drop beside an eviction", 5, || {
        let pool = Pool::new(&config(1, 1, false)).expect("a pool");
        let old = module(&pool);
        drop(allocate(&pool, &old));
        let new = module(&pool);
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                drop(allocate(&pool, &new));
                drop_last(new);
            })
        };
        drop_last(old);
        other.join().expect("the other thread");
    });
}

/// One thread drops a memory, which queues or flushes it, while another drops other modules.
#[test]
fn memories_are_dropped_elsewhere() {
    check("a memory dropped elsewhere", 5, || {
        let pool = Pool::new(&config(3, 2, true)).expect("a pool");
        let (first, second) = (module(&pool), module(&pool));
        let memories = [allocate(&pool, &first), allocate(&pool, &second)];
        let other = thread::spawn(move || drop(memories));
        cycle(&pool);
        other.join().expect("the other thread");
        drop_last(first);
        drop_last(second);
    });
}

/// The positive control: without a flush the drop misses queued slots.
#[test]
#[should_panic(expected = "a slot maps the image of a dropped module")]
fn a_queue_that_is_not_flushed_is_found() {
    check("the queue is not flushed", 5, || on_threads(2, &config(3, 2, false), cycle));
}
