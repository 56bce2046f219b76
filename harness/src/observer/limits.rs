//! The limit of each resource of a process, and its source.

use std::path::Path;

use leakbench_model::Resource;
use leakbench_recording::observation::Limit;

use super::remarks::Remarks;
use leakbench_kernel::{Bound, Process, ResourceLimit, machine_value, memory_total_bytes};

/// Bits of an address that `mmap` uses unless the caller asks for more.
#[cfg(target_arch = "x86_64")]
const ADDRESS_BITS: Option<u32> = Some(47);
/// Bits of an address that `mmap` uses: usually 48 with 4 KiB pages, but not always.
#[cfg(not(target_arch = "x86_64"))]
const ADDRESS_BITS: Option<u32> = None;

/// The limits of this process, for each resource the tightest.
///
/// With `tree`, amounts are sums over processes, so only limits of all processes together apply:
/// those of a control group and of the machine.
pub(super) fn limits_of(process: &mut Process, tree: bool, remarks: &mut Remarks) -> Vec<Limit> {
    let proc = Path::new("/proc");
    let mut tightest = Tightest::default();
    if !tree {
        own_limits(process, proc, &mut tightest, remarks);
    }
    match process.cgroup_limits(proc) {
        Ok(groups) => {
            if let Some(memory) = groups.memory_bytes {
                tightest.add(Resource::RssBytes, memory.max, &memory.name);
            }
            if let Some(tasks) = groups.tasks {
                tightest.add(Resource::Threads, tasks.max, &tasks.name);
                tightest.add(Resource::Children, tasks.max, &tasks.name);
                tightest.add(Resource::Zombies, tasks.max, &tasks.name);
            }
        }
        Err(error) => remarks.note(format!("{error}: the limits of its control group are unknown")),
    }
    for resource in [Resource::Threads, Resource::Children, Resource::Zombies] {
        tightest.add_known(
            resource,
            machine_value(proc, "kernel/threads-max"),
            "kernel.threads-max",
        );
        tightest.add_known(resource, machine_value(proc, "kernel/pid_max"), "kernel.pid_max");
    }
    tightest.add_known(Resource::RssBytes, memory_total_bytes(proc), "memory of this machine");
    let segments = machine_value(proc, "kernel/shmmni");
    tightest.add_known(Resource::SysvSegments, segments, "kernel.shmmni");
    tightest.0
}

/// Limits of a single process.
fn own_limits(process: &mut Process, proc: &Path, tightest: &mut Tightest, remarks: &mut Remarks) {
    let mappings = machine_value(proc, "vm/max_map_count");
    tightest.add_known(Resource::Mappings, mappings, "vm.max_map_count");
    if let Some(bits) = ADDRESS_BITS {
        let name = format!("address space of {bits} bits");
        tightest.add(Resource::AddressSpaceBytes, 1 << bits, &name);
    }
    let limits = match process.limits() {
        Ok(limits) => limits,
        Err(error) => return remarks.note(format!("{error}: its own limits are unknown")),
    };
    tightest.add_bound(Resource::Fds, limits.open_files, "RLIMIT_NOFILE");
    tightest.add_bound(Resource::AddressSpaceBytes, limits.address_space_bytes, "RLIMIT_AS");
    // Root is exempt from these two.
    if process.ids().is_ok_and(|ids| ids.user != 0) {
        for resource in [Resource::Threads, Resource::Children, Resource::Zombies] {
            tightest.add_bound(resource, limits.processes, "RLIMIT_NPROC");
        }
        tightest.add_bound(Resource::LockedBytes, limits.locked_bytes, "RLIMIT_MEMLOCK");
    }
}

#[derive(Debug, Default)]
struct Tightest(Vec<Limit>);

impl Tightest {
    fn add(&mut self, resource: Resource, max: u64, name: &str) {
        let limit = Limit { resource, max, name: name.to_owned() };
        match self.0.iter_mut().find(|limit| limit.resource == resource) {
            Some(known) if max < known.max => *known = limit,
            Some(_) => {}
            None => self.0.push(limit),
        }
    }

    fn add_known(&mut self, resource: Resource, max: Option<u64>, name: &str) {
        if let Some(max) = max {
            self.add(resource, max, name);
        }
    }

    fn add_bound(&mut self, resource: Resource, limit: ResourceLimit, name: &str) {
        if let Bound::At(max) = limit.soft {
            self.add(resource, max, name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_limit_of_a_resource_is_kept() {
        let mut tightest = Tightest::default();
        tightest.add(Resource::Threads, 10, "a");
        tightest.add(Resource::Threads, 5, "b");
        tightest.add_known(Resource::Threads, Some(7), "c");
        tightest.add_known(Resource::Threads, None, "d");
        let unlimited = ResourceLimit { soft: Bound::Unlimited, hard: Bound::At(1) };
        tightest.add_bound(Resource::Fds, unlimited, "e");
        let threads = Limit { resource: Resource::Threads, max: 5, name: "b".to_owned() };
        assert_eq!(tightest.0, [threads]);
    }
}
