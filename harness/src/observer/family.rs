//! The observed process and its descendants: who there is, as they come and go.

use std::collections::BTreeMap;
use std::path::Path;

use super::member::Member;
use super::remarks::Remarks;
use leakbench_kernel::{Process, ReadError, Stat, children_by_parent};

/// Descendants that are followed at most: each costs a descriptor and some buffers.
const FOLLOWED_MAX: usize = 1024;

/// A process that ended and was not waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) pid: u32,
    pub(super) start_time_ticks: u64,
    pub(super) parent: u32,
    pub(super) name: String,
}

/// The observed process and those that descend from it. One that was found stays in the family
/// when its parent goes and leaves it to another.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) root: Member,
    /// Whether descendants are looked at too, so that their coming is worth a word.
    tree: bool,
    pub(super) descendants: BTreeMap<u32, Member>,
    ended: BTreeMap<u32, Ended>,
    lists_children: bool,
    gathered_before: bool,
}

impl Family {
    pub(super) fn new(root: Member, tree: bool) -> Family {
        Family {
            root,
            tree,
            descendants: BTreeMap::new(),
            ended: BTreeMap::new(),
            lists_children: true,
            gathered_before: false,
        }
    }

    /// Finds out who there is now.
    ///
    /// # Errors
    /// [`ReadError::Vanished`] alone: the observed process is gone.
    pub(super) fn gather(&mut self, remarks: &mut Remarks) -> Result<(), ReadError> {
        let proc = Path::new("/proc");
        let table = if self.lists_children { None } else { children_by_parent(proc).ok() };
        let pid = self.root.pid();
        if self.root.process.stat()?.has_ended {
            return Err(ReadError::Vanished { pid });
        }
        let mut waiting = self.children_of(None, table.as_ref(), remarks)?;
        self.ended.clear();
        let known: Vec<u32> = self.descendants.keys().copied().collect();
        for pid in known {
            let runs = |member: &Member| member.process.stat().is_ok_and(|stat| !stat.has_ended);
            if self.descendants.get(&pid).is_some_and(runs) {
                // One that goes just now is missed at the next look.
                waiting.extend(
                    self.children_of(Some(pid), table.as_ref(), remarks).unwrap_or_default(),
                );
            } else if let Some(member) = self.descendants.remove(&pid)
                && self.tree
            {
                remarks.note(format!("process {pid} ({}) of the tree ended", member.name));
            }
        }
        while let Some(pid) = waiting.pop() {
            if self.descendants.contains_key(&pid) || self.ended.contains_key(&pid) {
                continue;
            }
            if self.admit(pid, proc, remarks) {
                waiting.extend(
                    self.children_of(Some(pid), table.as_ref(), remarks).unwrap_or_default(),
                );
            }
        }
        self.gathered_before = true;
        Ok(())
    }

    /// Takes in a process that was not known. Returns whether it runs and is followed.
    fn admit(&mut self, pid: u32, proc: &Path, remarks: &mut Remarks) -> bool {
        let Ok(stat) = Stat::of(proc, pid) else {
            return false;
        };
        if stat.has_ended {
            let Stat { name, parent, start_time_ticks, .. } = stat;
            self.ended.insert(pid, Ended { pid, start_time_ticks, parent, name });
            return false;
        }
        if self.descendants.len() >= FOLLOWED_MAX {
            let root = self.root.pid();
            remarks.blind(
                root,
                "task",
                format!("more than {FOLLOWED_MAX} descendants: not all are followed"),
            );
            return false;
        }
        match Process::open(pid) {
            // The number went to another meanwhile.
            Ok(process) if process.start_time_ticks() != stat.start_time_ticks => false,
            Ok(process) => {
                if self.tree && self.gathered_before {
                    let Stat { name, parent, .. } = &stat;
                    remarks
                        .note(format!("process {pid} ({name}) joined the tree, child of {parent}"));
                }
                self.descendants.insert(pid, Member::new(process, &stat));
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
        let member = match pid {
            None => &mut self.root,
            Some(pid) => match self.descendants.get_mut(&pid) {
                Some(member) => member,
                None => return Ok(Vec::new()),
            },
        };
        let pid = member.pid();
        match member.process.tasks(&mut member.threads, &mut member.children) {
            Ok(()) => {}
            Err(error @ ReadError::Vanished { .. }) => return Err(error),
            Err(ReadError::Absent { .. }) if !self.lists_children || !self.gathered_before => {
                self.lists_children = false;
                let table = match table {
                    Some(table) => table.get(&pid).cloned(),
                    None => {
                        children_by_parent(Path::new("/proc")).ok().and_then(|mut t| t.remove(&pid))
                    }
                };
                member.children = table.unwrap_or_default();
            }
            Err(error) => remarks.unreadable(pid, "children", &error),
        }
        Ok(member.children.clone())
    }

    /// The observed process and, with its tree, the others.
    pub(super) fn observed(&self) -> impl Iterator<Item = &Member> {
        let others = self.descendants.values().filter(|_| self.tree);
        std::iter::once(&self.root).chain(others)
    }

    /// Those that are observed with the root, to be looked at.
    pub(super) fn others_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        let tree = self.tree;
        self.descendants.values_mut().filter(move |_| tree)
    }

    /// Children that ended and that an observed process should have waited for, in rising order
    /// of their numbers.
    pub(super) fn zombies(&self) -> impl Iterator<Item = &Ended> {
        let root = self.root.pid();
        self.ended.values().filter(move |ended| self.tree || ended.parent == root)
    }

    /// Whether this number is that of the observed process or of a descendant.
    pub(super) fn has(&self, pid: u32) -> bool {
        pid == self.root.pid()
            || self.descendants.contains_key(&pid)
            || self.ended.contains_key(&pid)
    }
}
