//! What a process has at its end: compared with that of a run without faults.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use leakbench_kernel::{CallObserver, FdKind, Process, ReadError};
use leakbench_model::Resource;
use leakbench_model::text::counted;

/// More mappings than without a fault that are no leak: an allocator maps and joins its memory in other ways after
/// an error.
const MAPPINGS_NOISE: u64 = 8;

/// The resources of a process that is about to exit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Holdings {
    /// Descriptors by kind, with the link of one of them.
    descriptors: BTreeMap<FdKind, (u64, String)>,
    threads: u64,
    mappings: u64,
    memfd_mappings: u64,
}

impl Holdings {
    fn read(pid: u32) -> Result<Holdings, ReadError> {
        let mut process = Process::open(pid)?;
        let mut entries = Vec::new();
        process.fds(&mut entries)?;
        let mut descriptors: BTreeMap<FdKind, (u64, String)> = BTreeMap::new();
        for entry in entries {
            let (count, link) = descriptors.entry(entry.kind).or_default();
            *count += 1;
            // The highest number is the newest, so most likely the one that was left.
            // Another thread may close it meanwhile.
            if let Ok(target) = process.fd_link(entry.fd) {
                *link = target;
            }
        }
        let mappings = process.mapping_counts()?;
        let threads = process.status()?.of(Resource::Threads).unwrap_or(0);
        let (mappings, memfd_mappings) = (mappings.all, mappings.memfd);
        Ok(Holdings { descriptors, threads, mappings, memfd_mappings })
    }

    /// The maximum of both.
    pub(super) fn max(mut self, other: &Holdings) -> Holdings {
        for (kind, (count, link)) in &other.descriptors {
            let (own, own_link) = self.descriptors.entry(*kind).or_default();
            if count > own {
                (*own, *own_link) = (*count, link.clone());
            }
        }
        Holdings {
            descriptors: self.descriptors,
            threads: self.threads.max(other.threads),
            mappings: self.mappings.max(other.mappings),
            memfd_mappings: self.memfd_mappings.max(other.memfd_mappings),
        }
    }

    /// What is there beyond `usual`, in words; `None` if there is nothing. So many mappings stay since the
    /// kernel refused to unmap them.
    pub(super) fn beyond(&self, usual: &Holdings, refused: u64) -> Option<String> {
        let mut parts = Vec::new();
        for (kind, (count, link)) in &self.descriptors {
            let more =
                count.saturating_sub(usual.descriptors.get(kind).map_or(0, |(count, _)| *count));
            if more > 0 {
                parts.push(format!("{} more ({link})", counted(more, "descriptor")));
            }
        }
        let mut add = |own: u64, usual: u64, noise: u64, noun: &str| {
            let more = own.saturating_sub(usual);
            if more > noise {
                parts.push(format!("{} more", counted(more, noun)));
            }
        };
        add(self.threads, usual.threads, 0, "thread");
        add(self.memfd_mappings, usual.memfd_mappings, refused, "memfd mapping");
        add(self.mappings, usual.mappings, MAPPINGS_NOISE + refused, "mapping");
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// Reads the holdings of a command's first process when it exits.
#[derive(Clone, Debug, Default)]
pub(super) struct AtExit(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    /// The process that executed the command.
    pid: Option<u32>,
    holdings: Option<Holdings>,
}

impl AtExit {
    /// The holdings; `None` if the process did not exit by itself, or could not be read.
    pub(super) fn take(&self) -> Option<Holdings> {
        self.seen().holdings.take()
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallObserver for AtExit {
    fn executes(&mut self, thread: u32) {
        self.seen().pid = Some(thread);
    }

    fn exits(&mut self, thread: u32) {
        let Some(pid) = self.seen().pid else { return };
        let is_of_command =
            thread == pid || std::path::Path::new(&format!("/proc/{pid}/task/{thread}")).exists();
        if is_of_command {
            self.seen().holdings = Holdings::read(pid).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holdings(files: u64, threads: u64, mappings: u64) -> Holdings {
        let descriptors = [(FdKind::File, (files, "/tmp/file".to_owned()))].into();
        Holdings { descriptors, threads, mappings, memfd_mappings: 0 }
    }

    #[test]
    fn only_what_is_more_than_usual_is_named() {
        let usual = holdings(3, 1, 40).max(&holdings(2, 2, 44));
        assert_eq!(holdings(3, 2, 52).beyond(&usual, 0), None);
        let more = holdings(5, 3, 53).beyond(&usual, 0).expect("more of each");
        assert_eq!(more, "2 descriptors more (/tmp/file), 1 thread more, 9 mappings more");
        assert_eq!(holdings(3, 2, 60).beyond(&usual, 8), None);
        let sockets = Holdings {
            descriptors: [(FdKind::Socket, (1, "socket:[7]".to_owned()))].into(),
            ..holdings(0, 1, 1)
        };
        let more = sockets.beyond(&usual, 0).expect("a socket");
        assert_eq!(more, "1 descriptor more (socket:[7])");
    }

    #[test]
    fn the_holdings_of_this_process_can_be_read() {
        let open = || std::fs::File::open("/proc/self/status").expect("a file");
        let opened: Vec<std::fs::File> = (0..100).map(|_| open()).collect();
        let own = Holdings::read(std::process::id()).expect("this process");
        let (files, _) = &own.descriptors[&FdKind::File];
        assert!(*files >= opened.len() as u64, "{own:?}");
        assert!(own.threads > 0 && own.mappings > 0, "{own:?}");
    }
}
