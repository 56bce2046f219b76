//! The limits of memory, descriptors, tasks and processors.

use std::fs;
use std::path::Path;

use leakbench_model::text::bytes;
use rustix::thread::{CpuSet, sched_getaffinity};

use super::capacity::DEFAULT_SLOTS;
use super::check::{Check, State};
use leakbench_kernel::{Bound, CgroupLimit, CgroupLimits, Machine, Process};

/// Descriptors of a subject without images.
const FDS_AT_REST: u64 = 16;

/// The limit of descriptors that the doctor proposes.
const FDS_PROPOSED: u64 = 4096;

/// Peak of resident memory of a subject of default size, with a margin.
const SUBJECT_BYTES: u64 = 64 << 20;

/// Tasks of a run with a few processes and threads.
const TASKS: u64 = 64;

pub(super) fn checks(machine: &Machine) -> Vec<Check> {
    // The check of /proc reports a failure.
    let own = Process::open(std::process::id());
    let cgroups = own.and_then(|mut own| own.cgroup_limits(Path::new("/proc"))).unwrap_or_default();
    vec![
        overcommit(machine),
        open_files(machine),
        memory(machine, &cgroups),
        tasks(&cgroups),
        processors(machine),
    ]
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
    let state = match State::enough(images, DEFAULT_SLOTS) {
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

fn memory(machine: &Machine, cgroups: &CgroupLimits) -> Check {
    let needed = SUBJECT_BYTES * machine.cpus.unwrap_or(1);
    let means =
        format!("{} suffice for a process on each processor, with lingering images", bytes(needed));
    match &cgroups.memory_bytes {
        Some(CgroupLimit { max, name, .. }) => {
            let found = format!("{name} is {}", bytes(*max));
            Check::new("memory limit", State::enough(*max, needed), found, means)
        }
        None => {
            let found = "no visible control group has one";
            Check::new("memory limit", State::Ok, found, means)
        }
    }
}

fn tasks(cgroups: &CgroupLimits) -> Check {
    let means = "each subject is a process with a thread for each of --threads";
    match &cgroups.tasks {
        Some(CgroupLimit { max, name, .. }) => {
            Check::new("task limit", State::enough(*max, TASKS), format!("{name} is {max}"), means)
        }
        None => Check::new("task limit", State::Ok, "no visible control group has one", means),
    }
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
