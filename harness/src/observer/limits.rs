//! The limits of resources that all processes share.

use std::path::Path;

use leakbench_model::Resource;
use leakbench_recording::observation::Limit;

use super::remarks::Remarks;
use leakbench_kernel::{Bound, Process, machine_numbers, machine_value, memory_total_bytes};

/// The limits of all processes together, for each resource the tightest: those of the process's user,
/// of its control group and of the machine.
pub(super) fn of_all_processes(process: &mut Process, remarks: &mut Remarks) -> Vec<Limit> {
    let proc = Path::new("/proc");
    let mut tightest = Tightest::default();
    match process.limits() {
        // Root is exempt.
        Ok(limits) if process.ids().is_ok_and(|ids| ids.user != 0) => {
            if let Bound::At(max) = limits.processes.soft {
                for resource in [Resource::Threads, Resource::Children, Resource::Zombies] {
                    tightest.add(resource, max, "RLIMIT_NPROC");
                }
            }
        }
        Ok(_) => {}
        Err(error) => remarks.note(format!("{error}: its own limits are unknown")),
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
    for (resource, name) in [
        (Resource::InotifyFds, "fs/inotify/max_user_instances"),
        (Resource::InotifyWatches, "fs/inotify/max_user_watches"),
    ] {
        tightest.add_known(resource, machine_value(proc, name), &name.replace('/', "."));
    }
    for (resource, name) in [
        (Resource::SysvSegments, "kernel/shmmni"),
        (Resource::SysvQueues, "kernel/msgmni"),
    ] {
        tightest.add_known(resource, machine_value(proc, name), &name.replace('/', "."));
    }
    let pages = machine_value(proc, "kernel/shmall");
    let bytes = pages.and_then(|pages| pages.checked_mul(rustix::param::page_size() as u64));
    tightest.add_known(Resource::SysvBytes, bytes, "kernel.shmall");
    // Semaphores of a set, of all sets, operations of a call, sets.
    let sets = machine_numbers(proc, "kernel/sem").and_then(|numbers| numbers.get(3).copied());
    tightest.add_known(Resource::SysvSemaphores, sets, "kernel.sem, the last number");
    tightest.0
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
        let threads = Limit { resource: Resource::Threads, max: 5, name: "b".to_owned() };
        assert_eq!(tightest.0, [threads]);
    }
}
