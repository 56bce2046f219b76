//! Examples in words: the identity of an object, and its holders.

use std::collections::{BTreeMap, BTreeSet};

use leakbench_model::ObjectId;
use leakbench_model::text::counted;

use super::super::observed_process::{FdKey, MappingKey, ObservedProcess};
use super::super::pipe_peers::PipePeers;
use super::super::sampler::Sampler;
use super::{Best, Group, Object, command_line};
use leakbench_kernel::{FdEntry, FdKind, Mapping, MappingKind, device_numbers};

/// Lines of `maps` by pid and start.
pub(super) type MappingLines = BTreeMap<(u32, u64), String>;

impl Sampler {
    /// The lines of `maps` of the chosen mappings, by pid and start.
    pub(super) fn lines_of_mappings(&self, best: &Best<'_>) -> MappingLines {
        let mut starts: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
        for group in best.values().flatten() {
            if let Object::Mapping(process, key) | Object::Growth(process, key, ..) = group.object {
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

    /// Describes an object and its holders; `None` if it does not exist any more. Of several, the
    /// words fit all of them, and the holders are those of the oldest.
    pub(super) fn describe(
        &self,
        group: Group<'_>,
        lines: &MappingLines,
        peers: &PipePeers,
    ) -> Option<(String, Vec<String>)> {
        let line = |process: &ObservedProcess, key: MappingKey| {
            lines.get(&(process.pid(), key.start)).cloned()
        };
        let is_one = group.count == 1;
        Some(match group.object {
            Object::Fd(process, key) => self.describe_fd(process, key, is_one, peers)?,
            Object::Mapping(process, key) if is_one => {
                (line(process, key)?, self.in_child(process))
            }
            Object::Mapping(process, key) => {
                let line = line(process, key)?;
                let (range, rest) = line.split_once(' ')?;
                let bytes = mapping_bytes(process, key)?;
                let what = format!("{rest}, {} KiB", bytes >> 10);
                (what, vec![self.of_child(process, range.to_owned())])
            }
            Object::Growth(process, key, by, to) => {
                // A whole one is new, or merged with the mapping below it: maps does not distinguish
                // these.
                (format!("{}, {}", line(process, key)?, grown(by, to)), self.in_child(process))
            }
            Object::Memfd(memfd) => self.describe_memfd(memfd, is_one)?,
            Object::Socket(socket) => {
                let found = self.in_flight.get(&socket)?;
                let what =
                    format!("socket:[{}] with {} descriptors in flight", socket.ino, found.waiting);
                let process = self.tree.observed().find(|process| process.pid() == found.pid)?;
                (what, vec![self.held_as(process, found.fd)])
            }
            Object::Held(object, by) => {
                let file = self.held_bytes.get(object)?;
                let process = self.tree.observed().find(|process| process.pid() == file.pid)?;
                let link = fd_link(process, file.fd)?;
                let what = match is_one {
                    true => format!("{}, {}", identity(object, &link), grown(by, file.bytes)),
                    false => format!("{link}, {} KiB together", group.weight >> 10),
                };
                (what, vec![self.held_as(process, file.fd)])
            }
            Object::Watches(process, fd) => {
                let watches = self.watches.get((process.pid(), fd))?;
                let mut what = counted(watches.count, "watch");
                if let Some(newest) = &watches.newest {
                    let path = process.process.path_of_watched(newest);
                    let path = path.unwrap_or_else(|| identity(newest.object, "of unknown path"));
                    what += &format!(", the newest of {path}");
                }
                (what, vec![self.held_as(process, fd)])
            }
            Object::Thread(process, tid) => {
                let name = process.process.thread_name(tid).ok()?;
                match is_one {
                    true => (format!("thread {tid} ({name})"), self.in_child(process)),
                    false => {
                        let thread = self.of_child(process, format!("thread {tid}"));
                        (format!("thread ({name})"), vec![thread])
                    }
                }
            }
            Object::Child(pid) => {
                let child = self.tree.descendants.get(&pid)?;
                let parent = child.process.stat().ok()?.parent;
                let command = command_line(child);
                let of_parent = format!("child of {parent}");
                match is_one {
                    true => (format!("process {pid}: {command}"), vec![of_parent]),
                    false => (command, vec![format!("process {pid}"), of_parent]),
                }
            }
            Object::Zombie(pid) => {
                let zombie = self.tree.zombies().find(|zombie| zombie.pid == pid)?;
                let of_parent = format!("child of {}", zombie.parent);
                let name = &zombie.name;
                match is_one {
                    true => (format!("process {pid} ({name}), a zombie"), vec![of_parent]),
                    false => {
                        (format!("({name}), a zombie"), vec![format!("process {pid}"), of_parent])
                    }
                }
            }
            Object::Segment(id) => {
                let segment = self.sysv.segments.get(id)?;
                let what = format!("shared memory of {} KiB", segment.bytes >> 10);
                let attached = match segment.attached {
                    0 => "attached by no process".to_owned(),
                    1 => "attached once".to_owned(),
                    attached => format!("attached {attached} times"),
                };
                let creator = match self.tree.contains(segment.creator) {
                    true => format!("created by process {}", segment.creator),
                    false => format!("created by process {}, which has ended", segment.creator),
                };
                (what, vec![format!("number {id}"), creator, attached])
            }
            Object::Semaphores(id) => {
                let set = self.sysv.semaphores.get(id)?;
                let used = match set.last_user() {
                    None | Some(0) => "not used yet".to_owned(),
                    Some(pid) => format!("last used by process {pid}"),
                };
                let what = format!("set of {}", counted(set.semaphores, "semaphore"));
                (what, vec![format!("number {id}"), used])
            }
            Object::Queue(id) => {
                let queue = self.sysv.queues.get(id)?;
                let used = match (queue.sender, queue.receiver) {
                    (0, 0) => "not used yet".to_owned(),
                    (0, pid) | (pid, _) => format!("last used by process {pid}"),
                };
                let what = format!(
                    "queue of {} with {} B",
                    counted(queue.messages, "message"),
                    queue.bytes
                );
                (what, vec![format!("number {id}"), used])
            }
        })
    }

    fn describe_fd(
        &self,
        process: &ObservedProcess,
        key: FdKey,
        is_one: bool,
        peers: &PipePeers,
    ) -> Option<(String, Vec<String>)> {
        let link = fd_link(process, key.fd)?;
        let holder = self.held_as(process, key.fd);
        let socket = match key.kind {
            FdKind::Socket => self.sockets.get(key.object.ino),
            _ => None,
        };
        if let Some(socket) = socket {
            let detail = socket.to_string();
            let holder = if detail.is_empty() { holder } else { format!("{holder} {detail}") };
            return Some((socket.kind(), vec![holder]));
        }
        let what = match key.kind {
            FdKind::File | FdKind::DeletedFile | FdKind::Memfd if is_one => {
                identity(key.object, &link)
            }
            // Their links have the number of one.
            FdKind::Socket | FdKind::Pipe if !is_one => key.kind.to_string(),
            _ => link,
        };
        let mut holders = vec![holder];
        match key.kind {
            FdKind::Pipe => holders.extend(self.other_ends(process, key, peers)),
            FdKind::Epoll => holders.extend(targets(process, key.fd)),
            _ => {}
        }
        Some((what, holders))
    }

    /// The other holders of a pipe.
    fn other_ends(&self, process: &ObservedProcess, key: FdKey, peers: &PipePeers) -> Vec<String> {
        let mut ends = Vec::new();
        for other in self.tree.observed() {
            let same = |entry: &&FdEntry| {
                let is_itself = other.pid() == process.pid() && entry.fd == key.fd;
                entry.object == key.object && !is_itself
            };
            ends.extend(other.fds.iter().filter(same).map(|entry| self.held_as(other, entry.fd)));
        }
        let outside = peers.of(key.object.ino);
        ends.extend(outside.unwrap_or_default().iter().cloned());
        if ends.is_empty() && outside.is_some() {
            ends.push("no visible other end".to_owned());
        }
        ends
    }

    /// A memfd's identity and name, and its holders in every process.
    fn describe_memfd(&self, memfd: ObjectId, is_one: bool) -> Option<(String, Vec<String>)> {
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
        let name = name?;
        Some((if is_one { identity(memfd, &name) } else { name }, holders))
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

/// A size, and the part of it that is growth.
fn grown(by: u64, to: u64) -> String {
    let size = format!("{} KiB", to >> 10);
    match by {
        whole if whole == to => size,
        part => format!("{size}, {} KiB more than at its first sample", part >> 10),
    }
}

/// The descriptors that an epoll descriptor watches.
fn targets(process: &ObservedProcess, fd: i32) -> Option<String> {
    let targets = process.process.epoll_targets(fd).ok()?;
    Some(match targets.as_slice() {
        [] => "watching nothing".to_owned(),
        [one] => format!("watching fd {one}"),
        [first, rest @ ..] => format!("watching fd {first} and {} more", rest.len()),
    })
}

/// The size of a mapping at the last sample.
fn mapping_bytes(process: &ObservedProcess, key: MappingKey) -> Option<u64> {
    let mut mappings = process.mappings.iter();
    mappings.find(|mapping| mapping.start == key.start).map(Mapping::bytes)
}

fn identity(object: ObjectId, name: &str) -> String {
    let (major, minor) = device_numbers(object);
    format!("inode {} on {major}:{minor}, {name}", object.ino)
}

fn fd_link(process: &ObservedProcess, fd: i32) -> Option<String> {
    process.process.fd_link(fd).ok()
}
