//! One observed process: its objects at a sample, and the age of each.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use leakbench_model::{Footprint, ObjectId, Resource};

use super::lifetimes::Lifetimes;
use super::nearest::{OwnGrowth, OwnLimits};
use super::remarks::Remarks;
use super::sampling_interval::thread_cpu_time;
use super::shared_memory::SharedMemory;
use leakbench_kernel::{FdEntry, FdKind, Mapping, MappingKind, Process, ReadError, Stat};
use leakbench_recording::observation::{LimitReached, Nearest, ProcessEventKind};

/// See [`ObservedProcess::is_settled`].
const SETTLED_AFTER_MS: u64 = 1_000;

/// The identity of a mapping. It survives growth upwards, but not replacement by a mapping of
/// another object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MappingKey {
    pub(super) start: u64,
    pub(super) kind: MappingKind,
    object: Option<ObjectId>,
}

/// The identity of a descriptor: its number and object. (Event descriptors of one kind share an
/// object, so a number that was closed and opened again keeps its identity.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FdKey {
    pub(super) fd: i32,
    pub(super) kind: FdKind,
    pub(super) object: ObjectId,
}

/// An observed process, with its objects at the last sample.
#[derive(Debug)]
pub(super) struct ObservedProcess {
    pub(super) process: Process,
    /// Its name at the first sample, or after its last exec.
    pub(super) name: String,
    stack_start: Option<u64>,
    /// Time of its first sample; `None` before.
    first_sampled_ms: Option<u64>,
    /// Its start is reported, or needs no report.
    pub(super) is_reported: bool,
    pub(super) threads: Vec<u32>,
    pub(super) children: Vec<u32>,
    pub(super) fds: Vec<FdEntry>,
    pub(super) mappings: Vec<Mapping>,
    pub(super) fd_lifetimes: Lifetimes<FdKey>,
    pub(super) mapping_lifetimes: Lifetimes<MappingKey>,
    pub(super) thread_lifetimes: Lifetimes<u32>,
    /// Sockets that cannot have descriptors in flight.
    not_unix: HashSet<ObjectId>,
    own_limits: OwnLimits,
    growth: OwnGrowth,
    /// As of its last sample; see [`Stat::children_faults`].
    children_faults: u64,
}

/// The sums of a sample over all processes.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) amounts: Footprint,
    /// Each counts once, however many processes have it.
    pub(super) memfds: BTreeSet<ObjectId>,
    /// The sockets are asked for descriptors in flight, which costs a read of each.
    pub(super) reads_in_flight: bool,
    pub(super) in_flight_cost: Duration,
    /// Unix sockets with their descriptors in flight.
    pub(super) in_flight: BTreeMap<ObjectId, InFlight>,
    /// For each limit of single processes, the process that is nearest to it.
    pub(super) nearest: BTreeMap<Resource, Nearest>,
    /// A process has reaped a child since the last sample.
    pub(super) reaped: bool,
    /// `vm.max_map_count`.
    pub(super) mappings_max: Option<u64>,
    /// `None` of a single process, which shares its memory with none that is observed.
    pub(super) shared_memory: Option<SharedMemory>,
}

/// Descriptors in flight in a socket, and a process that has the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InFlight {
    pub(super) waiting: u64,
    pub(super) pid: u32,
    pub(super) fd: i32,
}

impl ObservedProcess {
    pub(super) fn new(process: Process, stat: &Stat) -> ObservedProcess {
        ObservedProcess {
            process,
            name: stat.name.clone(),
            stack_start: stat.stack_start,
            threads: Vec::new(),
            children: Vec::new(),
            fds: Vec::new(),
            mappings: Vec::new(),
            fd_lifetimes: Lifetimes::new(),
            mapping_lifetimes: Lifetimes::new(),
            thread_lifetimes: Lifetimes::new(),
            not_unix: HashSet::new(),
            own_limits: OwnLimits::default(),
            growth: OwnGrowth::default(),
            children_faults: stat.children_faults,
            first_sampled_ms: None,
            is_reported: false,
        }
    }

    /// True if it has been sampled for so long that its start, its end and its next program are worth
    /// a remark. Scripts start many programs that run for a moment.
    pub(super) fn is_settled(&self, at_ms: u64) -> bool {
        self.first_sampled_ms.is_some_and(|first_ms| at_ms >= first_ms + SETTLED_AFTER_MS)
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// True if it exists and has not ended.
    pub(super) fn runs(&self) -> bool {
        self.process.stat().is_ok_and(|stat| !stat.has_ended)
    }

    /// The limit that it had reached when it ended at `at_ms`, if it had.
    pub(super) fn limit_reached(&self, at_ms: u64) -> Option<LimitReached> {
        self.growth.limit_reached(at_ms, self.pid(), &self.name)
    }

    /// Samples it and adds its objects to the sums. Its threads are those of the last update of
    /// the tree.
    ///
    /// # Errors
    /// Only [`ReadError::Vanished`], before anything was added. Other errors are remarks.
    pub(super) fn sample(
        &mut self,
        at_ms: u64,
        sums: &mut Sums,
        remarks: &mut Remarks,
    ) -> Result<(), ReadError> {
        let pid = self.pid();
        let stat = self.process.stat()?;
        if stat.has_ended {
            return Err(ReadError::Vanished { pid });
        }
        self.notice_exec(at_ms, &stat, remarks);
        self.first_sampled_ms.get_or_insert(at_ms);
        sums.reaped |= stat.children_faults > self.children_faults;
        self.children_faults = stat.children_faults;
        let status = self.process.status();
        let status = readable(pid, "status", status, remarks)?;
        let mappings = readable(pid, "maps", self.read_mappings(), remarks)?;
        let fds = self.process.fds(&mut self.fds);
        let fds = readable(pid, "fd", fds, remarks)?;

        // The process existed at every read, so all of it is added.
        let mut own = Footprint::default();
        if let Some(status) = status {
            own = status;
            sums.amounts.add_all(&status);
        }
        if mappings.is_none() {
            self.mappings.clear();
            if let Some(shared) = &mut sums.shared_memory {
                shared.add_unknown();
            }
        } else {
            own.set(Resource::Mappings, self.mappings.len() as u64);
            self.count_mappings(sums);
        }
        if fds.is_none() {
            self.fds.clear();
            // Their number can be read without permission to list them.
            if let Ok(fds) = self.process.fd_count() {
                own.set(Resource::Fds, fds);
                sums.amounts.add(Resource::Fds, fds);
            }
        } else {
            own.set(Resource::Fds, self.fds.len() as u64);
            self.count_fds(sums, remarks);
        }
        let limits = self.own_limits.at(at_ms, &mut self.process, &own, sums.mappings_max);
        if let Some(max) = limit_of_fds(limits)
            && fds.is_some()
        {
            own.set(Resource::Fds, fds_within(&self.fds, max));
        }
        self.growth.add(at_ms, pid, limits, &own, &mut sums.nearest);
        self.update_lifetimes(at_ms);
        Ok(())
    }

    fn notice_exec(&mut self, at_ms: u64, stat: &Stat, remarks: &mut Remarks) {
        if stat.stack_start == self.stack_start {
            return;
        }
        let ran_before = self.stack_start.is_some() && stat.stack_start.is_some();
        self.stack_start = stat.stack_start;
        if ran_before {
            let was = std::mem::replace(&mut self.name, stat.name.clone());
            let pid = self.pid();
            if !self.is_settled(at_ms) {
                return;
            }
            let what =
                format!("process {pid} runs another program now: {}, before {was}", stat.name);
            remarks.event(ProcessEventKind::Exec, &stat.name, what);
        }
    }

    fn count_mappings(&self, sums: &mut Sums) {
        sums.amounts.add(Resource::Mappings, self.mappings.len() as u64);
        for kind in MappingKind::ALL {
            let count = self.mappings.iter().filter(|mapping| mapping.kind == kind).count();
            if let Some(resource) = mapping_resource(kind) {
                sums.amounts.add(resource, count as u64);
            }
        }
        let bytes = |counts: fn(&&Mapping) -> bool| {
            self.mappings.iter().filter(counts).map(Mapping::bytes).sum::<u64>()
        };
        sums.amounts.add(Resource::WritableBytes, bytes(|of| of.writable && !of.shared));
        sums.amounts.add(Resource::SharedBytes, bytes(|of| of.shared));
        if let Some(shared) = &mut sums.shared_memory {
            shared.add(&self.mappings);
        }
        let memfds = self.mappings.iter().filter(|mapping| mapping.kind == MappingKind::Memfd);
        sums.memfds.extend(memfds.filter_map(|mapping| mapping.object));
    }

    fn count_fds(&mut self, sums: &mut Sums, remarks: &mut Remarks) {
        sums.amounts.add(Resource::Fds, self.fds.len() as u64);
        for kind in FdKind::ALL {
            let count = self.fds.iter().filter(|entry| entry.kind == kind).count();
            sums.amounts.add(fd_resource(kind), count as u64);
        }
        let memfds = self.fds.iter().filter(|entry| entry.kind == FdKind::Memfd);
        sums.memfds.extend(memfds.map(|entry| entry.object));
        if sums.reads_in_flight {
            let before = thread_cpu_time();
            self.count_in_flight(sums, remarks);
            sums.in_flight_cost += thread_cpu_time().saturating_sub(before);
        }
    }

    fn count_in_flight(&mut self, sums: &mut Sums, remarks: &mut Remarks) {
        let pid = self.pid();
        let mut open = HashSet::new();
        for entry in self.fds.iter().filter(|entry| entry.kind == FdKind::Socket) {
            let known = self.not_unix.contains(&entry.object);
            if known {
                open.insert(entry.object);
            }
            if known || sums.in_flight.contains_key(&entry.object) {
                continue;
            }
            match self.process.fds_in_flight(entry.fd) {
                Ok(Some(waiting)) => {
                    let found = InFlight { waiting, pid, fd: entry.fd };
                    sums.in_flight.insert(entry.object, found);
                }
                Ok(None) => {
                    open.insert(entry.object);
                }
                // Closed since it was listed.
                Err(ReadError::Absent { .. }) => {}
                Err(error) => remarks.unreadable(pid, "fdinfo", &error),
            }
        }
        self.not_unix = open;
    }

    fn update_lifetimes(&mut self, at_ms: u64) {
        let key = |mapping: &Mapping| MappingKey {
            start: mapping.start,
            kind: mapping.kind,
            object: mapping.object,
        };
        self.mapping_lifetimes
            .update(at_ms, self.mappings.iter().map(|mapping| (key(mapping), mapping.bytes())));
        let key = |entry: &FdEntry| FdKey { fd: entry.fd, kind: entry.kind, object: entry.object };
        self.fd_lifetimes.update(at_ms, self.fds.iter().map(|entry| (key(entry), 0)));
        self.thread_lifetimes.update(at_ms, self.threads.iter().map(|&tid| (tid, 0)));
    }

    /// Reads the mappings. A process that runs another program after the file was opened has none in it,
    /// so they are read once more.
    fn read_mappings(&mut self) -> Result<(), ReadError> {
        let read = self.process.mappings(&mut self.mappings);
        let runs = |process: &mut Process| process.stat().is_ok_and(|stat| !stat.has_ended);
        match read {
            Err(ReadError::Vanished { .. }) if runs(&mut self.process) => {
                self.process.mappings(&mut self.mappings)
            }
            read => read,
        }
    }
}

/// The number of descriptors that count towards `RLIMIT_NOFILE`: those with numbers below it. A process
/// may have inherited others, or have lowered its limit.
fn fds_within(fds: &[FdEntry], max: u64) -> u64 {
    fds.iter().filter(|entry| u64::try_from(entry.fd).is_ok_and(|fd| fd < max)).count() as u64
}

fn limit_of_fds(limits: &[(Resource, u64)]) -> Option<u64> {
    limits.iter().find(|(resource, _)| *resource == Resource::Fds).map(|&(_, max)| max)
}

/// `None` and a remark for a file that cannot be read.
fn readable<T>(
    pid: u32,
    file: &'static str,
    read: Result<T, ReadError>,
    remarks: &mut Remarks,
) -> Result<Option<T>, ReadError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error @ ReadError::Vanished { .. }) => Err(error),
        Err(error) => {
            remarks.unreadable(pid, file, &error);
            Ok(None)
        }
    }
}

/// The resource of a mapping of this kind, besides mappings in general.
pub(super) fn mapping_resource(kind: MappingKind) -> Option<Resource> {
    match kind {
        MappingKind::Memfd => Some(Resource::MemfdMappings),
        MappingKind::File => Some(Resource::FileMappings),
        MappingKind::Anonymous => Some(Resource::AnonymousMappings),
        MappingKind::Executable => Some(Resource::ExecutableMappings),
        MappingKind::Reserved => Some(Resource::ReservedMappings),
        MappingKind::Stack => Some(Resource::StackMappings),
        MappingKind::Kernel => None,
    }
}

/// The resource of a descriptor of this kind, besides descriptors in general.
pub(super) fn fd_resource(kind: FdKind) -> Resource {
    match kind {
        FdKind::File => Resource::FileFds,
        FdKind::DeletedFile => Resource::DeletedFileFds,
        FdKind::Memfd => Resource::MemfdFds,
        FdKind::Socket => Resource::SocketFds,
        FdKind::Pipe => Resource::PipeFds,
        FdKind::MessageQueue => Resource::PosixQueueFds,
        FdKind::EventFd => Resource::EventFds,
        FdKind::TimerFd => Resource::TimerFds,
        FdKind::Epoll => Resource::EpollFds,
        FdKind::Pidfd => Resource::PidFds,
        FdKind::Inotify => Resource::InotifyFds,
        FdKind::SignalFd => Resource::SignalFds,
        FdKind::Pty => Resource::PtyFds,
        FdKind::IoUring => Resource::IoUringFds,
        FdKind::Bpf => Resource::BpfFds,
        FdKind::PerfEvent => Resource::PerfEventFds,
        FdKind::Other => Resource::OtherFds,
    }
}
