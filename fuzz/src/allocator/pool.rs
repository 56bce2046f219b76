//! A pool with its mappings, and a model of the bytes in its memories.

use std::num::NonZeroU32;
use std::sync::Arc;

use arbitrary::Arbitrary;
use leakbench_allocator::{
    AllocError, InitialMemory, Pool, PoolConfig, PoolModule, SlotMemory, WASM_PAGE_BYTES,
};

use crate::sys;

/// Pages of the largest memory.
const PAGES_MAX: usize = 3;
/// Operations of a case. Each costs system calls.
const STEPS_MAX: usize = 60;

/// Operations on a pool.
#[derive(Arbitrary, Debug)]
pub struct Case {
    strategy: u8,
    on_drop: u8,
    image: u8,
    slots: u8,
    warm_slots: u8,
    decommit_batch: u8,
    flush_on_drop: bool,
    seed: u64,
    steps: Vec<Step>,
}

/// An operation. Modules and memories are indices into those that there are, modulo their number.
#[derive(Arbitrary, Debug)]
enum Step {
    AddModule { offset: u32, bytes: [u8; 4], repeats: u16 },
    DropModule { module: u8 },
    Allocate { module: Option<u8>, pages: u8 },
    Write { memory: u8, at: u32, byte: u8 },
    Grow { memory: u8, pages: u8 },
    DropMemory { memory: u8 },
    Flush,
}

/// A module, and the bytes of its initial memory from `offset_bytes` on.
struct Module {
    own: PoolModule,
    offset_bytes: usize,
    bytes: Vec<u8>,
}

/// A memory, and the bytes that it must hold.
struct Memory {
    own: SlotMemory,
    expected: Vec<u8>,
}

impl Memory {
    fn check(&self) {
        assert_eq!(self.own.len_bytes(), self.expected.len());
        assert!(sys::slot_bytes(&self.own) == self.expected, "slot {} differs", self.own.slot());
    }
}

fn nth<T>(items: &[T], number: u8) -> Option<usize> {
    usize::from(number).checked_rem(items.len())
}

/// Runs the operations on pool and model.
pub(super) fn check(case: &Case) {
    let at_least_one = |number: u8, max: u32| NonZeroU32::new(1 + u32::from(number) % max);
    let config = PoolConfig {
        slots: at_least_one(case.slots, 6).expect("not zero"),
        strategy: super::strategy(case.strategy),
        warm_slots: u32::from(case.warm_slots) % 8,
        on_drop: super::on_drop(case.on_drop),
        decommit_batch: at_least_one(case.decommit_batch, 4).expect("not zero"),
        flush_on_drop: case.flush_on_drop,
        image: super::image_kind(case.image),
        seed: case.seed,
        purge_fault: None,
    };
    let pool = Pool::new(&config).expect("a pool");
    let (mut modules, mut memories) = (Vec::<Module>::new(), Vec::<Memory>::new());
    for step in case.steps.iter().take(STEPS_MAX) {
        match *step {
            Step::AddModule { offset, bytes, repeats } => {
                let bytes = bytes.repeat(usize::from(repeats) % 3000);
                let room = WASM_PAGE_BYTES - bytes.len();
                let offset_bytes = offset as usize % (room + 1);
                let initial = InitialMemory { offset_bytes, bytes: &bytes };
                let own = pool.add_module(Some(initial)).expect("a module");
                modules.push(Module { own, offset_bytes, bytes });
            }
            Step::DropModule { module } => {
                if let Some(index) = nth(&modules, module) {
                    modules.swap_remove(index);
                }
            }
            Step::Allocate { module, pages } => {
                let module = module.and_then(|number| nth(&modules, number)).map(|at| &modules[at]);
                let len = (1 + usize::from(pages) % PAGES_MAX) * WASM_PAGE_BYTES;
                allocate(&pool, module, len, &mut memories, config.slots);
            }
            Step::Write { memory, at, byte } => {
                if let Some(index) = nth(&memories, memory) {
                    let memory = &mut memories[index];
                    let at = at as usize % memory.expected.len();
                    memory.expected[at] = byte;
                    sys::slot_bytes_mut(&mut memory.own)[at] = byte;
                }
            }
            Step::Grow { memory, pages } => {
                if let Some(index) = nth(&memories, memory) {
                    let memory = &mut memories[index];
                    let len = (1 + usize::from(pages) % PAGES_MAX) * WASM_PAGE_BYTES;
                    let is_longer = len >= memory.expected.len();
                    assert_eq!(memory.own.grow(len).is_ok(), is_longer);
                    if is_longer {
                        memory.expected.resize(len, 0);
                    }
                }
            }
            Step::DropMemory { memory } => {
                if let Some(index) = nth(&memories, memory) {
                    let memory = memories.swap_remove(index);
                    memory.check();
                }
            }
            Step::Flush => pool.flush(),
        }
        let stats = pool.stats();
        let busy = u32::try_from(memories.len()).expect("few") + stats.queued;
        assert_eq!(stats.free + busy, config.slots.get(), "{stats:?}");
        assert_eq!([stats.reset_failures, stats.purge_failures], [0, 0]);
    }
    memories.iter().for_each(Memory::check);
}

fn allocate(
    pool: &Arc<Pool>,
    module: Option<&Module>,
    len: usize,
    memories: &mut Vec<Memory>,
    slots: NonZeroU32,
) {
    let own = match pool.allocate(module.map(|module| &module.own), len) {
        Ok(own) => own,
        Err(AllocError::PoolExhausted { .. }) => {
            return assert_eq!(memories.len(), slots.get() as usize);
        }
        Err(error) => panic!("{error}"),
    };
    assert!(memories.iter().all(|other| other.own.slot() != own.slot()), "a slot that is in use");
    let mut expected = vec![0; len];
    if let Some(Module { offset_bytes, bytes, .. }) = module {
        expected[*offset_bytes..][..bytes.len()].copy_from_slice(bytes);
    }
    let memory = Memory { own, expected };
    memory.check();
    memories.push(memory);
}
