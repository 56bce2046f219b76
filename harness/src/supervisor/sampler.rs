//! The second witness: samples of a subject in `/proc`.

use std::collections::HashSet;
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use leakbench_model::{Footprint, ObjectId, Resource, Slabs};
use leakbench_recording::recording::{ExactMemory, OpenFiles};
use rustix::event::{PollFd, PollFlags};

use super::reconcile::{Reconciled, Scan, reconcile};
use leakbench_kernel::{Bound, FdEntry, FdKind, Process, ReadError, poll_until};
use leakbench_subject::wire::BarrierReached;

/// Scans at a barrier before a disagreement counts, and the time between two.
const SCANS_MAX: u32 = 3;
const SCAN_INTERVAL: Duration = Duration::from_millis(10);

/// Time for the image of a module that the subject tried before its first cycle: another thread may release it.
const TRIAL_RELEASE_MAX: Duration = Duration::from_secs(1);

/// Reads one subject's `/proc`.
#[derive(Debug)]
pub(super) struct ProcSampler {
    process: Process,
    scan: Scan,
    /// Memfds that existed before the first cycle, which are no images.
    known: HashSet<ObjectId>,
    slabs: Slabs,
}

/// A second witness that cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub(super) enum SamplerError {
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The control failed: the status page certainly exists. `what` is `mapping` or `descriptor`.
    #[error("the scan of /proc misses the subject's status page, memfd {page}: no {what} of it")]
    StatusPageMissed { page: ObjectId, what: &'static str },
    /// A memfd that could be mistaken for an image.
    #[error(
        "the subject has memfd {object} before its first cycle, and it is none of leakbench's own"
    )]
    UnknownMemfd { object: ObjectId },
}

impl ProcSampler {
    /// Opens process `pid`, which has built its runtime and made no cycle yet.
    ///
    /// The control: `page`, the memfd of its status page, must appear as a mapping and as a
    /// descriptor. If the runtime is in another process, `runtime`, the control is made on `pid`
    /// and the sampler reads `runtime`, whose present memfds are then known to be no images.
    /// `inherited` are memfds that the subject may have from its parent.
    ///
    /// # Errors
    /// `/proc` cannot be read, or the control fails.
    pub(super) fn new(
        pid: u32,
        runtime: Option<u32>,
        slabs: Slabs,
        page: ObjectId,
        inherited: &HashSet<ObjectId>,
    ) -> Result<ProcSampler, SamplerError> {
        let process = Process::open(pid)?;
        let mut known = inherited.clone();
        known.insert(page);
        let mut sampler = ProcSampler { process, scan: Scan::default(), known, slabs };
        sampler.scan()?;
        let Scan { mappings, fds } = &sampler.scan;
        if !mappings.iter().any(|mapping| mapping.memfd && mapping.object == page) {
            return Err(SamplerError::StatusPageMissed { page, what: "mapping" });
        }
        if !fds.iter().any(|entry| entry.kind == FdKind::Memfd && entry.object == page) {
            return Err(SamplerError::StatusPageMissed { page, what: "descriptor" });
        }
        if let Some(runtime) = runtime {
            sampler.process = Process::open(runtime)?;
            sampler.scan()?;
            // A foreign program may have memfds of its own, for its code for example.
            sampler.known.extend(memfds(&sampler.scan));
            return Ok(sampler);
        }
        let end = Instant::now() + TRIAL_RELEASE_MAX;
        loop {
            let unknown = memfds(&sampler.scan).find(|object| !sampler.known.contains(object));
            let Some(object) = unknown else { return Ok(sampler) };
            if Instant::now() >= end {
                return Err(SamplerError::UnknownMemfd { object });
            }
            thread::sleep(SCAN_INTERVAL);
            sampler.scan()?;
        }
    }

    fn scan(&mut self) -> Result<(), ReadError> {
        self.process.file_mappings(&mut self.scan.mappings)?;
        self.process.fds(&mut self.scan.fds)
    }

    /// The subject's footprint, and the time that the reading took. A field is `None` if its file
    /// cannot be read.
    pub(super) fn footprint(&mut self) -> (Footprint, Duration) {
        let began = Instant::now();
        let mappings = self.process.mapping_counts().ok();
        let fds = self.process.fd_count().ok();
        let footprint = self.process.status().unwrap_or_default();
        let footprint = footprint
            .with(Resource::Mappings, mappings.map(|counts| counts.all))
            .with(Resource::MemfdMappings, mappings.map(|counts| counts.memfd))
            .with(Resource::Fds, fds)
            .only(&Resource::OF_A_RUN);
        (footprint, began.elapsed())
    }

    /// The limit of the subject's descriptors, and those of the latest scan that do not count towards it.
    /// `None` if it is unlimited or cannot be read.
    pub(super) fn open_files(&mut self) -> Option<OpenFiles> {
        let Bound::At(max) = self.process.limits().ok()?.open_files.soft else { return None };
        let is_beyond = |entry: &&FdEntry| u64::try_from(entry.fd).is_ok_and(|fd| fd >= max);
        let beyond = self.scan.fds.iter().filter(is_beyond).count() as u64;
        Some(OpenFiles { max, beyond })
    }

    /// The subject's memory, exact to the page; too slow except at barriers.
    pub(super) fn memory(&mut self) -> Option<ExactMemory> {
        let rollup = self.process.smaps_rollup().ok()?;
        Some(ExactMemory {
            pss_bytes: rollup.pss_bytes,
            pss_shmem_bytes: rollup.pss_shmem_bytes,
            private_dirty_bytes: rollup.private_dirty_bytes,
        })
    }

    /// Compares the death watch's report with `/proc`. After a disagreement it scans again: the
    /// subject is at rest, but another process that reads its descriptors may hold an object for a
    /// moment.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub(super) fn compare(
        &mut self,
        report: &BarrierReached,
        subject: impl AsFd,
    ) -> Result<Reconciled, ReadError> {
        let mut scans = 1;
        loop {
            self.scan()?;
            let reconciled = reconcile(report, &self.scan, &self.slabs, &self.known);
            if reconciled.disagreements_total == 0 || scans == SCANS_MAX {
                return Ok(reconciled);
            }
            scans += 1;
            // A subject that ends has nothing more to compare.
            poll_until(&mut [PollFd::new(&subject, PollFlags::IN)], Instant::now() + SCAN_INTERVAL)
                .map_err(|source| ReadError::Io {
                    pid: self.process.pid(),
                    file: "pidfd",
                    source,
                })?;
        }
    }
}

/// The memfds of this process, which its children may inherit.
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
