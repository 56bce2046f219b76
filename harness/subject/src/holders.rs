//! The search of this process for what holds an image that outlived the drop of its module.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use leakbench_kernel::{FdKind, Process, ReadError};
use leakbench_model::ObjectId;

use crate::new_memfds::SEARCHES;

/// A search is followed by a pause of so many times its duration, since a runtime that leaks would be
/// searched at each drop.
const PAUSE_FACTOR: u32 = 50;

/// Where the holder of an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A descriptor or a mapping of this process.
    Inside,
    /// Nothing of this process: no descriptor, none that waits in its sockets, no mapping, no child.
    Outside,
}

/// Searches of one thread.
#[derive(Debug)]
pub(crate) struct HolderSearch {
    /// `None`: there was none yet.
    next: Option<Instant>,
}

impl HolderSearch {
    pub(crate) fn new() -> HolderSearch {
        HolderSearch { next: None }
    }

    /// Those of `objects` that a descriptor or a mapping of this process holds. The others have a holder
    /// outside of it if they still exist afterwards.
    ///
    /// `None` if the last search was too recent, if `/proc` cannot be read, or if the process has
    /// children or descriptors in flight: the holder may be there.
    pub(crate) fn held_inside(&mut self, objects: &[ObjectId]) -> Option<HashSet<ObjectId>> {
        let began = Instant::now();
        if self.next.is_some_and(|next| began < next) {
            return None;
        }
        let found = SEARCHES.during(|| search(objects));
        self.next =
            Some(Instant::now() + began.elapsed().max(Duration::from_micros(1)) * PAUSE_FACTOR);
        found.ok().flatten()
    }
}

fn search(objects: &[ObjectId]) -> Result<Option<HashSet<ObjectId>>, ReadError> {
    let mut process = Process::open(std::process::id())?;
    let (mut fds, mut mappings) = (Vec::new(), Vec::new());
    // In this order: a descriptor can become a mapping, and a mapping no descriptor.
    process.fds(&mut fds)?;
    process.file_mappings(&mut mappings)?;
    let of_fds = fds.iter().map(|fd| fd.object);
    let of_mappings = mappings.iter().map(|mapping| mapping.object);
    let held: HashSet<ObjectId> =
        of_fds.chain(of_mappings).filter(|object| objects.contains(object)).collect();
    if held.len() < objects.len() {
        let (mut threads, mut children) = (Vec::new(), Vec::new());
        process.tasks(&mut threads, &mut children)?;
        let mut in_flight = 0;
        for socket in fds.iter().filter(|fd| fd.kind == FdKind::Socket) {
            in_flight += process.fds_in_flight(socket.fd)?.unwrap_or(0);
        }
        if !children.is_empty() || in_flight > 0 {
            return Ok(None);
        }
    }
    Ok(Some(held))
}
