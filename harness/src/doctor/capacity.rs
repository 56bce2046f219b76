//! The limits of mappings, address space, descriptors, memory, tasks and processors.

use std::fs;
use std::path::Path;

use rustix::thread::{CpuSet, sched_getaffinity};

use super::check::{Check, State};
use super::slot_capacity::{Slots, mappings_for, slots_by_mappings};
use leakbench_kernel::{Bound, CgroupLimit, CgroupLimits, Machine, Process, free_ranges};

/// Slots of a pool unless a run says otherwise.
pub(super) const DEFAULT_SLOTS: u64 = 1000;

/// Descriptors that a subject has beside those of images.
const FDS_AT_REST: u64 = 16;

/// Descriptors that raising the limit is proposed for.
const FDS_PROPOSED: u64 = 4096;

/// Ranges of address space shorter than a slot are of no use.
const RANGE_LEAST_BYTES: usize = 1 << 30;

/// Resident memory that a subject of default size needs, its peak with some room.
const SUBJECT_BYTES: u64 = 64 << 20;

/// Tasks that a run with a few processes and threads needs.
const TASKS: u64 = 64;

/// Slots that raising `vm.max_map_count` is proposed for.
const MANY_SLOTS: u64 = 80_000;

/// How much fits into a process of this machine.
#[derive(Clone, Debug)]
pub(super) struct Capacity {
    /// Mappings that this process has, about as many as a subject at rest.
    present_mappings: u64,
    /// Free ranges of address space.
    ranges_bytes: Vec<u64>,
    /// `None` where the number of mappings is not known to be limited.
    slots_by_mappings: Option<u64>,
    slots_by_addresses: u64,
    wide_slots_by_addresses: u64,
    cgroups: CgroupLimits,
}

impl Capacity {
    /// Reserves all address space for a moment, and reads the rest.
    pub(super) fn measure(machine: &Machine) -> Capacity {
        let (mut present_mappings, mut cgroups) = (0, CgroupLimits::default());
        // What cannot be read is said by the check of /proc.
        if let Ok(process) = &mut Process::open(std::process::id()) {
            present_mappings = process.mapping_counts().map_or(0, |counts| counts.all);
            cgroups = process.cgroup_limits(Path::new("/proc")).unwrap_or_default();
        }
        let ranges_bytes = free_ranges(RANGE_LEAST_BYTES);
        Capacity {
            present_mappings,
            slots_by_mappings: machine
                .max_map_count
                .map(|most| slots_by_mappings(most, present_mappings)),
            slots_by_addresses: Slots::BUILTIN.in_ranges(&ranges_bytes),
            wide_slots_by_addresses: Slots::WIDE.in_ranges(&ranges_bytes),
            ranges_bytes,
            cgroups,
        }
    }

    /// How many slots of the builtin runtime fit into a process.
    pub(super) fn slots(&self) -> u64 {
        self.slots_by_mappings.unwrap_or(u64::MAX).min(self.slots_by_addresses)
    }

    /// As JSON has it.
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
        let (Some(most), Some(slots)) = (machine.max_map_count, self.slots_by_mappings) else {
            let means = "how many slots fit will show when it is met";
            return Check::new(NAME, State::Ok, "vm.max_map_count cannot be read", means).extra();
        };
        let found = format!("vm.max_map_count is {most}, {} are in use", self.present_mappings);
        let means = format!("3 a slot: {slots} slots at once in a process");
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
        let mut found = format!("{} free, {} in one piece", size(whole), size(longest));
        if let Some(bits) = virtual_bits() {
            // The upper half is the kernel's.
            found += &format!(", of {} bits", bits.min(48) - 1);
            if bits > 48 {
                found += &format!(" ({} for who asks for them)", bits - 1);
            }
        }
        let limit = machine.address_space_bytes.soft;
        if let Bound::At(bytes) = limit {
            found += &format!("; RLIMIT_AS is {}", size(bytes));
        }
        let slots = self.slots_by_addresses;
        let means = format!(
            "{slots} slots of 4 GiB and a guard, or {} of 6 GiB",
            self.wide_slots_by_addresses
        );
        let check = Check::new("address space", enough(slots, DEFAULT_SLOTS), found, means);
        let check = match (limit, machine.address_space_bytes.hard) {
            (Bound::Unlimited, _) => check,
            (_, Bound::Unlimited) => check.remedy("ulimit -v unlimited"),
            (_, Bound::At(_)) => check.remedy("sudo prlimit --pid $$ --as=unlimited"),
        };
        // What comes of it is said of the slots.
        check.extra()
    }

    /// Both together.
    fn all_slots(&self) -> Check {
        let slots = self.slots();
        let by = match self.slots_by_mappings {
            Some(mappings) if mappings <= self.slots_by_addresses => "mappings",
            _ => "address space",
        };
        let found = format!("{slots} fit into a process, bounded by {by}");
        let means = match enough(slots, DEFAULT_SLOTS) {
            State::Ok => format!("--slots up to that; the default is {DEFAULT_SLOTS}"),
            State::Limited => {
                format!("take --slots {slots} or fewer: the default is {DEFAULT_SLOTS}")
            }
            State::Missing => "the builtin runtime cannot have a pool".to_owned(),
        };
        Check::new("slots", enough(slots, DEFAULT_SLOTS), found, means).needed()
    }

    fn memory(&self, machine: &Machine) -> Check {
        let needed = SUBJECT_BYTES * machine.cpus.unwrap_or(1);
        let what = "a process a processor, with images that linger counted too";
        let means = format!("at least {} is well for {what}", size(needed));
        match &self.cgroups.memory_bytes {
            Some(CgroupLimit { max: most, name }) => {
                let found = format!("{name} is {}", size(*most));
                Check::new("memory limit", enough(*most, needed), found, means)
            }
            None => {
                let found = "no control group in sight sets one";
                Check::new("memory limit", State::Ok, found, means)
            }
        }
    }

    fn tasks(&self) -> Check {
        let means = "a subject is a process, and has a thread for each of --threads";
        match &self.cgroups.tasks {
            Some(CgroupLimit { max: most, name }) => {
                Check::new("task limit", enough(*most, TASKS), format!("{name} is {most}"), means)
            }
            None => {
                Check::new("task limit", State::Ok, "no control group in sight sets one", means)
            }
        }
    }
}

fn overcommit(machine: &Machine) -> Check {
    const NAME: &str = "overcommit";
    let Some(mode) = machine.overcommit_memory else {
        let found = "vm.overcommit_memory cannot be read";
        return Check::new(NAME, State::Ok, found, "refused memory would show").extra();
    };
    let found = format!("vm.overcommit_memory is {mode}");
    if mode != 2 {
        return Check::new(NAME, State::Ok, found, "reservations cost nothing");
    }
    let left = committable_bytes(&fs::read_to_string("/proc/meminfo").unwrap_or_default());
    let means = match left {
        Some(left) => format!(
            "memories count in full, touched or not: {} are left, {} of one page (64 KiB); who \
             reserves memory that may be written is refused",
            size(left),
            left >> 16
        ),
        None => "memories count in full, touched or not".to_owned(),
    };
    Check::new(NAME, State::Limited, found, means).change("sysctl -w vm.overcommit_memory=0")
}

/// What may still be promised, from `CommitLimit:    4011296 kB` and `Committed_AS:`.
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
        format!("images alive at once in a process at most {images}, a descriptor each")
    };
    let Bound::At(soft) = limit.soft else {
        return Check::new(NAME, State::Ok, "RLIMIT_NOFILE is unlimited", "so are images");
    };
    let images = soft.saturating_sub(FDS_AT_REST);
    let state = match enough(images, DEFAULT_SLOTS) {
        // A few are enough for a run that holds few modules at once; the trial run tells.
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
        Some(cpus) => format!("{cpus} to use"),
        None => "their number cannot be read".to_owned(),
    };
    if let (Some(cpus), Some(allowed)) = (machine.cpus, allowed)
        && cpus < allowed
    {
        found += &format!(" by a control group's quota, of {allowed}");
    }
    if let Some(model) = &machine.cpu_model {
        found += &format!(" ({model})");
    }
    let means = "one process each by default; runtimes shard their pools by them, so compare runs \
                 with the same --cpus";
    Check::new(NAME, State::Ok, found, means)
}

/// How a number stands that should be at least `wanted`.
fn enough(number: u64, wanted: u64) -> State {
    match number {
        0 => State::Missing,
        number if number < wanted => State::Limited,
        _ => State::Ok,
    }
}

/// `address sizes : 46 bits physical, 48 bits virtual`, where the architecture says so.
fn virtual_bits() -> Option<u32> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("address sizes"))?;
    let bits = line.rsplit(',').next()?.trim().strip_suffix("bits virtual")?;
    bits.trim().parse().ok().filter(|bits| (32..=64).contains(bits))
}

/// A size in the binary unit that suits it.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_promised_is_limit_less_promises() {
        let meminfo = "MemTotal: 100 kB\nCommitLimit:     4000 kB\nCommitted_AS:    1000 kB\n";
        assert_eq!(committable_bytes(meminfo), Some(3000 << 10));
        let over = "CommitLimit:     1 kB\nCommitted_AS:    1000 kB\n";
        assert_eq!(committable_bytes(over), Some(0));
        assert_eq!(committable_bytes("MemTotal: 100 kB\n"), None);
    }

    #[test]
    fn sizes_read_well() {
        let sizes = [512, 64 << 10, 5 << 30, 94_334_284_300_000].map(size);
        assert_eq!(sizes, ["0.5 KiB", "64.0 KiB", "5.0 GiB", "85.8 TiB"]);
    }
}
