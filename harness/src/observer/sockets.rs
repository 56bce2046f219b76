//! The sockets of the observed processes, with states and addresses.

use std::collections::{BTreeMap, BTreeSet};

use leakbench_kernel::{FdKind, Socket};

use super::allowance::Allowance;
use super::observed_process::ObservedProcess;

/// The sockets as of the last read of the kernel's tables.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    /// By inode. Sockets of all network namespaces have different inodes.
    found: BTreeMap<u64, Socket>,
    allowance: Allowance,
}

impl Sockets {
    /// Reads the tables of the processes' network namespaces, unless the last read was expensive and
    /// recent.
    pub(super) fn refresh<'a>(&mut self, processes: impl Iterator<Item = &'a ObservedProcess>) {
        if !self.allowance.allows() {
            return;
        }
        let mut wanted = BTreeSet::new();
        let mut namespaces = BTreeMap::new();
        for process in processes {
            let sockets = process.fds.iter().filter(|entry| entry.kind == FdKind::Socket);
            let before = wanted.len();
            wanted.extend(sockets.map(|entry| entry.object.ino));
            if wanted.len() > before {
                let namespace = process.process.link(c"ns/net", "ns/net").unwrap_or_default();
                namespaces.entry(namespace).or_insert(&process.process);
            }
        }
        let found = &mut self.found;
        found.clear();
        self.allowance.spend(|| {
            for process in namespaces.into_values() {
                // What cannot be read stays without a state.
                let _ = process.sockets(&wanted, found);
            }
        });
    }

    /// The socket with this inode; `None` if it was in no table.
    pub(super) fn get(&self, inode: u64) -> Option<&Socket> {
        self.found.get(&inode)
    }
}
