//! The limits of mappings, address space, descriptors, memory, tasks and processors.

use std::fs;
use std::path::Path;

use leakbench_model::text::bytes;
use rustix::thread::{CpuSet, sched_getaffinity};

use super::check::{Check, State};
use super::slot_capacity::{Slots, mappings_for, slots_by_mappings};
use leakbench_kernel::{Bound, CgroupLimit, CgroupLimits, Machine, Process, free_ranges};

/// Slots of a pool by default.
pub(super) const DEFAULT_SLOTS: u64 = leakbench_model::DEFAULT_SLOTS.get() as u64;

/// Descriptors of a subject without images.
const FDS_AT_REST: u64 = 16;

/// The limit of descriptors that the doctor proposes.
const FDS_PROPOSED: u64 = 4096;

/// Shorter ranges of address space are ignored; a slot needs more.
const RANGE_MIN_BYTES: usize = 1 << 30;

/// Peak of resident memory of a subject of default size, with a margin.
const SUBJECT_BYTES: u64 = 64 << 20;

/// Tasks of a run with a few processes and threads.
const TASKS: u64 = 64;

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
    cgroups: CgroupLimits,
}

impl Capacity {
    /// Reserves all address space for a moment, and reads the other limits.
    pub(super) fn measure(machine: &Machine) -> Capacity {
        let (mut present_mappings, mut cgroups) = (0, CgroupLimits::default());
        // The check of /proc reports a failure.
        if let Ok(process) = &mut Process::open(std::process::id()) {
            present_mappings = process.mapping_counts().map_or(0, |counts| counts.all);
            cgroups = process.cgroup_limits(Path::new("/proc")).unwrap_or_default();
        }
        let ranges_bytes = free_ranges(RANGE_MIN_BYTES);
        Capacity {
            present_mappings,
            slots_by_mappings: machine
                .max_map_count
                .map(|max| slots_by_mappings(max, present_mappings)),
            slots_by_addresses: Slots::BUILTIN.in_ranges(&ranges_bytes),
            wide_slots_by_addresses: Slots::WIDE.in_ranges(&ranges_bytes),
            ranges_bytes,
            cgroups,
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
            self.all_slots(),
            overcommit(machine),
            open_files(machine),
            self.memory(machine),
            self.tasks(),
            processors(machine),
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
        let check = Check::new(NAME, enough(slots, DEFAULT_SLOTS), found, means).extra();
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
        let check = Check::new("address space", enough(slots, DEFAULT_SLOTS), found, means);
        let check = match (limit, machine.address_space_bytes.hard) {
            (Bound::Unlimited, _) => check,
            (_, Bound::Unlimited) => check.remedy("ulimit -v unlimited"),
            (_, Bound::At(_)) => check.remedy("sudo prlimit --pid $$ --as=unlimited"),
        };
        // The check of the slots reports the consequence.
        check.extra()
    }

    /// The smaller of both numbers.
    fn all_slots(&self) -> Check {
        let slots = self.slots();
        let by = match self.slots_by_mappings {
            Some(mappings) if mappings <= self.slots_by_addresses => "mappings",
            _ => "address space",
        };
        let found = format!("{slots} fit into a process, limited by {by}");
        let means = match enough(slots, DEFAULT_SLOTS) {
            State::Ok => format!("the maximum of --slots, whose default is {DEFAULT_SLOTS}"),
            State::Limited => {
                format!("run with at most --slots {slots}: the default is {DEFAULT_SLOTS}")
            }
            State::Missing => "the built-in runtime cannot reserve a pool".to_owned(),
        };
        Check::new("slots", enough(slots, DEFAULT_SLOTS), found, means).needed()
    }

    fn memory(&self, machine: &Machine) -> Check {
        let needed = SUBJECT_BYTES * machine.cpus.unwrap_or(1);
        let means = format!(
            "{} suffice for a process on each processor, with lingering images",
            bytes(needed)
        );
        match &self.cgroups.memory_bytes {
            Some(CgroupLimit { max, name }) => {
                let found = format!("{name} is {}", bytes(*max));
                Check::new("memory limit", enough(*max, needed), found, means)
            }
            None => {
                let found = "no visible control group has one";
                Check::new("memory limit", State::Ok, found, means)
            }
        }
    }

    fn tasks(&self) -> Check {
        let means = "each subject is a process with a thread for each of --threads";
        match &self.cgroups.tasks {
            Some(CgroupLimit { max, name }) => {
                Check::new("task limit", enough(*max, TASKS), format!("{name} is {max}"), means)
            }
            None => Check::new("task limit", State::Ok, "no visible control group has one", means),
        }
    }
}

fn overcommit(machine: &Machine) -> Check {
    const NAME: &str = "overcommit";
    let Some(mode) = machine.overcommit_memory else {
        let found = "vm.overcommit_memory cannot be read";
        return Check::new(NAME, State::Ok, found, "a run reports memory that is refused").extra();
    };
    let found = format!("vm.overcommit_memory is {mode}");
    if mode != 2 {
        return Check::new(NAME, State::Ok, found, "reservations cost nothing");
    }
    let left = committable_bytes(&fs::read_to_string("/proc/meminfo").unwrap_or_default());
    let means = match left {
        Some(left) => format!(
            "linear memories count in full, touched or not: {} are left, enough for {} of one page \
             (64 KiB); larger writable reservations are refused",
            bytes(left),
            left >> 16
        ),
        None => "linear memories count in full, touched or not".to_owned(),
    };
    Check::new(NAME, State::Limited, found, means).change("sysctl -w vm.overcommit_memory=0")
}

/// Memory that can still be committed, from `CommitLimit:    4011296 kB` and `Committed_AS:`.
fn committable_bytes(meminfo: &str) -> Option<u64> {
    let kib = |key: &str| -> Option<u64> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(key))?;
        line.trim_start_matches(':').trim().strip_suffix("kB")?.trim().parse().ok()
    };
    Some(kib("CommitLimit")?.saturating_sub(kib("Committed_AS")?) << 10)
}

fn open_files(machine: &Machine) -> Check {
    const NAME: &str = "open files";
    let limit = machine.open_files;
    let means = |images: u64| {
        format!("a process can have {images} images at a time, with a descriptor each")
    };
    let Bound::At(soft) = limit.soft else {
        return Check::new(
            NAME,
            State::Ok,
            "RLIMIT_NOFILE is unlimited",
            "so is the number of images",
        );
    };
    let images = soft.saturating_sub(FDS_AT_REST);
    let state = match enough(images, DEFAULT_SLOTS) {
        // A few suffice for a run with few modules at a time; the clean control tries it.
        State::Missing => State::Limited,
        state => state,
    };
    let hard = match limit.hard {
        Bound::Unlimited => "unlimited".to_owned(),
        Bound::At(hard) => hard.to_string(),
    };
    let check =
        Check::new(NAME, state, format!("RLIMIT_NOFILE is {soft} of {hard}"), means(images));
    match limit.hard {
        Bound::At(hard) if hard < FDS_PROPOSED => {
            check.remedy(format!("sudo prlimit --pid $$ --nofile={FDS_PROPOSED}"))
        }
        _ => check.remedy(format!("ulimit -n {FDS_PROPOSED}")),
    }
}

fn processors(machine: &Machine) -> Check {
    const NAME: &str = "processors";
    let set = sched_getaffinity(None).ok();
    let allowed = set.map(|set| (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).count() as u64);
    let mut found = match machine.cpus {
        Some(cpus) => format!("{cpus} usable"),
        None => "their number cannot be read".to_owned(),
    };
    if let (Some(cpus), Some(allowed)) = (machine.cpus, allowed)
        && cpus < allowed
    {
        found += &format!(" of {allowed}, by the quota of a control group");
    }
    if let Some(model) = &machine.cpu_model {
        found += &format!(" ({model})");
    }
    let means = "a run starts one process for each by default; pools are sharded by processor, so \
                 compare runs with the same --cpus";
    Check::new(NAME, State::Ok, found, means)
}

/// The state of a number whose minimum is `wanted`.
fn enough(number: u64, wanted: u64) -> State {
    match number {
        0 => State::Missing,
        number if number < wanted => State::Limited,
        _ => State::Ok,
    }
}

/// From `address sizes : 46 bits physical, 48 bits virtual`, which some architectures lack.
fn virtual_bits() -> Option<u32> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("address sizes"))?;
    let bits = line.rsplit(',').next()?.trim().strip_suffix("bits virtual")?;
    bits.trim().parse().ok().filter(|bits| (32..=64).contains(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committable_is_limit_minus_committed() {
        let meminfo = "MemTotal: 100 kB\nCommitLimit:     4000 kB\nCommitted_AS:    1000 kB\n";
        assert_eq!(committable_bytes(meminfo), Some(3000 << 10));
        let over = "CommitLimit:     1 kB\nCommitted_AS:    1000 kB\n";
        assert_eq!(committable_bytes(over), Some(0));
        assert_eq!(committable_bytes("MemTotal: 100 kB\n"), None);
    }
}
