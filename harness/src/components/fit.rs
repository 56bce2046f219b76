//! How many instances of a component fit into a process, by each of its limits.

use leakbench_kernel::{Bound, Machine, Process, free_ranges};
use serde::Serialize;

use super::cost::{Cost, Costs};
use crate::slot_capacity::{RANGE_MIN_BYTES, Slots, reservations};

/// The limits of this process, and what it has already.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Limits {
    /// `vm.max_map_count`; `None` if it cannot be read.
    pub(super) max_map_count: Option<u64>,
    pub(super) present_mappings: u64,
    /// `RLIMIT_NOFILE`, the limit in effect.
    pub(super) open_files: Bound,
    pub(super) present_descriptors: u64,
    /// Free ranges of address space, the longest first. `RLIMIT_AS` limits them.
    pub(super) free_ranges_bytes: Vec<u64>,
}

impl Limits {
    /// Reads this machine. A subject at rest has about as many mappings and descriptors as this process.
    pub(super) fn read() -> Limits {
        let machine = Machine::read();
        let counts = Process::open(std::process::id()).and_then(|mut own| own.mapping_counts());
        // One of them is that of the folder itself.
        let descriptors = std::fs::read_dir("/proc/self/fd").map_or(0, |all| all.count() as u64);
        Limits {
            max_map_count: machine.max_map_count,
            present_mappings: counts.map_or(0, |counts| counts.all),
            open_files: machine.open_files.soft,
            present_descriptors: descriptors.saturating_sub(1),
            free_ranges_bytes: free_ranges(RANGE_MIN_BYTES),
        }
    }

    /// Free address space in bytes.
    pub(super) fn free_bytes(&self) -> u64 {
        leakbench_model::text::sum(self.free_ranges_bytes.iter().copied())
    }
}

/// A limit that instances meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Limit {
    Mappings,
    AddressSpace,
}

/// The number of instances of one loaded copy, in one process. `None`: this limit does not end it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Fit {
    pub(super) by_mappings: Option<u64>,
    pub(super) by_address_space: Option<u64>,
}

impl Fit {
    /// The limit that is met first, and the number of instances that fit; `None` without one.
    pub(super) fn end(self) -> Option<(Limit, u64)> {
        let mappings = self.by_mappings.map(|fit| (Limit::Mappings, fit));
        let addresses = self.by_address_space.map(|fit| (Limit::AddressSpace, fit));
        mappings.into_iter().chain(addresses).min_by_key(|(_, fit)| *fit)
    }
}

/// How many fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Fits {
    /// From a pool; `None` if a memory is longer than a slot.
    pub(super) pooled: Option<Fit>,
    pub(super) on_demand: Fit,
    /// Loaded copies of the component by the limit of descriptors, which instances of a copy share. `None`:
    /// it does not end them.
    pub(super) copies: Option<u64>,
}

impl Fits {
    /// Pure.
    pub(super) fn of(costs: &Costs, limits: &Limits) -> Fits {
        let left = limits.max_map_count.map(|max| max.saturating_sub(limits.present_mappings));
        let by_mappings = |cost: Cost| left.and_then(|left| left.checked_div(cost.mappings));
        let ranges = &limits.free_ranges_bytes;
        let memories = costs.memories.len() as u64;
        let pooled = costs.pooled.map(|cost| Fit {
            by_mappings: by_mappings(cost),
            by_address_space: Slots::BUILTIN.in_ranges(ranges).checked_div(memories),
        });
        let on_demand = Fit {
            by_mappings: by_mappings(costs.on_demand),
            by_address_space: by_address_space(costs, limits),
        };
        let copies = match limits.open_files {
            Bound::Unlimited => None,
            Bound::At(max) => {
                max.saturating_sub(limits.present_descriptors).checked_div(costs.descriptors)
            }
        };
        Fits { pooled, on_demand, copies }
    }
}

/// Memories without a pool: each reservation needs one piece, and all together what is free.
fn by_address_space(costs: &Costs, limits: &Limits) -> Option<u64> {
    let all = limits.free_bytes().checked_div(costs.on_demand.address_bytes)?;
    let Slots { stride_bytes, guard_bytes } = Slots::BUILTIN;
    let pieces = reservations(&limits.free_ranges_bytes, stride_bytes + guard_bytes);
    Some(pieces.checked_div(costs.reservations).map_or(all, |fit| fit.min(all)))
}

#[cfg(test)]
mod tests {
    use leakbench_components::Plan;

    use super::*;

    fn costs(text: &str) -> Costs {
        Costs::of(&Plan::new(text.as_bytes()).expect("a plan")).expect("costs")
    }

    fn limits(max_map_count: u64, open_files: u64, range_bytes: u64) -> Limits {
        Limits {
            max_map_count: Some(max_map_count),
            present_mappings: 10,
            open_files: Bound::At(open_files),
            present_descriptors: 4,
            free_ranges_bytes: vec![range_bytes],
        }
    }

    const TWO_MEMORIES: &str = r#"(component
        (core module $image (memory 1) (data (i32.const 0) "x") (data (i32.const 9000) "x"))
        (core module $plain (memory 1))
        (core instance (instantiate $image))
        (core instance (instantiate $plain)))"#;

    #[test]
    fn the_limit_that_is_met_first_ends_it() {
        let costs = costs(TWO_MEMORIES);
        // An image, the rest and the guard; the memory and the guard.
        assert_eq!(costs.pooled.expect("they fit into slots").mappings, 5);
        assert_eq!((costs.on_demand.mappings, costs.reservations, costs.descriptors), (7, 2, 1));
        let fits = Fits::of(&costs, &limits(510, 1004, 1 << 47));
        let pooled = fits.pooled.expect("they fit into slots");
        assert_eq!(pooled.end(), Some((Limit::Mappings, 100)));
        assert_eq!(fits.on_demand.end(), Some((Limit::Mappings, 71)));
        assert_eq!(fits.copies, Some(1000));
        let fits = Fits::of(&costs, &limits(1 << 20, 1004, 90 << 30));
        let pooled = fits.pooled.expect("they fit into slots");
        assert_eq!(pooled.end(), Some((Limit::AddressSpace, 11)));
        assert_eq!(fits.on_demand.end().map(|(limit, _)| limit), Some(Limit::AddressSpace));
    }

    #[test]
    fn without_memories_no_limit_ends_it() {
        let costs = costs("(component (core module $m) (core instance (instantiate $m)))");
        let fits = Fits::of(&costs, &limits(510, 1004, 1 << 47));
        assert_eq!(fits.pooled.and_then(Fit::end), None);
        assert_eq!((fits.on_demand.end(), fits.copies), (None, None));
    }

    #[test]
    fn a_memory_beyond_a_slot_has_no_pool() {
        let costs = costs(
            "(component (core module $m (memory i64 65537)) (core instance (instantiate $m)))",
        );
        let fits = Fits::of(&costs, &limits(510, 1004, 1 << 40));
        assert_eq!((fits.pooled, costs.reservations), (None, 0));
        assert_eq!(fits.on_demand.end(), Some((Limit::AddressSpace, 255)));
    }
}
