//! The second witness: what `/proc` shows of a subject.

use std::collections::HashSet;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use leakbench_recording::recording::{ExactMemory, Footprint};
use rustix::event::{PollFd, PollFlags};

use super::reconcile::{Reconciled, Scan, reconcile};
use leakbench_kernel::{FdKind, ObjectId, Process, ReadError, poll_until};
use leakbench_subject::wire::{BarrierReached, Slab};

/// Looks at a barrier before a disagreement is believed, and the time between them.
const LOOKS: u32 = 3;
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// The supervisor's view of one subject.
#[derive(Debug)]
pub(super) struct Look {
    process: Process,
    scan: Scan,
    /// Memfds that were there before the first cycle.
    known: HashSet<ObjectId>,
    slabs: Vec<Slab>,
}

/// Why the second witness cannot be believed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Blind {
    /// `/proc` cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What is certainly there was not seen.
    #[error("the scan does not see the status page, memfd {page}, as the subject's {what}")]
    Unseen {
        /// The page.
        page: ObjectId,
        /// Mapping or descriptor.
        what: &'static str,
    },
    /// What should not be there was seen, so that it could pass for an image, or an image for it.
    #[error("memfd {object} is in the subject before its first cycle, and is not leakbench's own")]
    Stranger {
        /// The memfd.
        object: ObjectId,
    },
}

impl Look {
    /// A view of process `pid`, which has built its runtime and made no cycle yet. Its status page
    /// `page`, a memfd that is mapped and open there, is the proof that the scan sees memfds.
    /// `runtime` is the process that has the runtime, where it is another: then that one is looked
    /// at, and `pid` for the proof alone, and what memfds it has now are no images. `inherited` are
    /// memfds that it may have from its parent.
    pub(super) fn new(
        pid: u32,
        runtime: Option<u32>,
        slabs: Vec<Slab>,
        page: ObjectId,
        inherited: &HashSet<ObjectId>,
    ) -> Result<Look, Blind> {
        let process = Process::open(pid)?;
        let mut known = inherited.clone();
        known.insert(page);
        let mut look = Look { process, scan: Scan::default(), known, slabs };
        look.scan()?;
        let Scan { mappings, fds } = &look.scan;
        if !mappings.iter().any(|mapping| mapping.memfd && mapping.object == page) {
            return Err(Blind::Unseen { page, what: "mapping" });
        }
        if !fds.iter().any(|entry| entry.kind == FdKind::Memfd && entry.object == page) {
            return Err(Blind::Unseen { page, what: "descriptor" });
        }
        if let Some(runtime) = runtime {
            look.process = Process::open(runtime)?;
            look.scan()?;
            // What another program is made of is its own affair: a runtime may keep its code in
            // a memfd, or have come by one in a way that leakbench knows nothing of.
            look.known.extend(memfds(&look.scan));
            return Ok(look);
        }
        let stranger = memfds(&look.scan).find(|object| !look.known.contains(object));
        stranger.map_or(Ok(look), |object| Err(Blind::Stranger { object }))
    }

    fn scan(&mut self) -> Result<(), ReadError> {
        self.process.file_mappings(&mut self.scan.mappings)?;
        self.process.fds(&mut self.scan.fds)
    }

    /// How much the subject has, and how long it took to find out. Absent is what could not be
    /// read.
    pub(super) fn footprint(&mut self) -> (Footprint, Duration) {
        let began = Instant::now();
        let mappings = self.process.mapping_counts().ok();
        let fds = self.process.fd_count().ok();
        let status = self.process.status().ok();
        let status = status.as_ref();
        let footprint = Footprint {
            mappings: mappings.map(|counts| counts.all),
            memfd_mappings: mappings.map(|counts| counts.memfd),
            fds,
            rss_bytes: status.and_then(|status| status.rss_bytes),
            shmem_bytes: status.and_then(|status| status.rss_shmem_bytes),
            page_tables_bytes: status.and_then(|status| status.page_tables_bytes),
        };
        (footprint, began.elapsed())
    }

    /// The subject's memory to the page; for barriers.
    pub(super) fn memory(&mut self) -> Option<ExactMemory> {
        let rollup = self.process.smaps_rollup().ok()?;
        Some(ExactMemory {
            pss_bytes: rollup.pss_bytes,
            pss_shmem_bytes: rollup.pss_shmem_bytes,
            private_dirty_bytes: rollup.private_dirty_bytes,
        })
    }

    /// Compares what the subject's death watch reports with what `/proc` shows. A disagreement
    /// is looked at again before it is believed: the subject stands still, but another process
    /// that looks at it may hold something for a moment.
    ///
    /// # Errors
    /// `/proc` cannot be read: there is no second witness.
    pub(super) fn compare(
        &mut self,
        report: &BarrierReached,
        subject: impl AsFd,
    ) -> Result<Reconciled, ReadError> {
        let mut look = 1;
        loop {
            self.scan()?;
            let reconciled = reconcile(report, &self.scan, &self.slabs, &self.known);
            if reconciled.disagreements_total == 0 || look == LOOKS {
                return Ok(reconciled);
            }
            look += 1;
            // A subject that ends has nothing more to compare.
            poll_until(&mut [PollFd::new(&subject, PollFlags::IN)], Instant::now() + BETWEEN_LOOKS)
                .map_err(|source| ReadError::Io {
                    pid: self.process.pid(),
                    file: "pidfd",
                    source,
                })?;
        }
    }
}

/// Every memfd that is open in this process now: its children may inherit it.
pub(super) fn own_memfds() -> Result<HashSet<ObjectId>, ReadError> {
    let mut scan = Scan::default();
    Process::open(std::process::id())?.fds(&mut scan.fds)?;
    Ok(memfds(&scan).collect())
}

fn memfds(scan: &Scan) -> impl Iterator<Item = ObjectId> {
    let mappings =
        scan.mappings.iter().filter(|mapping| mapping.memfd).map(|mapping| mapping.object);
    let fds = scan.fds.iter().filter(|entry| entry.kind == FdKind::Memfd);
    mappings.chain(fds.map(|entry| entry.object))
}
