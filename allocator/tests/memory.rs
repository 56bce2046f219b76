//! The contents of memories: the module's bytes and zeroes, never the bytes of an earlier memory.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use leakbench_allocator::{
    AllocError, GrowError, ImageError, ImageKind, InitialMemory, MEMORY_MAX_BYTES, OnDrop, Pool,
    PoolConfig, PoolModule, SlotMemory, Strategy,
};
use proptest::prelude::{Just, ProptestConfig, any, prop_oneof, proptest};
use proptest::strategy::Strategy as _;
use support::{PAGE, batch, bytes, bytes_mut, config, first_difference, strategies_and_policies};

#[test]
fn a_memory_begins_with_its_modules_bytes() {
    for image in ImageKind::ALL {
        let pool = Pool::new(&PoolConfig { image, ..config(2, Strategy::Random) }).unwrap();
        for offset_bytes in [0, 1, 4095, 4096, 5000, PAGE - 3] {
            let initial = InitialMemory { offset_bytes, bytes: b"abc" };
            let module = pool.add_module(Some(initial)).unwrap();
            let memory = pool.allocate(Some(&module), 2 * PAGE).unwrap();
            let mut expected = vec![0; 2 * PAGE];
            expected[offset_bytes..][..3].copy_from_slice(b"abc");
            assert_eq!(first_difference(&memory, &expected), None, "{image}, {offset_bytes}");
        }
    }
}

#[test]
fn writes_to_a_memory_do_not_change_another() {
    let pool = Pool::new(&config(2, Strategy::NextAvailable)).unwrap();
    let module = pool.add_module(Some(InitialMemory { offset_bytes: 0, bytes: b"abc" })).unwrap();
    let mut one = pool.allocate(Some(&module), PAGE).unwrap();
    let other = pool.allocate(Some(&module), PAGE).unwrap();
    bytes_mut(&mut one)[0] = b'x';
    assert_eq!(&bytes(&one)[..3], b"xbc");
    assert_eq!(&bytes(&other)[..3], b"abc");
}

#[test]
fn growth_does_not_move_a_memory() {
    let pool = Pool::new(&config(1, Strategy::Random)).unwrap();
    let module = pool.add_module(None).unwrap();
    let mut memory = pool.allocate(Some(&module), 0).unwrap();
    let base = memory.base();
    for pages in [1, 3] {
        memory.grow(pages * PAGE).unwrap();
        bytes_mut(&mut memory)[pages * PAGE - 1] = 1;
    }
    assert_eq!(memory.base(), base);
    assert_eq!(memory.len_bytes(), 3 * PAGE);
    assert_eq!(bytes(&memory).iter().filter(|byte| **byte != 0).count(), 2);
    assert!(matches!(memory.grow(PAGE), Err(GrowError::Shrinks { .. })));
    assert!(matches!(memory.grow(3 * PAGE + 1), Err(GrowError::NotWholePages { .. })));
    assert!(matches!(memory.grow(MEMORY_MAX_BYTES + PAGE), Err(GrowError::TooLong { .. })));
    memory.grow(MEMORY_MAX_BYTES).unwrap();
    bytes_mut(&mut memory)[MEMORY_MAX_BYTES - 1] = 1;
    drop(memory);
    let memory = pool.allocate(Some(&module), PAGE).unwrap();
    assert_eq!(first_difference(&memory, &vec![0; PAGE]), None);
}

#[test]
fn invalid_requests_are_refused() {
    let pool = Pool::new(&config(1, Strategy::Random)).unwrap();
    let other = Pool::new(&config(1, Strategy::Random)).unwrap();
    let initial = InitialMemory { offset_bytes: PAGE, bytes: b"abc" };
    let module = pool.add_module(Some(initial)).unwrap();
    let refused = |len_bytes| pool.allocate(Some(&module), len_bytes).unwrap_err();
    assert!(matches!(refused(PAGE + 1), AllocError::NotWholePages { .. }));
    assert!(matches!(refused(MEMORY_MAX_BYTES + PAGE), AllocError::TooLong { .. }));
    assert!(matches!(refused(PAGE), AllocError::ShorterThanImage { .. }));
    let foreign = other.allocate(Some(&module), 2 * PAGE).unwrap_err();
    assert!(matches!(foreign, AllocError::ForeignModule));
    for offset_bytes in [MEMORY_MAX_BYTES - 2, usize::MAX] {
        let beyond = pool.add_module(Some(InitialMemory { offset_bytes, bytes: b"abc" }));
        assert!(matches!(beyond, Err(ImageError::TooLong { .. })));
    }
    // The slot is still free.
    let memory = pool.allocate(Some(&module), 2 * PAGE).unwrap();
    let exhausted = pool.allocate(Some(&module), 2 * PAGE).unwrap_err();
    assert!(matches!(exhausted, AllocError::PoolExhausted { slots: 1, in_use: 1 }));
    assert_eq!(
        exhausted.to_string(),
        "all slots are in use (1 of 1): drop an instance, or use more slots"
    );
    drop(memory);
    pool.allocate(Some(&module), 2 * PAGE).unwrap();
}

#[derive(Clone, Debug)]
enum Step {
    /// Adds a module of equal bytes at an offset. A length of 0 makes no image.
    AddModule {
        offset_bytes: usize,
        len_bytes: usize,
    },
    /// Allocates for a module, an index modulo their number. Does nothing without modules.
    Allocate {
        module: usize,
        more_pages: usize,
    },
    AllocateForHost {
        pages: usize,
    },
    Write {
        memory: usize,
        offset_bytes: usize,
        len_bytes: usize,
    },
    Grow {
        memory: usize,
        pages: usize,
    },
    DropMemory {
        memory: usize,
    },
    DropModule {
        module: usize,
    },
    Flush,
}

fn steps() -> impl proptest::strategy::Strategy<Value = Vec<Step>> {
    let any = any::<usize>;
    let offset = || prop_oneof![Just(0), 0..3 * PAGE];
    let step = prop_oneof![
        2 => (offset(), prop_oneof![Just(0), 1..3 * PAGE])
            .prop_map(|(offset_bytes, len_bytes)| Step::AddModule { offset_bytes, len_bytes }),
        6 => (any(), 0..3usize)
            .prop_map(|(module, more_pages)| Step::Allocate { module, more_pages }),
        1 => (0..5usize).prop_map(|pages| Step::AllocateForHost { pages }),
        5 => (any(), 0..8 * PAGE, 1..2 * PAGE).prop_map(|(memory, offset_bytes, len_bytes)| {
            Step::Write { memory, offset_bytes, len_bytes }
        }),
        2 => (any(), 0..3usize).prop_map(|(memory, pages)| Step::Grow { memory, pages }),
        6 => any().prop_map(|memory| Step::DropMemory { memory }),
        2 => any().prop_map(|module| Step::DropModule { module }),
        1 => Just(Step::Flush),
    ];
    proptest::collection::vec(step, 0..60)
}

/// Compares every memory with a vector to which the same steps are applied.
fn run(config: &PoolConfig, steps: &[Step]) {
    let pool = Pool::new(config).unwrap();
    let mut modules: Vec<(PoolModule, Vec<u8>)> = Vec::new();
    let mut memories: Vec<(SlotMemory, Vec<u8>)> = Vec::new();
    let mut pattern = 0u8;
    for step in steps {
        let nth = |nth: usize, of: usize| (of > 0).then(|| nth % of);
        match *step {
            Step::AddModule { offset_bytes, len_bytes } => {
                pattern = pattern % 255 + 1;
                let bytes = vec![pattern; len_bytes];
                let module =
                    pool.add_module(Some(InitialMemory { offset_bytes, bytes: &bytes })).unwrap();
                let mut expected = vec![0; offset_bytes];
                expected.extend(bytes);
                modules.push((module, expected));
            }
            Step::Allocate { module, more_pages } => {
                let Some(module) = nth(module, modules.len()) else {
                    continue;
                };
                let (module, initial) = &modules[module];
                let mut expected = initial.clone();
                expected.resize(initial.len().next_multiple_of(PAGE) + more_pages * PAGE, 0);
                match pool.allocate(Some(module), expected.len()) {
                    Ok(memory) => memories.push((memory, expected)),
                    Err(AllocError::PoolExhausted { in_use, .. }) => {
                        assert_eq!(in_use as usize, memories.len());
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            Step::AllocateForHost { pages } => match pool.allocate(None, pages * PAGE) {
                Ok(memory) => memories.push((memory, vec![0; pages * PAGE])),
                Err(error) => assert!(matches!(error, AllocError::PoolExhausted { .. })),
            },
            Step::Write { memory, offset_bytes, len_bytes } => {
                let Some(memory) = nth(memory, memories.len()) else {
                    continue;
                };
                let (memory, expected) = &mut memories[memory];
                let start = offset_bytes.min(expected.len());
                let end = (start + len_bytes).min(expected.len());
                pattern = pattern % 255 + 1;
                bytes_mut(memory)[start..end].fill(pattern);
                expected[start..end].fill(pattern);
            }
            Step::Grow { memory, pages } => {
                let Some(memory) = nth(memory, memories.len()) else {
                    continue;
                };
                let (memory, expected) = &mut memories[memory];
                expected.resize(expected.len() + pages * PAGE, 0);
                memory.grow(expected.len()).unwrap();
            }
            Step::DropMemory { memory } => {
                let Some(memory) = nth(memory, memories.len()) else {
                    continue;
                };
                memories.swap_remove(memory);
            }
            Step::DropModule { module } => {
                let Some(module) = nth(module, modules.len()) else {
                    continue;
                };
                modules.swap_remove(module);
            }
            Step::Flush => pool.flush(),
        }
        if let Some((memory, expected)) = memories.last() {
            assert_eq!(first_difference(memory, expected), None, "after {step:?}");
        }
    }
    for (memory, expected) in &memories {
        assert_eq!(first_difference(memory, expected), None);
    }
    let stats = pool.stats();
    assert_eq!((stats.reset_failures, stats.purge_failures), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_memory_never_holds_bytes_of_an_earlier_one(
        steps in steps(), slots in 1u32..5, decommit_batch in 1u32..4, flush_on_drop: bool,
    ) {
        for (strategy, on_drop) in strategies_and_policies() {
            for image in [ImageKind::Memfd, ImageKind::Auto] {
                run(&PoolConfig {
                    on_drop,
                    decommit_batch: batch(decommit_batch),
                    flush_on_drop,
                    image,
                    warm_slots: 1,
                    ..config(slots, strategy)
                }, &steps);
            }
        }
    }
}

#[test]
fn a_truncated_image_does_not_change_the_next_module() {
    let pool = Pool::new(&PoolConfig { on_drop: OnDrop::Truncate, ..config(1, Strategy::Random) })
        .unwrap();
    for byte in 1..=5u8 {
        let initial = [byte; 100];
        let module =
            pool.add_module(Some(InitialMemory { offset_bytes: 0, bytes: &initial })).unwrap();
        let memory = pool.allocate(Some(&module), PAGE).unwrap();
        assert_eq!(bytes(&memory)[..100], initial);
    }
}
