//! The limits of resources that all processes share.

use std::path::Path;

use leakbench_kernel::{
    Bound, CgroupLimit, Process, ReadError, huge_pages, machine_memory, machine_numbers,
    machine_tasks, machine_value, user_keys, user_tasks,
};
use leakbench_model::{Footprint, Resource};
use leakbench_recording::observation::{Limit, Limits};

use super::allowance::Allowance;
use super::remarks::Remarks;
use super::sampler::Sampler;

/// Minimum time between two readings.
const READ_EVERY_MS: u64 = 1_000;
/// Part of a limit by which what others have of it must change to be recorded again.
const OTHERS_CHANGE_MIN: u64 = 64;

/// Processes and threads have limits together.
const TASKS: [Resource; 3] = [Resource::Threads, Resource::Children, Resource::Zombies];
/// Memory that the kernel cannot reclaim.
const MEMORY: [Resource; 3] =
    [Resource::RssBytes, Resource::UnmappedMemfdBytes, Resource::TmpfsBytes];

/// The limits of all processes together, as they were recorded last.
#[derive(Debug)]
pub(super) struct SharedLimits {
    recorded: Vec<Limit>,
    /// Time of the last reading.
    read_ms: Option<u64>,
    /// Processes and threads of the user, as of the last count.
    user_tasks: Option<u64>,
    counting: Allowance,
}

impl SharedLimits {
    pub(super) fn new() -> SharedLimits {
        SharedLimits {
            recorded: Vec::new(),
            read_ms: None,
            user_tasks: None,
            counting: Allowance::new(),
        }
    }

    /// Reads the limits before the first sample. What others have of them is unknown.
    pub(super) fn first(&mut self, process: &mut Process, remarks: &mut Remarks) -> Vec<Limit> {
        let mut tightest = Tightest::default();
        for (what, error) in self.read(process, &mut tightest) {
            remarks.note(format!("{error}: {what}"));
        }
        tightest.limits.iter_mut().for_each(|limit| limit.others = 0);
        self.recorded.clone_from(&tightest.limits);
        tightest.limits
    }

    /// Reads the limits after a sample with these amounts. Returns them if they have changed.
    pub(super) fn update(
        &mut self,
        at_ms: u64,
        sampler: &mut Sampler,
        amounts: &Footprint,
    ) -> Option<Limits> {
        if self.read_ms.is_some_and(|read_ms| at_ms < read_ms.saturating_add(READ_EVERY_MS)) {
            return None;
        }
        self.read_ms = Some(at_ms);
        let mut tightest = Tightest { own: *amounts, limits: Vec::new() };
        of_sample(sampler, &mut tightest);
        let process = sampler.tree.observed_mut().next()?;
        if !self.read(&mut process.process, &mut tightest).is_empty() {
            // The process ends now, or its limits were never readable.
            return None;
        }
        let limits = tightest.limits;
        let is_known = |limit: &Limit| {
            self.recorded.iter().any(|known| {
                let same = (known.resource, known.max, &known.name)
                    == (limit.resource, limit.max, &limit.name);
                same && known.others.abs_diff(limit.others) <= limit.max / OTHERS_CHANGE_MIN
            })
        };
        if limits.len() == self.recorded.len() && limits.iter().all(is_known) {
            return None;
        }
        self.recorded.clone_from(&limits);
        Some(Limits { at_ms, limits })
    }

    /// Reads the limits of the process's user, of its control groups and of the machine. Returns what
    /// cannot be read.
    fn read(
        &mut self,
        process: &mut Process,
        tightest: &mut Tightest,
    ) -> Vec<(&'static str, ReadError)> {
        let proc = Path::new("/proc");
        let mut failed = Vec::new();
        match process.ids() {
            Ok(ids) => self.of_user(ids.user, process, tightest, &mut failed),
            Err(error) => failed.push(("the limits of its user are unknown", error)),
        }
        match process.cgroup_limits(proc) {
            Ok(groups) => {
                let memory = groups.memory_bytes.as_ref();
                tightest.add_groups(&MEMORY, memory);
                tightest.add_groups(&TASKS, groups.tasks.as_ref());
            }
            Err(error) => failed.push(("the limits of its control group are unknown", error)),
        }
        let tasks = machine_tasks(proc);
        for (file, name) in
            [("kernel/threads-max", "kernel.threads-max"), ("kernel/pid_max", "kernel.pid_max")]
        {
            tightest.add_each(&TASKS, machine_value(proc, file), tasks, name);
        }
        if let Some(memory) = machine_memory(proc) {
            tightest.add_each(&MEMORY, Some(memory.total), memory.used, "memory of this machine");
        }
        if let Some(pages) = huge_pages(proc) {
            let name = "vm.nr_hugepages";
            tightest.add_each(&[Resource::HugetlbBytes], Some(pages.total), pages.used, name);
        }
        for (resource, file, name) in [
            (Resource::PtyFds, "kernel/pty/max", "kernel.pty.max"),
            (
                Resource::InotifyFds,
                "fs/inotify/max_user_instances",
                "fs.inotify.max_user_instances",
            ),
            (
                Resource::InotifyWatches,
                "fs/inotify/max_user_watches",
                "fs.inotify.max_user_watches",
            ),
        ] {
            tightest.add_each(&[resource], machine_value(proc, file), None, name);
        }
        failed
    }

    fn of_user(
        &mut self,
        user: u32,
        process: &mut Process,
        tightest: &mut Tightest,
        failed: &mut Vec<(&'static str, ReadError)>,
    ) {
        let proc = Path::new("/proc");
        if let Some(keys) = user_keys(proc, user) {
            let name = if user == 0 { "kernel.keys.root_maxkeys" } else { "kernel.keys.maxkeys" };
            tightest.add_each(&[Resource::UserKeys], Some(keys.max), Some(keys.count), name);
        }
        match process.limits() {
            Ok(limits) => {
                if let Bound::At(max) = limits.posix_queue_bytes.soft {
                    let resources = [Resource::PosixQueueBytes];
                    tightest.add_each(&resources, Some(max), None, "RLIMIT_MSGQUEUE");
                }
                // Root is exempt from this one.
                if let (Bound::At(max), true) = (limits.processes.soft, user != 0) {
                    if self.counting.allows() {
                        self.user_tasks = self.counting.spend(|| user_tasks(proc, user));
                    }
                    tightest.add_each(&TASKS, Some(max), self.user_tasks, "RLIMIT_NPROC");
                }
            }
            Err(error) => failed.push(("its own limits are unknown", error)),
        }
        // Root is exempt from the others.
        if user == 0 {
            return;
        }
        let queues = machine_value(proc, "fs/mqueue/queues_max");
        tightest.add_each(&[Resource::PosixQueueFds], queues, None, "fs.mqueue.queues_max");
        // A pipe has 16 pages, and two descriptors. Later ones have two pages.
        let pages = machine_value(proc, "fs/pipe-user-pages-soft").filter(|&pages| pages > 0);
        let ends = pages.map(|pages| pages / 16 * 2);
        tightest.add_each(&[Resource::PipeFds], ends, None, "fs.pipe-user-pages-soft");
    }
}

/// The limits of what a sample has found.
fn of_sample(sampler: &Sampler, tightest: &mut Tightest) {
    let proc = Path::new("/proc");
    let sysv = &sampler.sysv;
    let of_all = |count: u64| (count > 0).then_some(count);
    // Semaphores of a set, of all sets, operations of a call, sets.
    let sets = machine_numbers(proc, "kernel/sem").and_then(|numbers| numbers.get(3).copied());
    let page = rustix::param::page_size() as u64;
    let bytes = machine_value(proc, "kernel/shmall").and_then(|pages| pages.checked_mul(page));
    for (resource, max, used, name) in [
        (
            Resource::SysvSegments,
            machine_value(proc, "kernel/shmmni"),
            of_all(sysv.segments.of_all()),
            "kernel.shmmni",
        ),
        (Resource::SysvBytes, bytes, None, "kernel.shmall"),
        (Resource::SysvSemaphores, sets, of_all(sysv.semaphores.of_all()), "kernel.sem (SEMMNI)"),
        (
            Resource::SysvQueues,
            machine_value(proc, "kernel/msgmni"),
            of_all(sysv.queues.of_all()),
            "kernel.msgmni",
        ),
    ] {
        tightest.add_each(&[resource], max, used, name);
    }
    if sampler.sockets.has_own_range {
        let max = Some(sampler.sockets.ports_max());
        let name = "net.ipv4.ip_local_port_range";
        tightest.add_each(&[Resource::EphemeralPorts], max, None, name);
    }
    for resource in [Resource::DeletedBytes, Resource::TmpfsBytes] {
        let is_much = tightest.own.of(resource) > Some(resource.noise());
        let Some((file, point)) = sampler.held_bytes.file_system(resource).filter(|_| is_much)
        else {
            continue;
        };
        let process = sampler.tree.observed().find(|process| process.pid() == file.pid);
        if let Some(size) = process.and_then(|it| it.process.size_of_file_system(file.fd)) {
            let name = format!("size of {point}");
            tightest.add_each(&[resource], Some(size.total), Some(size.used), &name);
        }
    }
}

/// For each resource the limit that leaves least room.
#[derive(Debug, Default)]
struct Tightest {
    /// The amounts of the observed processes.
    own: Footprint,
    limits: Vec<Limit>,
}

impl Tightest {
    /// Adds a limit of each of these resources, of which all processes together have `used`.
    fn add_each(
        &mut self,
        resources: &[Resource],
        max: Option<u64>,
        used: Option<u64>,
        name: &str,
    ) {
        let Some(max) = max else { return };
        for &resource in resources {
            let others = used.map_or(0, |used| used.saturating_sub(self.limited(resource)));
            let limit = Limit { resource, max, name: name.to_owned(), others };
            match self.limits.iter_mut().find(|limit| limit.resource == resource) {
                Some(known) if limit.room(0) < known.room(0) => *known = limit,
                Some(_) => {}
                None => self.limits.push(limit),
            }
        }
    }

    fn add_groups(&mut self, resources: &[Resource], limit: Option<&CgroupLimit>) {
        if let Some(CgroupLimit { max, used, name }) = limit {
            self.add_each(resources, Some(*max), *used, name);
        }
    }

    /// The amount that counts towards a limit. Pages of files do not, because the kernel reclaims
    /// them.
    fn limited(&self, resource: Resource) -> u64 {
        let own = |resource| self.own.of(resource).unwrap_or(0);
        match resource {
            Resource::RssBytes => own(Resource::AnonymousBytes) + own(Resource::ShmemBytes),
            resource => own(resource),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(max: u64, name: &str, others: u64) -> Limit {
        Limit { resource: Resource::Threads, max, name: name.to_owned(), others }
    }

    #[test]
    fn the_limit_that_leaves_least_room_is_kept() {
        let own = Footprint::default().with(Resource::Threads, 4);
        let mut tightest = Tightest { own, limits: Vec::new() };
        let mut add = |max, used, name: &str| {
            tightest.add_each(&[Resource::Threads], max, used, name);
            tightest.limits.clone()
        };
        assert_eq!(add(Some(10), None, "a"), [limit(10, "a", 0)]);
        assert_eq!(add(Some(8), Some(4), "b"), [limit(8, "b", 0)]);
        assert_eq!(add(Some(9), Some(4), "c"), [limit(8, "b", 0)]);
        assert_eq!(add(None, None, "d"), [limit(8, "b", 0)]);
        // Others have most of it.
        assert_eq!(add(Some(100), Some(99), "e"), [limit(100, "e", 95)]);
    }
}
