//! What growth is made of: for each resource the oldest objects that came after the observation
//! had begun in earnest, and are still there.

use std::collections::{BTreeMap, BTreeSet};

use leakbench_recording::observation::{Example, Examples, Resource};

use super::member::{FdKey, MappingKey, Member, fd_resource, mapping_resource};
use super::survivors::{Survivor, Survivors};
use super::watch::Watch;
use leakbench_kernel::{FdKind, Mapping, MappingKind, ObjectId};

/// Looks whose objects are what the process simply has.
pub(super) const FIRST_LOOKS: u64 = 3;

/// Who is asked for what an object looks like, once it is chosen.
#[derive(Clone, Copy, Debug)]
enum Found<'a> {
    Fd(&'a Member, FdKey),
    Mapping(&'a Member, MappingKey),
    /// A mapping that grew, by so many bytes to so many.
    Growth(&'a Member, MappingKey, u64, u64),
    Memfd(ObjectId),
    Socket(ObjectId),
    Thread(&'a Member, u32),
    Child(u32),
    Zombie(u32),
    Segment(u64),
}

/// An object that may be shown.
#[derive(Clone, Copy, Debug)]
struct Candidate<'a> {
    /// Less is better.
    rank: u64,
    first_seen_ms: u64,
    found: Found<'a>,
}

/// The first few of each resource, the best first.
#[derive(Debug, Default)]
struct Best<'a>(BTreeMap<Resource, Vec<Candidate<'a>>>);

impl<'a> Best<'a> {
    fn offer(&mut self, resource: Resource, candidate: Candidate<'a>) {
        let best = self.0.entry(resource).or_default();
        let at = best.partition_point(|held| held.rank <= candidate.rank);
        if at < Examples::OF_EACH_MAX {
            best.insert(at, candidate);
            best.truncate(Examples::OF_EACH_MAX);
        }
    }

    fn offer_each<K: Ord + Copy>(
        &mut self,
        seen: &Survivors<K>,
        after_ms: u64,
        mut what: impl FnMut(K) -> (Option<Resource>, Found<'a>),
    ) {
        for &Survivor { key, first_seen_ms, .. } in seen.iter() {
            if first_seen_ms <= after_ms {
                continue;
            }
            if let (Some(resource), found) = what(key) {
                self.offer(resource, Candidate { rank: first_seen_ms, first_seen_ms, found });
            }
        }
    }
}

impl Watch {
    /// Examples as of the last look. Of each resource those that came in the last three quarters
    /// of the time, when what a process sets up for good is there; where there are none, those
    /// that came after `first_looks_ms`.
    pub(super) fn examples(&self, at_ms: u64, first_looks_ms: u64) -> Examples {
        let settled_ms = first_looks_ms.max(at_ms / 4);
        let mut best = self.best(settled_ms);
        if settled_ms > first_looks_ms {
            for (resource, found) in self.best(first_looks_ms).0 {
                best.0.entry(resource).or_insert(found);
            }
        }
        let lines = self.lines_of_mappings(&best);
        let mut objects: BTreeMap<Resource, Vec<Example>> = BTreeMap::new();
        for (resource, candidates) in best.0 {
            let examples = candidates.into_iter().filter_map(|candidate| {
                let (what, holders) = self.describe(candidate.found, &lines)?;
                Some(Example { what, holders, first_seen_ms: candidate.first_seen_ms })
            });
            objects.insert(resource, examples.collect());
        }
        objects.retain(|_, examples| !examples.is_empty());
        Examples { at_ms, objects }
    }

    fn best(&self, after_ms: u64) -> Best<'_> {
        let mut best = Best::default();
        for member in self.family.observed() {
            best.offer_each(&member.seen_fds, after_ms, |key| {
                (Some(fd_resource(key.kind)), Found::Fd(member, key))
            });
            best.offer_each(&member.seen_mappings, after_ms, |key| {
                (mapping_resource(key.kind), Found::Mapping(member, key))
            });
            best.offer_each(&member.seen_threads, after_ms, |tid| {
                (Some(Resource::Threads), Found::Thread(member, tid))
            });
            offer_growth(&mut best, member, after_ms);
        }
        best.offer_each(&self.seen_memfds, after_ms, |memfd| {
            (Some(Resource::Memfds), Found::Memfd(memfd))
        });
        for &Survivor { key, first_seen_ms, first_amount } in self.seen_in_flight.iter() {
            // One socket may be all that there is: what counts is how much more waits in it.
            let before = if first_seen_ms > after_ms { 0 } else { first_amount };
            let waiting = self.in_flight.get(&key).map_or(0, |found| found.waiting);
            if waiting > before {
                let rank = u64::MAX - (waiting - before);
                let found = Found::Socket(key);
                best.offer(Resource::FdsInFlight, Candidate { rank, first_seen_ms, found });
            }
        }
        best.offer_each(&self.seen_segments, after_ms, |id| {
            (Some(Resource::SysvSegments), Found::Segment(id))
        });
        best.offer_each(&self.seen_zombies, after_ms, |(pid, _)| {
            (Some(Resource::Zombies), Found::Zombie(pid))
        });
        best.offer_each(&self.seen_children, after_ms, |(pid, _)| {
            (Some(Resource::Children), Found::Child(pid))
        });
        best
    }

    /// What `maps` prints of the mappings that were chosen, by process and start.
    fn lines_of_mappings(&self, best: &Best<'_>) -> MappingLines {
        let mut starts: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
        for candidate in best.0.values().flatten() {
            if let Found::Mapping(member, key) | Found::Growth(member, key, ..) = candidate.found {
                starts.entry(member.pid()).or_default().insert(key.start);
            }
        }
        let mut lines = MappingLines::new();
        for member in self.family.observed() {
            let Some(starts) = starts.get(&member.pid()) else {
                continue;
            };
            // Gone meanwhile, or not to be read any more: then there is no line to show.
            let found = member.process.describe_mappings(starts).unwrap_or_default();
            lines.extend(found.into_iter().map(|(start, line)| ((member.pid(), start), line)));
        }
        lines
    }

    /// What it is and who has it; `None` if it went since the look.
    fn describe(&self, found: Found<'_>, lines: &MappingLines) -> Option<(String, Vec<String>)> {
        let line =
            |member: &Member, key: MappingKey| lines.get(&(member.pid(), key.start)).cloned();
        Some(match found {
            Found::Fd(member, key) => {
                (describe_fd(member, key)?, vec![self.held_as(member, key.fd)])
            }
            Found::Mapping(member, key) => (line(member, key)?, self.in_child(member)),
            Found::Growth(member, key, by, to) => {
                let size = match by {
                    // New, or one that was merged with a neighbour below it: the kernel does not
                    // tell which.
                    whole if whole == to => format!("{} KiB", to >> 10),
                    part => format!("{} KiB, {} KiB more than at first", to >> 10, part >> 10),
                };
                (format!("{}, {size}", line(member, key)?), self.in_child(member))
            }
            Found::Memfd(memfd) => self.describe_memfd(memfd)?,
            Found::Socket(socket) => {
                let found = self.in_flight.get(&socket)?;
                let what = format!("socket:[{}] with {} waiting in it", socket.ino, found.waiting);
                let member = self.family.observed().find(|member| member.pid() == found.pid)?;
                (what, vec![self.held_as(member, found.fd)])
            }
            Found::Thread(member, tid) => {
                let name = member.process.thread_name(tid).ok()?;
                (format!("thread {tid} ({name})"), self.in_child(member))
            }
            Found::Child(pid) => {
                let child = self.family.descendants.get(&pid)?;
                let parent = child.process.stat().ok()?.parent;
                (format!("process {pid} ({})", child.name), vec![format!("child of {parent}")])
            }
            Found::Zombie(pid) => {
                let zombie = self.family.zombies().find(|zombie| zombie.pid == pid)?;
                let what = format!("process {pid} ({}), ended", zombie.name);
                (what, vec![format!("child of {}", zombie.parent)])
            }
            Found::Segment(id) => {
                let segment = self.segments.get(&id)?;
                let what = format!("shared memory {id} of {} KiB", segment.bytes >> 10);
                let holders = match segment.attached {
                    0 => "attached by nobody".to_owned(),
                    1 => "attached once".to_owned(),
                    attached => format!("attached {attached} times"),
                };
                (what, vec![format!("made by process {}", segment.creator), holders])
            }
        })
    }

    /// A memfd by its identity and name, and all that holds it, in every process.
    fn describe_memfd(&self, memfd: ObjectId) -> Option<(String, Vec<String>)> {
        let mut holders = Vec::new();
        let mut name = None;
        for member in self.family.observed() {
            for entry in member.fds.iter().filter(|entry| entry.object == memfd) {
                name = name.or_else(|| fd_link(member, entry.fd));
                holders.push(self.held_as(member, entry.fd));
            }
            let is_it = |mapping: &&Mapping| {
                mapping.kind == MappingKind::Memfd && mapping.object == Some(memfd)
            };
            let mappings: Vec<_> = member.mappings.iter().filter(is_it).collect();
            if let Some(first) = mappings.first() {
                let count = mappings.len();
                let plural = if count == 1 { "" } else { "s" };
                let at = format!("{count} mapping{plural} (at {:x})", first.start);
                holders.push(self.of_child(member, at));
                if name.is_none() {
                    let lines =
                        member.process.describe_mappings(&BTreeSet::from([first.start])).ok();
                    let line = lines.and_then(|mut lines| lines.remove(&first.start));
                    name = line.and_then(|line| line.splitn(3, ' ').nth(2).map(str::to_owned));
                }
            }
        }
        Some((identity(memfd, &name?), holders))
    }

    fn held_as(&self, member: &Member, fd: i32) -> String {
        self.of_child(member, format!("fd {fd}"))
    }

    fn of_child(&self, member: &Member, what: String) -> String {
        match member.pid() {
            pid if pid == self.family.root.pid() => what,
            pid => format!("{what} of child {pid}"),
        }
    }

    /// Whose, where it is not the observed process itself.
    fn in_child(&self, member: &Member) -> Vec<String> {
        let pid = member.pid();
        if pid == self.family.root.pid() { Vec::new() } else { vec![format!("child {pid}")] }
    }
}

/// By process and start.
type MappingLines = BTreeMap<(u32, u64), String>;

/// Mappings by how much they grew, as far as one can tell without asking which pages are resident.
fn offer_growth<'a>(best: &mut Best<'a>, member: &'a Member, after_ms: u64) {
    let mut mappings = member.mappings.iter().peekable();
    for &Survivor { key, first_seen_ms, first_amount } in member.seen_mappings.iter() {
        while mappings.next_if(|mapping| mapping.start < key.start).is_some() {}
        let Some(mapping) = mappings.peek().filter(|mapping| mapping.start == key.start) else {
            continue;
        };
        let to = mapping.bytes();
        let by = if first_seen_ms > after_ms { to } else { to.saturating_sub(first_amount) };
        if by == 0 {
            continue;
        }
        let resources: &[Resource] = match (key.kind, mapping.shared) {
            (MappingKind::Anonymous | MappingKind::Stack, false) => {
                &[Resource::AnonymousBytes, Resource::ResidentBytes, Resource::AddressSpaceBytes]
            }
            (MappingKind::Memfd | MappingKind::Anonymous, _) => {
                &[Resource::SharedBytes, Resource::ResidentBytes, Resource::AddressSpaceBytes]
            }
            _ => &[Resource::AddressSpaceBytes],
        };
        for resource in resources {
            let found = Found::Growth(member, key, by, to);
            best.offer(*resource, Candidate { rank: u64::MAX - by, first_seen_ms, found });
        }
    }
}

fn describe_fd(member: &Member, key: FdKey) -> Option<String> {
    let link = fd_link(member, key.fd)?;
    Some(match key.kind {
        FdKind::File | FdKind::DeletedFile | FdKind::Memfd => identity(key.object, &link),
        // These name their inode, or have none to themselves.
        _ => link,
    })
}

fn identity(object: ObjectId, name: &str) -> String {
    let (major, minor) = object.device_numbers();
    format!("inode {} on {major}:{minor}, {name}", object.ino)
}

fn fd_link(member: &Member, fd: i32) -> Option<String> {
    member.process.fd_link(fd).ok()
}
