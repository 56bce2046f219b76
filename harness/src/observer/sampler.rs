//! Takes samples of the whole process tree: sums of each resource, and the age of each object.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use leakbench_model::{ObjectId, Resource};
use leakbench_recording::observation::{Example, ObservationSample, Scope};

use super::ages::Ages;
use super::allowance::Allowance;
use super::held_bytes::HeldBytes;
use super::lifetimes::Lifetimes;
use super::observed_process::{InFlight, ObservedProcess, Sums};
use super::pipe_peers::PipePeers;
use super::process_tree::ProcessTree;
use super::remarks::Remarks;
use super::shared_memory::SharedMemory;
use super::sockets::Sockets;
use super::sysv::SysvObjects;
use super::watches::InotifyWatches;
use leakbench_kernel::{Process, ReadError, machine_value, user_keys};

/// The observed processes and the objects of their last sample.
#[derive(Debug)]
pub(super) struct Sampler {
    pub(super) tree: ProcessTree,
    pub(super) in_flight: BTreeMap<ObjectId, InFlight>,
    in_flight_allowance: Allowance,
    pub(super) held_bytes: HeldBytes,
    pub(super) sockets: Sockets,
    pub(super) watches: InotifyWatches,
    pub(super) pipe_peers: PipePeers,
    pub(super) sysv: SysvObjects,
    pub(super) memfd_lifetimes: Lifetimes<ObjectId>,
    pub(super) in_flight_lifetimes: Lifetimes<ObjectId>,
    pub(super) zombie_lifetimes: Lifetimes<(u32, u64)>,
    pub(super) child_lifetimes: Lifetimes<(u32, u64)>,
    /// The user of the observed process, if this kernel has keys.
    user: Option<u32>,
    pub(super) ages: Ages,
    /// The examples that were recorded last.
    pub(super) former_examples: BTreeMap<Resource, Vec<Example>>,
    /// This kernel reports descriptors in flight.
    reports_in_flight: bool,
    /// Files of which the kernel refused to say at the start what they have, each with the error. The first
    /// sample remarks them.
    refused: Vec<(&'static str, String)>,
}

impl Sampler {
    /// Of `root`, and of its descendants if they are in the scope.
    pub(super) fn new(mut root: ObservedProcess, scope: Scope) -> Sampler {
        let sysv = SysvObjects::new(&mut root.process);
        let has_keys = Path::new("/proc/key-users").exists();
        let mut refused = Vec::new();
        let user = match root.process.ids() {
            Ok(ids) => Some(ids.user).filter(|_| has_keys),
            Err(error) => {
                refused.push(("status", error.to_string()));
                None
            }
        };
        let reports_in_flight = reports_in_flight().unwrap_or_else(|error| {
            refused.push(("fdinfo", format!("cannot count descriptors in flight: {error}")));
            false
        });
        let sockets = Sockets::new(&root.process);
        Sampler {
            tree: ProcessTree::new(root, scope),
            in_flight: BTreeMap::new(),
            in_flight_allowance: Allowance::new(),
            held_bytes: HeldBytes::new(),
            sockets,
            watches: InotifyWatches::new(),
            pipe_peers: PipePeers::new(),
            sysv,
            memfd_lifetimes: Lifetimes::new(),
            in_flight_lifetimes: Lifetimes::new(),
            zombie_lifetimes: Lifetimes::new(),
            child_lifetimes: Lifetimes::new(),
            user,
            ages: Ages::default(),
            former_examples: BTreeMap::new(),
            reports_in_flight,
            refused,
        }
    }

    /// Takes a sample.
    ///
    /// # Errors
    /// [`ReadError::Vanished`]: the observed process has ended. Another error only if its `stat`
    /// cannot be read.
    pub(super) fn sample(
        &mut self,
        at_ms: u64,
        remarks: &mut Remarks,
    ) -> Result<ObservationSample, ReadError> {
        let root = self.tree.root.pid();
        for (file, why) in self.refused.drain(..) {
            remarks.prevent_clean(root, file, why);
        }
        self.tree.update(at_ms, remarks)?;
        let mut sums = Sums {
            mappings_max: machine_value(Path::new("/proc"), "vm/max_map_count"),
            reads_in_flight: self.reports_in_flight && self.in_flight_allowance.allows(),
            ..Sums::default()
        };
        let reads_in_flight = sums.reads_in_flight;
        if self.tree.observed().nth(1).is_some() {
            sums.shared_memory = Some(SharedMemory::default());
        }
        let mut processes = 0;
        for process in self.tree.observed_mut() {
            match process.sample(at_ms, &mut sums, remarks) {
                Ok(()) => processes += 1,
                Err(error) if process.pid() == root => return Err(error),
                // It ends now and has no objects any more.
                Err(_) => {}
            }
        }
        let Sums {
            mut amounts,
            memfds,
            in_flight,
            in_flight_cost,
            nearest,
            reaped,
            shared_memory,
            ..
        } = sums;
        if let Some(shared_memory) = shared_memory {
            shared_memory.correct(&mut amounts);
        }

        // Memfds are unknown if no table of mappings or descriptors could be read.
        if amounts.of(Resource::FileMappings).is_some() || amounts.of(Resource::FileFds).is_some() {
            amounts.set(Resource::Memfds, memfds.len() as u64);
        }
        if reads_in_flight && amounts.of(Resource::SocketFds).is_some() {
            self.in_flight_allowance.add(in_flight_cost);
            self.in_flight = in_flight;
            self.in_flight.retain(|_, found| found.waiting > 0);
            let waiting = self.in_flight.iter().map(|(socket, found)| (*socket, found.waiting));
            self.in_flight_lifetimes.update(at_ms, waiting);
            let waiting: u64 = self.in_flight.values().map(|found| found.waiting).sum();
            amounts.set(Resource::FdsInFlight, waiting);
        }
        if amounts.of(Resource::SocketFds).is_some() {
            let ports = self.sockets.ephemeral_ports(self.tree.observed());
            amounts.set(Resource::EphemeralPorts, ports);
        }
        if amounts.of(Resource::FileFds).is_some() {
            amounts.add_all(&self.held_bytes.count(at_ms, self.tree.observed()));
        }
        if amounts.of(Resource::InotifyFds).is_some() {
            let watches = self.watches.count(at_ms, self.tree.observed(), remarks);
            amounts.set(Resource::InotifyWatches, watches);
        }
        amounts.set(Resource::UserKeys, self.user_keys());
        amounts.set(Resource::Children, self.tree.descendants.len() as u64);
        amounts.set(Resource::Zombies, self.tree.zombies().count() as u64);
        let reaped = reaped || self.tree.has_reaped_orphans();
        amounts.add_all(&self.sysv.count(at_ms, &self.tree, reaped));
        if self.sysv.unused() as u64 > Resource::SysvSemaphores.noise() {
            let what = "System V semaphores and message queues appear that no process has used: \
                        their maker is unknown. It is known in an IPC namespace of the command's \
                        own: `unshare --map-root-user --ipc leakbench exec ...`";
            remarks.prevent_clean(root, "sysvipc", what.to_owned());
        }

        self.memfd_lifetimes.update(at_ms, memfds.into_iter().map(|memfd| (memfd, 0)));
        let zombies = self.tree.zombies().map(|zombie| (zombie.pid, zombie.start_time_ticks));
        self.zombie_lifetimes.update(at_ms, zombies.map(|zombie| (zombie, 0)));
        let children = self.tree.descendants.values().map(|child| &child.process);
        let children = children.map(|child| (child.pid(), child.start_time_ticks()));
        self.child_lifetimes.update(at_ms, children.map(|child| (child, 0)));
        if self.ages.wants(at_ms) {
            let snapshot = self.snapshot(at_ms);
            self.ages.add(snapshot);
        }
        Ok(ObservationSample { at_ms, amounts, processes, nearest })
    }
}

impl Sampler {
    /// Lets the next examples name states and peers, whatever that costs. For the last ones, which no
    /// sample follows.
    pub(super) fn allow_expensive_reads(&mut self) {
        self.sockets.allowance.allow();
        self.pipe_peers.allowance.allow();
    }

    /// The keys of the observed process's user; `None` if unknown.
    fn user_keys(&self) -> Option<u64> {
        Some(user_keys(Path::new("/proc"), self.user?).map_or(0, |keys| keys.count))
    }
}

/// Tries on an own socket if the kernel reports the number of descriptors in flight.
///
/// # Errors
/// The kernel's for the socket or its file under `/proc`.
fn reports_in_flight() -> io::Result<bool> {
    let (socket, _other) = UnixStream::pair()?;
    let mut own = Process::open(std::process::id()).map_err(io::Error::other)?;
    Ok(own.fds_in_flight(socket.as_raw_fd()).map_err(io::Error::other)?.is_some())
}
