//! The watches of the observed processes' inotify descriptors.

use std::collections::BTreeMap;

use leakbench_kernel::{FdKind, ReadError, Watches};

use super::allowance::Allowance;
use super::lifetimes::Lifetimes;
use super::observed_process::ObservedProcess;
use super::remarks::Remarks;

/// Inotify descriptors whose watches are counted. A user may have 128 by default.
const DESCRIPTORS_MAX: usize = 256;

/// An inotify descriptor of a process: all instances share one inode.
pub(super) type InotifyKey = (u32, i32);

/// The watches of each inotify descriptor, as of their last read.
#[derive(Debug)]
pub(super) struct InotifyWatches {
    found: BTreeMap<InotifyKey, Watches>,
    /// Amounts are numbers of watches.
    pub(super) lifetimes: Lifetimes<InotifyKey>,
    allowance: Allowance,
    text: Vec<u8>,
}

impl InotifyWatches {
    pub(super) fn new() -> InotifyWatches {
        InotifyWatches {
            found: BTreeMap::new(),
            lifetimes: Lifetimes::new(),
            allowance: Allowance::new(),
            text: Vec::new(),
        }
    }

    /// Counts the watches of these processes. `None` if the last count was expensive and recent, or
    /// if there are too many descriptors.
    pub(super) fn count<'a>(
        &mut self,
        at_ms: u64,
        processes: impl Iterator<Item = &'a ObservedProcess>,
        remarks: &mut Remarks,
    ) -> Option<u64> {
        let descriptors: Vec<(&ObservedProcess, i32)> = processes
            .flat_map(|process| {
                let inotify = process.fds.iter().filter(|entry| entry.kind == FdKind::Inotify);
                inotify.map(move |entry| (process, entry.fd))
            })
            .collect();
        if descriptors.len() > DESCRIPTORS_MAX {
            let (process, _) = descriptors[DESCRIPTORS_MAX];
            let what = format!(
                "more than {DESCRIPTORS_MAX} inotify descriptors: their watches are not counted"
            );
            remarks.prevent_clean(process.pid(), "inotify", what);
            return None;
        }
        if !self.allowance.allows() {
            return None;
        }
        let InotifyWatches { found, lifetimes, allowance, text } = self;
        found.clear();
        allowance.spend(|| {
            for (process, fd) in descriptors {
                match process.process.inotify_watches(fd, text) {
                    Ok(watches) => {
                        found.insert((process.pid(), fd), watches);
                    }
                    // Closed since it was listed.
                    Err(ReadError::Absent { .. }) => {}
                    Err(error) => remarks.unreadable(process.pid(), "fdinfo", &error),
                }
            }
        });
        lifetimes.update(at_ms, found.iter().map(|(&key, watches)| (key, watches.count)));
        Some(found.values().map(|watches| watches.count).sum())
    }

    /// The watches of one descriptor.
    pub(super) fn get(&self, key: InotifyKey) -> Option<&Watches> {
        self.found.get(&key)
    }
}
