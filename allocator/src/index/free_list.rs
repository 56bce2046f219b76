//! The free slots, in the data structure that each strategy needs.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::links::{Links, List};
use leakbench_model::Strategy;

/// The free slots of one strategy. Every operation is O(1).
#[derive(Debug)]
pub(super) enum FreeList {
    /// Last in, first out.
    Stack { links: Links, free: List },
    /// A uniformly random slot. `position` has the index of each slot in `free`.
    Random { free: Vec<u32>, position: Vec<u32>, rng: Box<StdRng> },
    /// Warm slots by age, and cold slots. Below `warm_max` warm slots, a cold one is taken first.
    WarmLru { links: Links, warm: List, cold: List, warm_count: u32, warm_max: u32 },
}

impl FreeList {
    /// Creates a list in which all slots are free and cold.
    pub(super) fn new(slots: u32, strategy: Strategy, warm_max: u32, seed: u64) -> FreeList {
        let cold = |links: &mut Links| {
            let mut cold = List::default();
            (0..slots).rev().for_each(|slot| links.push(&mut cold, slot));
            cold
        };
        match strategy {
            Strategy::NextAvailable => {
                let mut links = Links::new(slots);
                let free = cold(&mut links);
                FreeList::Stack { links, free }
            }
            Strategy::Random | Strategy::ReuseAffinity => FreeList::Random {
                free: (0..slots).collect(),
                position: (0..slots).collect(),
                rng: Box::new(StdRng::seed_from_u64(seed)),
            },
            Strategy::WarmLru => {
                let mut links = Links::new(slots);
                let cold = cold(&mut links);
                FreeList::WarmLru { links, warm: List::default(), cold, warm_count: 0, warm_max }
            }
        }
    }

    /// The free slot to allocate next; `None` if no slot is free.
    pub(super) fn pick(&mut self) -> Option<u32> {
        match self {
            FreeList::Stack { free, .. } => free.last(),
            FreeList::Random { free, rng, .. } => {
                (!free.is_empty()).then(|| free[rng.random_range(0..free.len())])
            }
            // A few warm slots stay with the modules that they served.
            FreeList::WarmLru { warm, cold, warm_count, warm_max, .. } => {
                let (warm, cold) = (warm.first(), cold.last());
                if *warm_count < *warm_max { cold.or(warm) } else { warm.or(cold) }
            }
        }
    }

    /// Adds a slot that became free.
    pub(super) fn insert(&mut self, slot: u32, is_warm: bool) {
        match self {
            FreeList::Stack { links, free } => links.push(free, slot),
            FreeList::Random { free, position, .. } => {
                // At most the number of slots, which is a u32.
                position[slot as usize] = free.len() as u32;
                free.push(slot);
            }
            FreeList::WarmLru { links, warm, cold, warm_count, .. } => {
                *warm_count += u32::from(is_warm);
                links.push(if is_warm { warm } else { cold }, slot);
            }
        }
    }

    /// Removes a free slot. `is_warm` must be the value with which the slot was inserted.
    pub(super) fn remove(&mut self, slot: u32, is_warm: bool) {
        match self {
            FreeList::Stack { links, free } => links.remove(free, slot),
            FreeList::Random { free, position, .. } => {
                let hole = position[slot as usize];
                free.swap_remove(hole as usize);
                if let Some(moved) = free.get(hole as usize) {
                    position[*moved as usize] = hole;
                }
            }
            FreeList::WarmLru { links, warm, cold, warm_count, .. } => {
                *warm_count -= u32::from(is_warm);
                links.remove(if is_warm { warm } else { cold }, slot);
            }
        }
    }

    /// The free slots, in any order. Checks the structure.
    #[cfg(test)]
    pub(super) fn checked(&self) -> Vec<u32> {
        match self {
            FreeList::Stack { links, free } => links.checked(*free),
            FreeList::Random { free, position, .. } => {
                for (at, slot) in free.iter().enumerate() {
                    assert_eq!(position[*slot as usize] as usize, at, "position of slot {slot}");
                }
                free.clone()
            }
            FreeList::WarmLru { links, warm, cold, warm_count, .. } => {
                let mut all = links.checked(*warm);
                assert_eq!(all.len(), *warm_count as usize, "warm slots");
                all.extend(links.checked(*cold));
                all
            }
        }
    }
}
