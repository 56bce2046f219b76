//! Examples in words: the identity of an object, and its holders.

use std::collections::{BTreeMap, BTreeSet};

use leakbench_model::ObjectId;

use super::super::observed_process::{FdKey, MappingKey, ObservedProcess};
use super::super::sampler::Sampler;
use super::{Best, Object};
use leakbench_kernel::{FdKind, Mapping, MappingKind, device_numbers};

/// Lines of `maps` by pid and start.
pub(super) type MappingLines = BTreeMap<(u32, u64), String>;

impl Sampler {
    /// The lines of `maps` of the chosen mappings, by pid and start.
    pub(super) fn lines_of_mappings(&self, best: &Best<'_>) -> MappingLines {
        let mut starts: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
        for candidate in best.0.values().flatten() {
            if let Object::Mapping(process, key) | Object::Growth(process, key, ..) =
                candidate.object
            {
                starts.entry(process.pid()).or_default().insert(key.start);
            }
        }
        let mut lines = MappingLines::new();
        for process in self.tree.observed() {
            let Some(starts) = starts.get(&process.pid()) else {
                continue;
            };
            // The process may have ended; then its mappings are no examples.
            let found = process.process.describe_mappings(starts).unwrap_or_default();
            lines.extend(found.into_iter().map(|(start, line)| ((process.pid(), start), line)));
        }
        lines
    }

    /// Describes an object and its holders; `None` if it does not exist any more.
    pub(super) fn describe(
        &self,
        object: Object<'_>,
        lines: &MappingLines,
    ) -> Option<(String, Vec<String>)> {
        let line = |process: &ObservedProcess, key: MappingKey| {
            lines.get(&(process.pid(), key.start)).cloned()
        };
        Some(match object {
            Object::Fd(process, key) => {
                (describe_fd(process, key)?, vec![self.held_as(process, key.fd)])
            }
            Object::Mapping(process, key) => (line(process, key)?, self.in_child(process)),
            Object::Growth(process, key, by, to) => {
                let size = match by {
                    // New, or merged with the mapping below it: maps does not distinguish these.
                    whole if whole == to => format!("{} KiB", to >> 10),
                    part => format!(
                        "{} KiB, {} KiB more than at its first sample",
                        to >> 10,
                        part >> 10
                    ),
                };
                (format!("{}, {size}", line(process, key)?), self.in_child(process))
            }
            Object::Memfd(memfd) => self.describe_memfd(memfd)?,
            Object::Socket(socket) => {
                let found = self.in_flight.get(&socket)?;
                let what =
                    format!("socket:[{}] with {} descriptors in flight", socket.ino, found.waiting);
                let process = self.tree.observed().find(|process| process.pid() == found.pid)?;
                (what, vec![self.held_as(process, found.fd)])
            }
            Object::Thread(process, tid) => {
                let name = process.process.thread_name(tid).ok()?;
                (format!("thread {tid} ({name})"), self.in_child(process))
            }
            Object::Child(pid) => {
                let child = self.tree.descendants.get(&pid)?;
                let parent = child.process.stat().ok()?.parent;
                (format!("process {pid} ({})", child.name), vec![format!("child of {parent}")])
            }
            Object::Zombie(pid) => {
                let zombie = self.tree.zombies().find(|zombie| zombie.pid == pid)?;
                let what = format!("process {pid} ({}), a zombie", zombie.name);
                (what, vec![format!("child of {}", zombie.parent)])
            }
            Object::Segment(id) => {
                let segment = self.segments.get(&id)?;
                let what = format!("shared memory {id} of {} KiB", segment.bytes >> 10);
                let holders = match segment.attached {
                    0 => "attached by no process".to_owned(),
                    1 => "attached once".to_owned(),
                    attached => format!("attached {attached} times"),
                };
                (what, vec![format!("created by process {}", segment.creator), holders])
            }
        })
    }

    /// A memfd's identity and name, and its holders in every process.
    fn describe_memfd(&self, memfd: ObjectId) -> Option<(String, Vec<String>)> {
        let mut holders = Vec::new();
        let mut name = None;
        for process in self.tree.observed() {
            for entry in process.fds.iter().filter(|entry| entry.object == memfd) {
                name = name.or_else(|| fd_link(process, entry.fd));
                holders.push(self.held_as(process, entry.fd));
            }
            let is_it = |mapping: &&Mapping| {
                mapping.kind == MappingKind::Memfd && mapping.object == Some(memfd)
            };
            let mappings: Vec<_> = process.mappings.iter().filter(is_it).collect();
            if let Some(first) = mappings.first() {
                let count = mappings.len();
                let plural = if count == 1 { "" } else { "s" };
                let at = format!("{count} mapping{plural} (at {:x})", first.start);
                holders.push(self.of_child(process, at));
                if name.is_none() {
                    let lines =
                        process.process.describe_mappings(&BTreeSet::from([first.start])).ok();
                    let line = lines.and_then(|mut lines| lines.remove(&first.start));
                    name = line.and_then(|line| line.splitn(3, ' ').nth(2).map(str::to_owned));
                }
            }
        }
        Some((identity(memfd, &name?), holders))
    }

    fn held_as(&self, process: &ObservedProcess, fd: i32) -> String {
        self.of_child(process, format!("fd {fd}"))
    }

    fn of_child(&self, process: &ObservedProcess, what: String) -> String {
        match process.pid() {
            pid if pid == self.tree.root.pid() => what,
            pid => format!("{what} of child {pid}"),
        }
    }

    /// The process, unless it is the observed one.
    fn in_child(&self, process: &ObservedProcess) -> Vec<String> {
        let pid = process.pid();
        if pid == self.tree.root.pid() { Vec::new() } else { vec![format!("child {pid}")] }
    }
}

fn describe_fd(process: &ObservedProcess, key: FdKey) -> Option<String> {
    let link = fd_link(process, key.fd)?;
    Some(match key.kind {
        FdKind::File | FdKind::DeletedFile | FdKind::Memfd => identity(key.object, &link),
        // Their links contain the inode, or they have none of their own.
        _ => link,
    })
}

fn identity(object: ObjectId, name: &str) -> String {
    let (major, minor) = device_numbers(object);
    format!("inode {} on {major}:{minor}, {name}", object.ino)
}

fn fd_link(process: &ObservedProcess, fd: i32) -> Option<String> {
    process.process.fd_link(fd).ok()
}
