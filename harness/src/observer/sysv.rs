//! System V objects of the observed processes.
//!
//! They belong to no process, and the kernel records little of who made them: the creator of a
//! segment, and the last users of other objects. So an object is counted if a process of the tree made
//! or used it. One that appeared meanwhile also counts if its user is that of the observed process and
//! its maker has ended while a process of the tree reaped a child that no sample saw. Who made one that
//! no process has used is known only if the tree has an IPC namespace of its own. Elsewhere several of
//! them prevent a clean verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use leakbench_kernel::{
    MessageQueue, Process, SemaphoreSet, SharedSegment, Stat, ipc_namespace_is_of, message_queues,
    semaphore_sets, shared_segments,
};
use leakbench_model::{Footprint, Resource};

use super::lifetimes::Lifetimes;
use super::process_tree::ProcessTree;

/// Ancestors of a process that are tried.
const ANCESTORS_MAX: usize = 64;

/// The objects that are counted, as of the last sample.
#[derive(Debug)]
pub(super) struct SysvObjects {
    /// The user of the observed process; `None` if its objects are not visible here.
    user: Option<u32>,
    pub(super) segments: Kind<SharedSegment>,
    pub(super) semaphores: Kind<SemaphoreSet>,
    pub(super) queues: Kind<MessageQueue>,
    /// The processes of the tree at the last sample.
    last_tree: BTreeSet<u32>,
    /// New objects of the user that no process has used, of unknown makers.
    unused: BTreeSet<(Resource, u64)>,
    /// This process and its ancestors, which wait for it.
    waiting: BTreeSet<u32>,
}

/// Objects of one kind, by number.
#[derive(Debug)]
pub(super) struct Kind<T> {
    counted: BTreeMap<u64, T>,
    /// All objects of the last sample; `None` before the first.
    all: Option<BTreeSet<u64>>,
    pub(super) lifetimes: Lifetimes<u64>,
}

impl<T> Kind<T> {
    fn new() -> Kind<T> {
        Kind { counted: BTreeMap::new(), all: None, lifetimes: Lifetimes::new() }
    }

    pub(super) fn get(&self, id: u64) -> Option<&T> {
        self.counted.get(&id)
    }

    /// Number of objects of all processes.
    pub(super) fn of_all(&self) -> u64 {
        self.all.as_ref().map_or(0, BTreeSet::len) as u64
    }
}

/// The relation of a process to the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Tree,
    Elsewhere,
    /// It has ended.
    Gone,
}

/// What is known of the process that made or used an object, at one sample.
struct Origins<'a> {
    tree: &'a ProcessTree,
    last_tree: &'a BTreeSet<u32>,
    known: BTreeMap<u32, Origin>,
    user: u32,
    /// A process of the tree has reaped a child since the last sample.
    reaped: bool,
    waiting: &'a BTreeSet<u32>,
    /// The IPC namespace is the tree's alone; `None` if nothing depended on it yet.
    is_alone: Option<bool>,
}

impl Origins<'_> {
    fn of(&mut self, pid: u32) -> Origin {
        if self.tree.contains(pid) || self.last_tree.contains(&pid) {
            return Origin::Tree;
        }
        let tree = self.tree;
        *self.known.entry(pid).or_insert_with(|| origin(tree, pid))
    }

    /// True for an object that is counted. `pids` made or used it; 0 is none.
    fn counts(&mut self, was_counted: bool, is_new: bool, user: u32, pids: &[u32]) -> bool {
        let pids = pids.iter().filter(|&&pid| pid != 0);
        let origins: Vec<Origin> = pids.map(|&pid| self.of(pid)).collect();
        if origins.contains(&Origin::Tree) {
            return true;
        }
        if origins.contains(&Origin::Elsewhere) {
            return false;
        }
        let is_of_user = is_new && user == self.user;
        was_counted || is_of_user && if origins.is_empty() { self.is_alone() } else { self.reaped }
    }

    /// Passes over all processes of the machine at most once a sample, and ends at the first other one.
    fn is_alone(&mut self) -> bool {
        let is_ours = |pid| {
            let is_waiting = self.waiting.contains(&pid);
            is_waiting || self.tree.contains(pid) || self.last_tree.contains(&pid)
        };
        let user = self.user;
        *self.is_alone.get_or_insert_with(|| ipc_namespace_is_of(Path::new("/proc"), user, is_ours))
    }
}

/// A process, and those above it.
fn with_ancestors(pid: u32) -> BTreeSet<u32> {
    let above = |&pid: &u32| Stat::of(Path::new("/proc"), pid).ok().map(|stat| stat.parent);
    let chain = std::iter::successors(Some(pid), |pid| above(pid).filter(|&parent| parent != 0));
    chain.take(ANCESTORS_MAX).collect()
}

fn origin(tree: &ProcessTree, pid: u32) -> Origin {
    let mut above = pid;
    for _ in 0..ANCESTORS_MAX {
        match Stat::of(Path::new("/proc"), above) {
            Ok(stat) if tree.contains(stat.parent) => return Origin::Tree,
            Ok(stat) if stat.parent == 0 => return Origin::Elsewhere,
            Ok(stat) => above = stat.parent,
            Err(_) if above == pid => return Origin::Gone,
            Err(_) => break,
        }
    }
    Origin::Elsewhere
}

impl SysvObjects {
    /// Those of the tree of `root`, if it is in this IPC namespace.
    pub(super) fn new(root: &mut Process) -> SysvObjects {
        let is_visible = root.shares_namespace("ns/ipc");
        let user = root.ids().ok().map(|ids| ids.user).filter(|_| is_visible);
        SysvObjects {
            user,
            segments: Kind::new(),
            semaphores: Kind::new(),
            queues: Kind::new(),
            last_tree: BTreeSet::new(),
            unused: BTreeSet::new(),
            waiting: with_ancestors(std::process::id()),
        }
    }

    /// Number of the objects that appeared and that no process has used, so that their maker is unknown.
    pub(super) fn unused(&self) -> usize {
        self.unused.len()
    }

    /// Counts the objects of the tree. `reaped`: one of its processes has reaped a child since the
    /// last sample.
    pub(super) fn count(&mut self, at_ms: u64, tree: &ProcessTree, reaped: bool) -> Footprint {
        let mut amounts = Footprint::default();
        let Some(user) = self.user else { return amounts };
        let SysvObjects { segments, semaphores, queues, last_tree, unused, waiting, .. } = self;
        let mut note = |resource, id, is_new: bool, owner: u32, is_known: bool| {
            if is_known {
                unused.remove(&(resource, id));
            } else if is_new && owner == user {
                unused.insert((resource, id));
            }
        };
        let mut origins = Origins {
            tree,
            last_tree: &*last_tree,
            known: BTreeMap::new(),
            user,
            reaped,
            waiting,
            is_alone: None,
        };
        let proc = Path::new("/proc");
        if let Some(all) = shared_segments(proc) {
            // Later the creator's number may belong to another process.
            segments.update(
                at_ms,
                all,
                |it| (it.id, it.bytes),
                |it, was_counted, is_new| {
                    was_counted || origins.counts(false, is_new, it.user, &[it.creator])
                },
            );
            let bytes: u64 = segments.counted.values().map(|segment| segment.bytes).sum();
            amounts.set(Resource::SysvSegments, segments.counted.len() as u64);
            amounts.set(Resource::SysvBytes, bytes);
        }
        if let Some(all) = semaphore_sets(proc) {
            semaphores.update(
                at_ms,
                all,
                |it| (it.id, 0),
                |it, was_counted, is_new| {
                    let last = it.last_user().unwrap_or(0);
                    let counts = origins.counts(was_counted, is_new, it.user, &[last]);
                    note(Resource::SysvSemaphores, it.id, is_new, it.user, counts || last != 0);
                    counts
                },
            );
            amounts.set(Resource::SysvSemaphores, semaphores.counted.len() as u64);
        }
        if let Some(all) = message_queues(proc) {
            queues.update(
                at_ms,
                all,
                |it| (it.id, it.bytes),
                |it, was_counted, is_new| {
                    let users = [it.sender, it.receiver];
                    let counts = origins.counts(was_counted, is_new, it.user, &users);
                    let is_known = counts || users != [0, 0];
                    note(Resource::SysvQueues, it.id, is_new, it.user, is_known);
                    counts
                },
            );
            amounts.set(Resource::SysvQueues, queues.counted.len() as u64);
        }
        *last_tree = tree.pids().collect();
        amounts
    }
}

impl<T> Kind<T> {
    /// Keeps the objects for which `counts` is true. It gets whether the object was counted before,
    /// and whether it is new. `measure` returns its number and its size.
    fn update(
        &mut self,
        at_ms: u64,
        all: Vec<T>,
        measure: impl Fn(&T) -> (u64, u64),
        mut counts: impl FnMut(&T, bool, bool) -> bool,
    ) {
        let before = std::mem::take(&mut self.counted);
        let known = self.all.take();
        self.all = Some(all.iter().map(|object| measure(object).0).collect());
        for object in all {
            let (id, _) = measure(&object);
            let is_new = known.as_ref().is_some_and(|known| !known.contains(&id));
            if counts(&object, before.contains_key(&id), is_new) {
                self.counted.insert(id, object);
            }
        }
        self.lifetimes.update(at_ms, self.counted.values().map(measure));
    }
}
