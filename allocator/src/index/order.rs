//! In which order free slots are handed out: what a strategy keeps about them.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::links::{Links, List};
use leakbench_model::Strategy;

/// The free slots, arranged for one strategy. Every step is O(1).
#[derive(Debug)]
pub(super) enum Order {
    /// The slot freed last comes first.
    Stack { links: Links, free: List },
    /// Any slot, uniformly: the free ones side by side, and where among them each one is.
    Uniform { free: Vec<u32>, position: Vec<u32>, rng: Box<StdRng> },
    /// Warm slots by age and cold ones, and how many of the warm ones are too few to touch.
    Warmth { links: Links, warm: List, cold: List, warm_count: u32, warm_max: u32 },
}

impl Order {
    /// All slots free and cold.
    pub(super) fn new(slots: u32, strategy: Strategy, warm_max: u32, seed: u64) -> Order {
        let cold = |links: &mut Links| {
            let mut cold = List::default();
            (0..slots).rev().for_each(|slot| links.push(&mut cold, slot));
            cold
        };
        match strategy {
            Strategy::NextAvailable => {
                let mut links = Links::new(slots);
                let free = cold(&mut links);
                Order::Stack { links, free }
            }
            Strategy::Random | Strategy::ReuseAffinity => Order::Uniform {
                free: (0..slots).collect(),
                position: (0..slots).collect(),
                rng: Box::new(StdRng::seed_from_u64(seed)),
            },
            Strategy::WarmLru => {
                let mut links = Links::new(slots);
                let cold = cold(&mut links);
                Order::Warmth { links, warm: List::default(), cold, warm_count: 0, warm_max }
            }
        }
    }

    /// The free slot to hand out next, if there is any.
    pub(super) fn pick(&mut self) -> Option<u32> {
        match self {
            Order::Stack { free, .. } => free.last(),
            Order::Uniform { free, rng, .. } => {
                (!free.is_empty()).then(|| free[rng.random_range(0..free.len())])
            }
            // As long as warm slots are few, they are left to the modules they served.
            Order::Warmth { warm, cold, warm_count, warm_max, .. } => {
                let (warm, cold) = (warm.first(), cold.last());
                if *warm_count < *warm_max { cold.or(warm) } else { warm.or(cold) }
            }
        }
    }

    /// Adds a slot that became free.
    pub(super) fn insert(&mut self, slot: u32, is_warm: bool) {
        match self {
            Order::Stack { links, free } => links.push(free, slot),
            Order::Uniform { free, position, .. } => {
                // The length is at most the number of slots, which is a u32.
                position[slot as usize] = free.len() as u32;
                free.push(slot);
            }
            Order::Warmth { links, warm, cold, warm_count, .. } => {
                *warm_count += u32::from(is_warm);
                links.push(if is_warm { warm } else { cold }, slot);
            }
        }
    }

    /// Takes out a slot that was free, as warm as it was when it was inserted.
    pub(super) fn remove(&mut self, slot: u32, is_warm: bool) {
        match self {
            Order::Stack { links, free } => links.remove(free, slot),
            Order::Uniform { free, position, .. } => {
                let hole = position[slot as usize];
                free.swap_remove(hole as usize);
                if let Some(moved) = free.get(hole as usize) {
                    position[*moved as usize] = hole;
                }
            }
            Order::Warmth { links, warm, cold, warm_count, .. } => {
                *warm_count -= u32::from(is_warm);
                links.remove(if is_warm { warm } else { cold }, slot);
            }
        }
    }

    /// The free slots in no particular order, with the structure checked on the way.
    #[cfg(test)]
    pub(super) fn checked(&self) -> Vec<u32> {
        match self {
            Order::Stack { links, free } => links.checked(*free),
            Order::Uniform { free, position, .. } => {
                for (at, slot) in free.iter().enumerate() {
                    assert_eq!(position[*slot as usize] as usize, at, "position of slot {slot}");
                }
                free.clone()
            }
            Order::Warmth { links, warm, cold, warm_count, .. } => {
                let mut all = links.checked(*warm);
                assert_eq!(all.len(), *warm_count as usize, "warm slots");
                all.extend(links.checked(*cold));
                all
            }
        }
    }
}
