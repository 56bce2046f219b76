//! Pools from one slot to more than the machine allows.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

use leakbench_allocator::{InitialMemory, Pool, PoolError, SlotState, SlotUse, Strategy};
use support::{PAGE, bytes, config, mapped_images, uses};

fn max_map_count() -> u64 {
    std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap().trim().parse().unwrap()
}

/// A pool that is refused reserves most of the address space for a moment, to count the slots that fit.
/// So tests of large pools run one at a time.
fn whole_address_space() -> MutexGuard<'static, ()> {
    static ADDRESS_SPACE: Mutex<()> = Mutex::new(());
    ADDRESS_SPACE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn a_pool_of_one_slot_works() {
    for strategy in Strategy::ALL {
        let pool = Pool::new(&config(1, strategy)).unwrap();
        for _ in 0..10 {
            pool.allocate(None, PAGE).unwrap();
        }
        assert_eq!(pool.geometry().slot_count(), 1);
    }
}

/// One test, because each part needs most of the mappings that a process may have.
#[test]
fn the_kernel_limits_the_size_of_a_pool() {
    let _alone = whole_address_space();
    // 20,000 slots with an image in each need 60,000 mappings.
    if max_map_count() >= 65_530 {
        let pool = Pool::new(&config(20_000, Strategy::Random)).unwrap();
        assert!(pool.geometry().slabs().iter().count() > 1);
        let module =
            pool.add_module(Some(InitialMemory { offset_bytes: 0, bytes: b"abc" })).unwrap();
        let memories: Vec<_> =
            (0..20_000).map(|_| pool.allocate(Some(&module), PAGE).unwrap()).collect();
        for memory in &memories {
            assert_eq!(&bytes(memory)[..4], b"abc\0");
            let base = memory.base().addr().get();
            assert_eq!(pool.geometry().slot_of(base), Some(memory.slot()));
            assert_eq!(pool.geometry().base_addr(memory.slot()), Some(base));
        }
        assert_eq!(mapped_images(&pool).len(), 20_000);
        drop(memories);
        let affine = SlotUse { state: SlotState::Affine, module: Some(module.id()) };
        assert_eq!(uses(&pool), vec![affine; 20_000]);
        drop(module);
        assert_eq!(mapped_images(&pool), [0u64; 0]);
    }

    // The error gives a number of slots that fit, and a pool of that number can be created.
    let error = Pool::new(&config(u32::MAX, Strategy::Random)).unwrap_err();
    let PoolError::Mappings { slots, fits, max, present } = error else {
        panic!("expected too many mappings");
    };
    assert_eq!((slots, max), (u32::MAX, max_map_count()));
    assert!(u64::from(fits) <= (max - present) / 3 && fits > 1000, "{fits}");
    // Other tests have threads and small pools at the same time.
    let pool = Pool::new(&config(fits - 100, Strategy::Random)).unwrap();
    assert_eq!(pool.geometry().slot_count(), fits - 100);
}

#[test]
fn the_error_advises_what_to_do() {
    let _alone = whole_address_space();
    let error = Pool::new(&config(u32::MAX, Strategy::Random)).unwrap_err().to_string();
    let start = "4294967295 slots need 3 memory mappings each (one more where an image starts \
                 above address 0), but vm.max_map_count is ";
    assert!(error.starts_with(start), "{error}");
    assert!(error.contains("slots would fit, or raise it with `sysctl vm.max_map_count`"));
}
