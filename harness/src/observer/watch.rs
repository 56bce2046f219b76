//! All that is observed, as one: a look gives its sums, and what it is made of is remembered.

use std::collections::BTreeMap;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use leakbench_recording::observation::{ObservationSample, Resource};

use super::family::Family;
use super::member::{InFlight, Member, Sums};
use super::remarks::Remarks;
use super::survivors::Survivors;
use leakbench_kernel::{ObjectId, Process, ReadError, SharedSegment, shared_segments};

/// What is observed, and since when each of its objects is there.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) family: Family,
    pub(super) in_flight: BTreeMap<ObjectId, InFlight>,
    /// Made by the family, as long as they last.
    pub(super) segments: BTreeMap<u64, SharedSegment>,
    pub(super) seen_memfds: Survivors<ObjectId>,
    pub(super) seen_in_flight: Survivors<ObjectId>,
    pub(super) seen_segments: Survivors<u64>,
    pub(super) seen_zombies: Survivors<(u32, u64)>,
    pub(super) seen_children: Survivors<(u32, u64)>,
    /// Whether this kernel says what waits in a socket.
    tells_in_flight: bool,
    /// Whether the segments that are seen here are those of the observed process's namespace.
    sees_segments: bool,
}

impl Watch {
    /// Of this process, and with `tree` of its descendants.
    pub(super) fn new(root: Member, tree: bool) -> Watch {
        let sees_segments = shares_ipc(&root.process);
        Watch {
            family: Family::new(root, tree),
            in_flight: BTreeMap::new(),
            segments: BTreeMap::new(),
            seen_memfds: Survivors::new(),
            seen_in_flight: Survivors::new(),
            seen_segments: Survivors::new(),
            seen_zombies: Survivors::new(),
            seen_children: Survivors::new(),
            tells_in_flight: tells_in_flight().unwrap_or(false),
            sees_segments,
        }
    }

    /// Looks at all there is.
    ///
    /// # Errors
    /// [`ReadError::Vanished`]: the observed process is gone. Another, only if not even its `stat`
    /// can be read.
    pub(super) fn look(
        &mut self,
        at_ms: u64,
        remarks: &mut Remarks,
    ) -> Result<ObservationSample, ReadError> {
        self.family.gather(remarks)?;
        let mut sums = Sums::default();
        self.family.root.look(at_ms, &mut sums, remarks)?;
        let mut processes = 1;
        for member in self.family.others_mut() {
            // One that goes meanwhile has nothing any more.
            if member.look(at_ms, &mut sums, remarks).is_ok() {
                processes += 1;
            }
        }
        let Sums { mut amounts, memfds, in_flight } = sums;
        self.in_flight = in_flight;
        self.in_flight.retain(|_, found| found.waiting > 0);
        self.look_at_segments();

        // Without a single mapping or descriptor table read there is nothing to say of memfds.
        if amounts.contains_key(&Resource::FileMappings) || amounts.contains_key(&Resource::FileFds)
        {
            amounts.insert(Resource::Memfds, memfds.len() as u64);
        }
        if self.tells_in_flight && amounts.contains_key(&Resource::SocketFds) {
            let waiting = self.in_flight.values().map(|found| found.waiting).sum();
            amounts.insert(Resource::FdsInFlight, waiting);
        }
        amounts.insert(Resource::Children, self.family.descendants.len() as u64);
        amounts.insert(Resource::Zombies, self.family.zombies().count() as u64);
        if self.sees_segments {
            amounts.insert(Resource::SysvSegments, self.segments.len() as u64);
            let bytes = self.segments.values().map(|segment| segment.bytes).sum();
            amounts.insert(Resource::SysvBytes, bytes);
        }

        let waiting = self.in_flight.iter().map(|(socket, found)| (*socket, found.waiting));
        self.seen_in_flight.see(at_ms, waiting);
        self.seen_memfds.see(at_ms, memfds.into_iter().map(|memfd| (memfd, 0)));
        let segments = self.segments.values().map(|segment| (segment.id, segment.bytes));
        self.seen_segments.see(at_ms, segments);
        let zombies = self.family.zombies().map(|zombie| (zombie.pid, zombie.start_time_ticks));
        self.seen_zombies.see(at_ms, zombies.map(|zombie| (zombie, 0)));
        let children = self.family.descendants.values().map(|child| &child.process);
        let children = children.map(|child| (child.pid(), child.start_time_ticks()));
        self.seen_children.see(at_ms, children.map(|child| (child, 0)));
        Ok(ObservationSample { at_ms, amounts, processes })
    }

    /// A segment is the family's if its creator was in the family at a look that saw it: who made
    /// it is told by a number, which may go to another once its process is gone.
    fn look_at_segments(&mut self) {
        if !self.sees_segments {
            return;
        }
        let Some(all) = shared_segments(Path::new("/proc")) else {
            // This kernel has none to offer.
            self.sees_segments = false;
            return;
        };
        let before = std::mem::take(&mut self.segments);
        let ours = |segment: &SharedSegment| {
            before.contains_key(&segment.id) || self.family.has(segment.creator)
        };
        self.segments = all.into_iter().filter(ours).map(|segment| (segment.id, segment)).collect();
    }
}

/// Whether `/proc/sysvipc` shows this process the same segments as the other one sees.
fn shares_ipc(process: &Process) -> bool {
    let theirs = process.link(c"ns/ipc", "ns/ipc");
    let own = std::fs::read_link("/proc/self/ns/ipc");
    matches!((theirs, own), (Ok(theirs), Ok(own)) if own.as_os_str() == theirs.as_str())
}

/// Whether the kernel tells how many descriptors wait in a socket, tried on one of our own.
fn tells_in_flight() -> Option<bool> {
    let (socket, _other) = UnixStream::pair().ok()?;
    let mut own = Process::open(std::process::id()).ok()?;
    Some(own.fds_in_flight(socket.as_raw_fd()).ok()?.is_some())
}
