//! The observed process and its descendants, as they start and end.

use std::collections::BTreeMap;
use std::path::Path;

use super::observed_process::ObservedProcess;
use super::remarks::Remarks;
use leakbench_kernel::{Process, ReadError, Stat, children_by_parent};

/// Maximum of descendants: each takes a descriptor and some buffers.
const DESCENDANTS_MAX: usize = 1024;

/// A process that has ended and has not been reaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Zombie {
    pub(super) pid: u32,
    pub(super) start_time_ticks: u64,
    pub(super) parent: u32,
    pub(super) name: String,
}

/// The observed process and its descendants. A known descendant stays in the tree when its parent
/// ends and the kernel gives it another.
#[derive(Debug)]
pub(super) struct ProcessTree {
    pub(super) root: ObservedProcess,
    /// Descendants are sampled too, so that their start and end are remarks.
    samples_descendants: bool,
    pub(super) descendants: BTreeMap<u32, ObservedProcess>,
    zombies: BTreeMap<u32, Zombie>,
    /// The kernel lists the children of a process.
    lists_children: bool,
    has_updated: bool,
}

impl ProcessTree {
    pub(super) fn new(root: ObservedProcess, samples_descendants: bool) -> ProcessTree {
        ProcessTree {
            root,
            samples_descendants,
            descendants: BTreeMap::new(),
            zombies: BTreeMap::new(),
            lists_children: true,
            has_updated: false,
        }
    }

    /// Finds the processes that exist now.
    ///
    /// # Errors
    /// Only [`ReadError::Vanished`]: the observed process has ended.
    pub(super) fn update(&mut self, remarks: &mut Remarks) -> Result<(), ReadError> {
        let proc = Path::new("/proc");
        let table = if self.lists_children { None } else { children_by_parent(proc).ok() };
        let pid = self.root.pid();
        if self.root.process.stat()?.has_ended {
            return Err(ReadError::Vanished { pid });
        }
        let mut waiting = self.children_of(None, table.as_ref(), remarks)?;
        self.zombies.clear();
        let known: Vec<u32> = self.descendants.keys().copied().collect();
        for pid in known {
            let runs = |process: &ObservedProcess| {
                process.process.stat().is_ok_and(|stat| !stat.has_ended)
            };
            if self.descendants.get(&pid).is_some_and(runs) {
                // One that ends now is removed by the next update.
                waiting.extend(
                    self.children_of(Some(pid), table.as_ref(), remarks).unwrap_or_default(),
                );
            } else if let Some(process) = self.descendants.remove(&pid)
                && self.samples_descendants
            {
                remarks.note(format!("process {pid} ({}) of the tree ended", process.name));
            }
        }
        while let Some(pid) = waiting.pop() {
            if self.descendants.contains_key(&pid) || self.zombies.contains_key(&pid) {
                continue;
            }
            if self.add(pid, proc, remarks) {
                waiting.extend(
                    self.children_of(Some(pid), table.as_ref(), remarks).unwrap_or_default(),
                );
            }
        }
        self.has_updated = true;
        Ok(())
    }

    /// Adds a new process. Returns `true` if it runs and can be opened.
    fn add(&mut self, pid: u32, proc: &Path, remarks: &mut Remarks) -> bool {
        let Ok(stat) = Stat::of(proc, pid) else {
            return false;
        };
        if stat.has_ended {
            let Stat { name, parent, start_time_ticks, .. } = stat;
            self.zombies.insert(pid, Zombie { pid, start_time_ticks, parent, name });
            return false;
        }
        if self.descendants.len() >= DESCENDANTS_MAX {
            let root = self.root.pid();
            remarks.prevent_clean(
                root,
                "task",
                format!("more than {DESCENDANTS_MAX} descendants: only these are observed"),
            );
            return false;
        }
        match Process::open(pid) {
            // The pid belongs to a new process by now.
            Ok(process) if process.start_time_ticks() != stat.start_time_ticks => false,
            Ok(process) => {
                if self.samples_descendants && self.has_updated {
                    let Stat { name, parent, .. } = &stat;
                    remarks
                        .note(format!("process {pid} ({name}) joined the tree, child of {parent}"));
                }
                self.descendants.insert(pid, ObservedProcess::new(process, &stat));
                true
            }
            Err(ReadError::Vanished { .. }) => false,
            Err(error) => {
                remarks.unreadable(pid, "process", &error);
                false
            }
        }
    }

    /// Lists the threads and children of a descendant, or of the root. Returns the children.
    fn children_of(
        &mut self,
        pid: Option<u32>,
        table: Option<&BTreeMap<u32, Vec<u32>>>,
        remarks: &mut Remarks,
    ) -> Result<Vec<u32>, ReadError> {
        let process = match pid {
            None => &mut self.root,
            Some(pid) => match self.descendants.get_mut(&pid) {
                Some(process) => process,
                None => return Ok(Vec::new()),
            },
        };
        let pid = process.pid();
        match process.process.tasks(&mut process.threads, &mut process.children) {
            Ok(()) => {}
            Err(error @ ReadError::Vanished { .. }) => return Err(error),
            Err(ReadError::Absent { .. }) if !self.lists_children || !self.has_updated => {
                self.lists_children = false;
                let table = match table {
                    Some(table) => table.get(&pid).cloned(),
                    None => {
                        children_by_parent(Path::new("/proc")).ok().and_then(|mut t| t.remove(&pid))
                    }
                };
                process.children = table.unwrap_or_default();
            }
            Err(error) => remarks.unreadable(pid, "children", &error),
        }
        Ok(process.children.clone())
    }

    /// The processes that are sampled.
    pub(super) fn observed(&self) -> impl Iterator<Item = &ObservedProcess> {
        let others = self.descendants.values().filter(|_| self.samples_descendants);
        std::iter::once(&self.root).chain(others)
    }

    /// The descendants that are sampled.
    pub(super) fn sampled_descendants_mut(&mut self) -> impl Iterator<Item = &mut ObservedProcess> {
        let all = self.samples_descendants;
        self.descendants.values_mut().filter(move |_| all)
    }

    /// Zombies whose parent is sampled, in ascending order of pid.
    pub(super) fn zombies(&self) -> impl Iterator<Item = &Zombie> {
        let root = self.root.pid();
        self.zombies
            .values()
            .filter(move |zombie| self.samples_descendants || zombie.parent == root)
    }

    /// Holds for the pid of the observed process and of every descendant.
    pub(super) fn contains(&self, pid: u32) -> bool {
        pid == self.root.pid()
            || self.descendants.contains_key(&pid)
            || self.zombies.contains_key(&pid)
    }
}
