//! Processes outside of the observation that hold a pipe of an observed one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use leakbench_kernel::{Stat, holders_of_pipes};

use super::allowance::Allowance;
use super::observed_process::ObservedProcess;
use super::process_tree::ProcessTree;

/// The holders of some pipes, as of their last search.
#[derive(Debug)]
pub(super) struct PipePeers {
    /// By inode; a pipe without other holders has none.
    found: BTreeMap<u64, Vec<String>>,
    pub(super) allowance: Allowance,
}

impl PipePeers {
    pub(super) fn new() -> PipePeers {
        PipePeers { found: BTreeMap::new(), allowance: Allowance::new() }
    }

    /// Searches the descriptors of all visible processes, unless the last search was expensive and
    /// recent.
    pub(super) fn search(&mut self, pipes: &BTreeSet<u64>, tree: &ProcessTree) {
        if pipes.is_empty() || !self.allowance.allows() {
            return;
        }
        let proc = Path::new("/proc");
        let found = &mut self.found;
        self.allowance.spend(|| {
            let observed: BTreeSet<u32> = tree.observed().map(ObservedProcess::pid).collect();
            let holders = holders_of_pipes(proc, pipes, |pid| observed.contains(&pid));
            let describe = |pid: &u32| match Stat::of(proc, *pid) {
                Ok(stat) => format!("process {pid} ({})", stat.name),
                Err(_) => format!("process {pid}"),
            };
            *found = pipes.iter().map(|&pipe| (pipe, Vec::new())).collect();
            for (pipe, pids) in holders {
                found.insert(pipe, pids.iter().map(describe).collect());
            }
        });
    }

    /// The other holders of a pipe; `None` if they were not searched for.
    pub(super) fn of(&self, pipe: u64) -> Option<&[String]> {
        self.found.get(&pipe).map(Vec::as_slice)
    }
}
