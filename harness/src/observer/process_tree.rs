//! The observed process and its descendants, as they start and end.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::process::{Pid, WaitOptions, waitpid};

use super::observed_process::ObservedProcess;
use super::remarks::Remarks;
use leakbench_kernel::{Process, ReadError, Stat, children_by_parent};
use leakbench_recording::observation::{LimitReached, ProcessEventKind, Scope};

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
    /// The observed process has ended, and its descendants may go on.
    root_has_ended: bool,
    scope: Scope,
    pub(super) descendants: BTreeMap<u32, ObservedProcess>,
    zombies: BTreeMap<u32, Zombie>,
    /// leakbench, if the kernel gives it descendants that lose their parents.
    reaper: Option<Reaper>,
    /// Processes that ended at one of their limits, until they are recorded.
    limits_reached: Vec<LimitReached>,
    limits_recorded: usize,
    /// The kernel lists the children of a process.
    lists_children: bool,
    has_updated: bool,
}

/// leakbench as the parent of processes that lost theirs.
#[derive(Debug)]
struct Reaper {
    process: Process,
    threads: Vec<u32>,
    children: Vec<u32>,
    /// At the last update.
    has_reaped: bool,
}

/// Processes that ended at a limit are recorded up to this number: a supervisor may start its worker
/// again for hours.
const LIMITS_REACHED_MAX: usize = 50;

impl ProcessTree {
    pub(super) fn new(root: ObservedProcess, scope: Scope) -> ProcessTree {
        ProcessTree {
            root,
            root_has_ended: false,
            scope,
            descendants: BTreeMap::new(),
            zombies: BTreeMap::new(),
            reaper: None,
            limits_reached: Vec::new(),
            limits_recorded: 0,
            lists_children: true,
            has_updated: false,
        }
    }

    /// Takes in children of this process, other than the root, since the kernel gives it the
    /// descendants that lose their parents.
    pub(super) fn adopt_orphans(&mut self) {
        let process = Process::open(std::process::id()).ok();
        self.reaper = process.map(|process| Reaper {
            process,
            threads: Vec::new(),
            children: Vec::new(),
            has_reaped: false,
        });
    }

    /// Continues without the root, which has ended at `at_ms`.
    pub(super) fn root_ended(&mut self, at_ms: u64) {
        if !self.root_has_ended {
            self.root_has_ended = true;
            self.limits_reached.extend(self.root.limit_reached(at_ms));
        }
    }

    /// Finds the processes that exist now, `at_ms` after the observation began.
    ///
    /// # Errors
    /// Only [`ReadError::Vanished`]: the observed process has ended, and no descendant goes on for it.
    pub(super) fn update(&mut self, at_ms: u64, remarks: &mut Remarks) -> Result<(), ReadError> {
        let proc = Path::new("/proc");
        let table = if self.lists_children { None } else { children_by_parent(proc).ok() };
        let pid = self.root.pid();
        let mut waiting = Vec::new();
        if !self.root_has_ended {
            if self.root.process.stat()?.has_ended {
                return Err(ReadError::Vanished { pid });
            }
            waiting = self.children_of(None, table.as_ref(), remarks)?;
        }
        waiting.extend(self.orphans(table.as_ref()));
        self.zombies.clear();
        let known: Vec<u32> = self.descendants.keys().copied().collect();
        for pid in known {
            if self.descendants.get(&pid).is_some_and(ObservedProcess::runs) {
                self.report_start(pid, at_ms, remarks);
                // One that ends now is removed by the next update.
                waiting.extend(
                    self.children_of(Some(pid), table.as_ref(), remarks).unwrap_or_default(),
                );
            } else if let Some(process) = self.descendants.remove(&pid)
                && self.scope == Scope::Family
            {
                self.limits_reached.extend(process.limit_reached(at_ms));
                if process.is_settled(at_ms) {
                    let what = format!("process {pid} ({}) of the tree ended", process.name);
                    remarks.event(ProcessEventKind::Ended, &process.name, what);
                }
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
        if self.root_has_ended && self.descendants.is_empty() {
            return Err(ReadError::Vanished { pid });
        }
        Ok(())
    }

    /// The children of this process that lost their parents, without those that it reaps here.
    fn orphans(&mut self, table: Option<&BTreeMap<u32, Vec<u32>>>) -> Vec<u32> {
        let Some(reaper) = &mut self.reaper else {
            return Vec::new();
        };
        // On failure the children of the last update are checked again.
        let _ = reaper.process.tasks(&mut reaper.threads, &mut reaper.children);
        if let Some(table) = table {
            reaper.children = table.get(&reaper.process.pid()).cloned().unwrap_or_default();
        }
        let root = self.root.pid();
        let children = reaper.children.iter().copied().filter(|&pid| pid != root);
        let (ended, running): (Vec<u32>, Vec<u32>) = children.partition(|&pid| reap(pid));
        reaper.has_reaped = !ended.is_empty();
        running
    }

    /// The processes that ended at a limit since the last call.
    pub(super) fn take_limits_reached(&mut self) -> Vec<LimitReached> {
        let room = LIMITS_REACHED_MAX.saturating_sub(self.limits_recorded);
        let mut reached = std::mem::take(&mut self.limits_reached);
        reached.truncate(room);
        self.limits_recorded += reached.len();
        reached
    }

    /// Reports the start of a descendant that has run for a while.
    fn report_start(&mut self, pid: u32, at_ms: u64, remarks: &mut Remarks) {
        let Some(process) = self.descendants.get_mut(&pid) else { return };
        if process.is_reported || !process.is_settled(at_ms) {
            return;
        }
        process.is_reported = true;
        if let Ok(stat) = process.process.stat() {
            let (name, parent) = (&process.name, stat.parent);
            let what = format!("process {pid} ({name}) joined the tree, child of {parent}");
            remarks.event(ProcessEventKind::Started, name, what);
        }
    }

    /// Adds a new process. Returns `true` if it runs and can be opened.
    fn add(&mut self, pid: u32, proc: &Path, remarks: &mut Remarks) -> bool {
        let stat = match Stat::of(proc, pid) {
            Ok(stat) => stat,
            Err(error) => {
                // One that has ended is no remark, but one that is hidden prevents a clean verdict.
                remarks.unreadable(pid, "process", &error);
                return false;
            }
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
                let mut process = ObservedProcess::new(process, &stat);
                // Those of the first update are there from the start.
                process.is_reported = !self.has_updated;
                self.descendants.insert(pid, process);
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
    pub(super) fn observed(&self) -> impl Iterator<Item = &ObservedProcess> + Clone {
        let others = self.descendants.values().filter(|_| self.scope == Scope::Family);
        std::iter::once(&self.root).filter(|_| !self.root_has_ended).chain(others)
    }

    /// The processes that are sampled, the observed one first.
    pub(super) fn observed_mut(&mut self) -> impl Iterator<Item = &mut ObservedProcess> {
        let ProcessTree { root, descendants, scope, root_has_ended, .. } = self;
        let root = std::iter::once(root).filter(|_| !*root_has_ended);
        root.chain(descendants.values_mut().filter(|_| *scope == Scope::Family))
    }

    /// Zombies whose parent is sampled, in ascending order of pid.
    pub(super) fn zombies(&self) -> impl Iterator<Item = &Zombie> {
        let root = self.root.pid();
        self.zombies
            .values()
            .filter(move |zombie| self.scope == Scope::Family || zombie.parent == root)
    }

    /// The pids for which [`contains`](Self::contains) holds.
    pub(super) fn pids(&self) -> impl Iterator<Item = u32> {
        let others = self.descendants.keys().chain(self.zombies.keys()).copied();
        std::iter::once(self.root.pid()).chain(others)
    }

    /// True if leakbench has reaped a descendant at the last update.
    pub(super) fn has_reaped_orphans(&self) -> bool {
        self.reaper.as_ref().is_some_and(|reaper| reaper.has_reaped)
    }

    /// Holds for the pid of the observed process and of every descendant.
    pub(super) fn contains(&self, pid: u32) -> bool {
        pid == self.root.pid()
            || self.descendants.contains_key(&pid)
            || self.zombies.contains_key(&pid)
    }
}

/// Reaps a child of this process if it has ended, and returns true if it had.
fn reap(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| matches!(waitpid(Some(pid), WaitOptions::NOHANG), Ok(Some(_))))
}
