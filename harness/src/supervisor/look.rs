//! The second witness: what `/proc` shows of a subject.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use leakbench_reports::recording::Footprint;

use super::reconcile::{Reconciled, Scan, reconcile};
use crate::kernel::{FdKind, ObjectId, Process, ReadError};
use crate::subject::protocol::{BarrierReport, Slab};

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

impl Look {
    /// A view of process `pid`, which has built its runtime and made no cycle yet.
    pub(super) fn new(pid: u32, slabs: Vec<Slab>) -> Result<Look, ReadError> {
        let process = Process::open(pid)?;
        let mut look = Look { process, scan: Scan::default(), known: HashSet::new(), slabs };
        look.scan()?;
        let Scan { areas, fds } = &look.scan;
        look.known.extend(areas.iter().filter(|area| area.memfd).map(|area| area.object));
        let memfds = fds.iter().filter(|entry| entry.kind == FdKind::Memfd);
        look.known.extend(memfds.map(|entry| entry.object));
        Ok(look)
    }

    fn scan(&mut self) -> Result<(), ReadError> {
        self.process.file_areas(&mut self.scan.areas)?;
        self.process.fds(&mut self.scan.fds)
    }

    /// How much the subject has, and how long it took to find out. Absent is what could not be
    /// read.
    pub(super) fn footprint(&mut self) -> (Footprint, Duration) {
        let began = Instant::now();
        let areas = self.process.area_counts().ok();
        let fds = self.process.fd_count().ok();
        let status = self.process.status().ok();
        let status = status.as_ref();
        let footprint = Footprint {
            areas: areas.map(|counts| counts.all),
            memfd_areas: areas.map(|counts| counts.memfd),
            fds,
            rss_bytes: status.and_then(|status| status.rss_bytes),
            shmem_bytes: status.and_then(|status| status.rss_shmem_bytes),
            page_tables_bytes: status.and_then(|status| status.page_tables_bytes),
        };
        (footprint, began.elapsed())
    }

    /// Compares what the subject's death watch reports with what `/proc` shows. A disagreement
    /// is looked at again before it is believed: the subject stands still, but another process
    /// that looks at it may hold something for a moment.
    ///
    /// # Errors
    /// `/proc` cannot be read: there is no second witness.
    pub(super) fn compare(&mut self, report: &BarrierReport) -> Result<Reconciled, ReadError> {
        let mut look = 1;
        loop {
            self.scan()?;
            let reconciled = reconcile(report, &self.scan, &self.slabs, &self.known);
            if reconciled.disagreements_total == 0 || look == LOOKS {
                return Ok(reconciled);
            }
            look += 1;
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }
}
