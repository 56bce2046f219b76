//! The sockets of the observed processes, with states and addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::Path;

use leakbench_kernel::{FdKind, Process, Protocol, Socket, machine_numbers};

use super::allowance::Allowance;
use super::observed_process::ObservedProcess;

/// The sockets as of the last read of the kernel's tables.
#[derive(Debug)]
pub(super) struct Sockets {
    /// By inode. Sockets of all network namespaces have different inodes.
    found: BTreeMap<u64, Socket>,
    pub(super) allowance: Allowance,
    /// The ports that the kernel chooses from.
    range: RangeInclusive<u16>,
    /// The observed process is in this network namespace.
    pub(super) has_own_range: bool,
}

/// The kernel's default.
const RANGE_DEFAULT: RangeInclusive<u16> = 32_768..=60_999;

impl Sockets {
    /// Of `root` and its descendants.
    pub(super) fn new(root: &Process) -> Sockets {
        let is_own = root.shares_namespace("ns/net");
        let numbers = machine_numbers(Path::new("/proc"), "net/ipv4/ip_local_port_range");
        let port = |number: Option<&u64>| number.and_then(|&number| u16::try_from(number).ok());
        let range = numbers
            .filter(|_| is_own)
            .and_then(|numbers| Some(port(numbers.first())?..=port(numbers.get(1))?));
        Sockets {
            found: BTreeMap::new(),
            allowance: Allowance::new(),
            has_own_range: range.is_some(),
            range: range.unwrap_or(RANGE_DEFAULT),
        }
    }

    /// The number of ports that the kernel chooses from.
    pub(super) fn ports_max(&self) -> u64 {
        self.range.clone().count() as u64
    }

    /// The ports of that range which these processes' TCP sockets have. `None` if sockets are new and
    /// the last read of the tables was expensive and recent.
    pub(super) fn ephemeral_ports<'a>(
        &mut self,
        processes: impl Iterator<Item = &'a ObservedProcess> + Clone,
    ) -> Option<u64> {
        let open: BTreeSet<u64> = processes
            .clone()
            .flat_map(|process| &process.fds)
            .filter(|entry| entry.kind == FdKind::Socket)
            .map(|entry| entry.object.ino)
            .collect();
        // One that is in no table may be bound by now.
        if open.iter().any(|inode| !self.found.contains_key(inode)) {
            if !self.allowance.allows() {
                return None;
            }
            self.refresh(processes);
        }
        let open = open.iter().filter_map(|inode| self.found.get(inode));
        let tcp = open.filter(|socket| socket.protocol == Protocol::Tcp);
        let ports = tcp.filter_map(|socket| Some(socket.addresses?.local.port()));
        let ports: BTreeSet<u16> = ports.filter(|port| self.range.contains(port)).collect();
        Some(ports.len() as u64)
    }

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
