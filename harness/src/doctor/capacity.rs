//! The number of slots that fit into a process: the limits of mappings and of address space.

use std::fs;

use leakbench_model::text::bytes;

use super::check::{Check, State};
use crate::slot_capacity::{RANGE_MIN_BYTES, Slots, mappings_for, memories, slots_by_mappings};
use leakbench_kernel::{Bound, Machine, Process, free_ranges};

/// Slots of a pool by default.
pub(super) const DEFAULT_SLOTS: u64 = leakbench_model::DEFAULT_SLOTS.get() as u64;

/// Slots that the proposed `vm.max_map_count` is for.
const MANY_SLOTS: u64 = 80_000;

/// How much fits into a process of this machine.
#[derive(Clone, Debug)]
pub(super) struct Capacity {
    /// Mappings of this process; a subject at rest has about as many.
    present_mappings: u64,
    /// Free ranges of address space, the longest first.
    ranges_bytes: Vec<u64>,
    /// `None` if the limit of mappings is unknown.
    slots_by_mappings: Option<u64>,
    slots_by_addresses: u64,
    wide_slots_by_addresses: u64,
}

impl Capacity {
    /// Reserves all address space for a moment, and counts the mappings of this process.
    pub(super) fn measure(machine: &Machine) -> Capacity {
        // The check of /proc reports a failure.
        let counts = Process::open(std::process::id()).and_then(|mut own| own.mapping_counts());
        let present_mappings = counts.map_or(0, |counts| counts.all);
        let ranges_bytes = free_ranges(RANGE_MIN_BYTES);
        Capacity {
            present_mappings,
            slots_by_mappings: machine
                .max_map_count
                .map(|max| slots_by_mappings(max, present_mappings)),
            slots_by_addresses: Slots::BUILTIN.in_ranges(&ranges_bytes),
            wide_slots_by_addresses: Slots::WIDE.in_ranges(&ranges_bytes),
            ranges_bytes,
        }
    }

    /// The number of slots of the built-in runtime that fit into a process.
    pub(super) fn slots(&self) -> u64 {
        self.slots_by_mappings.unwrap_or(u64::MAX).min(self.slots_by_addresses)
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "fit": self.slots(),
            "by_mappings": self.slots_by_mappings,
            "by_address_space": self.slots_by_addresses,
            "of_6_gib_by_address_space": self.wide_slots_by_addresses,
            "free_ranges_bytes": self.ranges_bytes,
        })
    }

    pub(super) fn checks(&self, machine: &Machine) -> Vec<Check> {
        vec![
            self.mappings(machine),
            self.addresses(machine),
            self.memories(machine),
            self.all_slots(),
        ]
    }

    fn mappings(&self, machine: &Machine) -> Check {
        const NAME: &str = "mappings";
        let (Some(max), Some(slots)) = (machine.max_map_count, self.slots_by_mappings) else {
            let means = "the number of slots that fit is unknown until a run reaches it";
            return Check::new(NAME, State::Ok, "vm.max_map_count cannot be read", means).extra();
        };
        let found = format!("vm.max_map_count is {max}, and {} are in use", self.present_mappings);
        let means = format!("3 mappings a slot: a process can have {slots} slots");
        let more = mappings_for(MANY_SLOTS, self.present_mappings).next_power_of_two();
        let check = Check::new(NAME, State::enough(slots, DEFAULT_SLOTS), found, means).extra();
        if slots >= MANY_SLOTS {
            return check;
        }
        check.change(format!("sysctl -w vm.max_map_count={more}"))
    }

    fn addresses(&self, machine: &Machine) -> Check {
        let whole: u64 = self.ranges_bytes.iter().sum();
        let longest = self.ranges_bytes.first().copied().unwrap_or(0);
        let mut found = format!("{} free, {} in one piece", bytes(whole), bytes(longest));
        if let Some(bits) = virtual_bits() {
            // The kernel has the upper half.
            found += &format!(", of {} bits", bits.min(48) - 1);
            if bits > 48 {
                found += &format!(" ({} on request)", bits - 1);
            }
        }
        let limit = machine.address_space_bytes.soft;
        if let Bound::At(max) = limit {
            found += &format!("; RLIMIT_AS is {}", bytes(max));
        }
        let slots = self.slots_by_addresses;
        let means = format!(
            "room for {slots} slots of 4 GiB and a guard, or for {} of 6 GiB",
            self.wide_slots_by_addresses
        );
        let check = Check::new("address space", State::enough(slots, DEFAULT_SLOTS), found, means);
        let check = match (limit, machine.address_space_bytes.hard) {
            (Bound::Unlimited, _) => check,
            (_, Bound::Unlimited) => check.remedy("ulimit -v unlimited"),
            (_, Bound::At(_)) => check.remedy("sudo prlimit --pid $$ --as=unlimited"),
        };
        // The check of the slots reports the consequence.
        check.extra()
    }

    /// Memories of the built-in runtime that are in no pool, by their type.
    fn memories(&self, machine: &Machine) -> Check {
        let (reserved, explicit) =
            memories(machine.max_map_count, self.present_mappings, &self.ranges_bytes);
        let found = format!("{reserved} without a pool fit into a process");
        let bounds = match machine.max_map_count {
            Some(_) => format!("{explicit} with 64-bit addresses or pages of one byte"),
            None => "more with 64-bit addresses or pages of one byte".to_owned(),
        };
        let means =
            format!("each reserves 4 GiB and has 4 mappings; or {bounds}, which reserve nothing");
        Check::new("memories", State::Ok, found, means).extra()
    }

    /// The smaller of both numbers.
    fn all_slots(&self) -> Check {
        let slots = self.slots();
        let by = match self.slots_by_mappings {
            Some(mappings) if mappings <= self.slots_by_addresses => "mappings",
            _ => "address space",
        };
        let found = format!("{slots} fit into a process, limited by {by}");
        let means = match State::enough(slots, DEFAULT_SLOTS) {
            State::Ok => format!("the maximum of --slots, whose default is {DEFAULT_SLOTS}"),
            State::Limited => {
                format!("run with at most --slots {slots}: the default is {DEFAULT_SLOTS}")
            }
            State::Missing => "the built-in runtime cannot reserve a pool".to_owned(),
        };
        Check::new("slots", State::enough(slots, DEFAULT_SLOTS), found, means).needed()
    }
}

/// From `address sizes : 46 bits physical, 48 bits virtual`, which some architectures lack.
fn virtual_bits() -> Option<u32> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("address sizes"))?;
    let bits = line.rsplit(',').next()?.trim().strip_suffix("bits virtual")?;
    bits.trim().parse().ok().filter(|bits| (32..=64).contains(bits))
}
