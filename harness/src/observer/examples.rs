//! Examples of growth: for each resource the objects that appeared after the warm-up and still exist.
//! Equal ones are one example with their number.

mod description;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use leakbench_model::{ObjectId, Resource};
use leakbench_recording::observation::{Example, Examples};

use super::lifetimes::{Lifetime, Lifetimes};
use super::observed_process::{FdKey, MappingKey, ObservedProcess, fd_resource, mapping_resource};
use super::pipe_peers::PipePeers;
use super::sampler::Sampler;
use leakbench_kernel::{FdKind, Mapping, MappingKind, Socket};

/// Samples whose objects count as the working set of the process, not as growth.
pub(super) const WARM_UP_SAMPLES: u64 = 3;

/// An object, with what is needed to describe it.
#[derive(Clone, Copy, Debug)]
enum Object<'a> {
    Fd(&'a ObservedProcess, FdKey),
    Mapping(&'a ObservedProcess, MappingKey),
    /// A mapping that grew by this many bytes to this size.
    Growth(&'a ObservedProcess, MappingKey, u64, u64),
    Memfd(ObjectId),
    Socket(ObjectId),
    /// A held file that grew by this many bytes.
    Held(ObjectId, u64),
    Thread(&'a ObservedProcess, u32),
    Child(u32),
    Zombie(u32),
    Segment(u64),
    Semaphores(u64),
    Queue(u64),
    /// An inotify descriptor that has more watches.
    Watches(&'a ObservedProcess, i32),
}

/// Equal objects: of one path, of one state and peer.
#[derive(Clone, Copy, Debug)]
struct Group<'a> {
    /// Groups of more weight are preferred: their objects, or bytes of growth.
    weight: u64,
    count: u64,
    /// Of the oldest.
    first_seen_ms: u64,
    /// The oldest.
    object: Object<'a>,
}

/// Groups by resource and by the hash of a key: what their objects have in common.
#[derive(Debug, Default)]
struct Groups<'a>(HashMap<(Resource, u64), Group<'a>>);

/// The best groups of each resource, in order.
type Best<'a> = BTreeMap<Resource, Vec<Group<'a>>>;

impl<'a> Groups<'a> {
    /// Adds an object to those with an equal key.
    fn add(
        &mut self,
        resource: Resource,
        group_key: impl Hash,
        weight: u64,
        first_seen_ms: u64,
        object: Object<'a>,
    ) {
        let mut hasher = DefaultHasher::new();
        group_key.hash(&mut hasher);
        let new = Group { weight: 0, count: 0, first_seen_ms, object };
        let group = self.0.entry((resource, hasher.finish())).or_insert(new);
        group.weight = group.weight.saturating_add(weight);
        group.count += 1;
        if first_seen_ms < group.first_seen_ms {
            (group.first_seen_ms, group.object) = (first_seen_ms, object);
        }
    }

    /// Adds the objects that appeared after `after_ms`, each with the key of its group.
    fn add_each<K: Ord + Copy, L: Hash>(
        &mut self,
        lifetimes: &Lifetimes<K>,
        after_ms: u64,
        mut object_of: impl FnMut(K) -> (Resource, L, Object<'a>),
    ) {
        for &Lifetime { key, first_seen_ms, .. } in lifetimes.iter() {
            if first_seen_ms > after_ms {
                let (resource, group_key, object) = object_of(key);
                self.add(resource, group_key, 1, first_seen_ms, object);
            }
        }
    }

    fn best(self) -> Best<'a> {
        let mut best = Best::new();
        for ((resource, _), group) in self.0 {
            best.entry(resource).or_default().push(group);
        }
        for groups in best.values_mut() {
            // The object's number decides between equal ones, since the map has no order.
            groups.sort_by_key(|group| {
                (u64::MAX - group.weight, group.first_seen_ms, group.object.number())
            });
            groups.truncate(Examples::OF_EACH_MAX);
        }
        best
    }
}

impl Object<'_> {
    /// A number by which equal groups are ordered.
    fn number(&self) -> u64 {
        match *self {
            Object::Fd(_, FdKey { fd, .. }) | Object::Watches(_, fd) => {
                u64::from(fd.unsigned_abs())
            }
            Object::Mapping(_, key) | Object::Growth(_, key, ..) => key.start,
            Object::Memfd(object) | Object::Socket(object) | Object::Held(object, _) => object.ino,
            Object::Thread(_, id) | Object::Child(id) | Object::Zombie(id) => u64::from(id),
            Object::Segment(id) | Object::Semaphores(id) | Object::Queue(id) => id,
        }
    }
}

impl Sampler {
    /// Examples at the last sample. For each resource these are objects of the last three quarters
    /// of the time, when the process has its working set; if there are none, objects that appeared
    /// after `warm_up_ms`. If all of a resource's objects went since the sample, as when the process has
    /// ended, its former examples stay.
    pub(super) fn examples(&mut self, at_ms: u64, warm_up_ms: u64) -> Examples {
        let is_new = |process: &ObservedProcess| {
            let mut fds = process.fd_lifetimes.iter();
            fds.any(|fd| fd.key.kind == FdKind::Socket && fd.first_seen_ms > warm_up_ms)
        };
        if self.tree.observed().any(is_new) {
            self.sockets.refresh(self.tree.observed());
        }
        // The examples borrow the rest of the sampler.
        let mut peers = std::mem::replace(&mut self.pipe_peers, PipePeers::new());
        let settled_ms = warm_up_ms.max(at_ms / 4);
        let mut best = self.best(settled_ms);
        if settled_ms > warm_up_ms {
            for (resource, groups) in self.best(warm_up_ms) {
                best.entry(resource).or_insert(groups);
            }
        }
        let pipes = best.values().flatten().filter_map(|group| match group.object {
            Object::Fd(_, key) if key.kind == FdKind::Pipe => Some(key.object.ino),
            _ => None,
        });
        let pipes: BTreeSet<u64> = pipes.collect();
        peers.search(&pipes, &self.tree);
        let lines = self.lines_of_mappings(&best);
        let mut objects: BTreeMap<Resource, Vec<Example>> = BTreeMap::new();
        for (resource, groups) in best {
            let examples = groups.into_iter().filter_map(|group| {
                let Group { count, first_seen_ms, .. } = group;
                let (what, holders) = self.describe(group, &lines, &peers)?;
                Some(Example { what, count, holders, first_seen_ms })
            });
            objects.insert(resource, examples.collect());
        }
        for (resource, examples) in objects.iter_mut().filter(|(_, examples)| examples.is_empty()) {
            *examples = self.former_examples.remove(resource).unwrap_or_default();
        }
        objects.retain(|_, examples| !examples.is_empty());
        self.former_examples.clone_from(&objects);
        self.pipe_peers = peers;
        Examples { at_ms, objects }
    }

    fn best(&self, after_ms: u64) -> Best<'_> {
        let mut groups = Groups::default();
        let mut memfd_names = HashMap::new();
        for process in self.tree.observed() {
            for entry in process.fds.iter().filter(|entry| entry.kind == FdKind::Memfd) {
                memfd_names.insert(entry.object, entry.name_hash);
            }
            self.add_fds(&mut groups, process, after_ms);
            add_mappings(&mut groups, process, after_ms, &mut memfd_names);
            self.add_watches(&mut groups, process, after_ms);
            groups.add_each(&process.thread_lifetimes, after_ms, |tid| {
                let name = process.process.thread_name(tid).unwrap_or_default();
                (Resource::Threads, (name, process.pid()), Object::Thread(process, tid))
            });
        }
        groups.add_each(&self.memfd_lifetimes, after_ms, |memfd| {
            (Resource::Memfds, memfd_names.get(&memfd).copied(), Object::Memfd(memfd))
        });
        for &Lifetime { key, first_seen_ms, first_amount } in self.in_flight_lifetimes.iter() {
            // All of them may be in one old socket: what counts is the increase.
            let before = if first_seen_ms > after_ms { 0 } else { first_amount };
            let waiting = self.in_flight.get(&key).map_or(0, |found| found.waiting);
            if waiting > before {
                let more = waiting - before;
                groups.add(Resource::FdsInFlight, key, more, first_seen_ms, Object::Socket(key));
            }
        }
        for &Lifetime { key, first_seen_ms, first_amount } in self.held_bytes.lifetimes.iter() {
            let Some(file) = self.held_bytes.get(key) else { continue };
            let before = if first_seen_ms > after_ms { 0 } else { first_amount };
            if file.bytes > before {
                let more = file.bytes - before;
                let object = Object::Held(key, more);
                groups.add(file.resource, file.name_hash, more, first_seen_ms, object);
            }
        }
        groups.add_each(&self.sysv.segments.lifetimes, after_ms, |id| {
            let segment = self.sysv.segments.get(id);
            let group_key = segment.map(|segment| (segment.bytes, segment.attached));
            (Resource::SysvSegments, group_key, Object::Segment(id))
        });
        groups.add_each(&self.sysv.semaphores.lifetimes, after_ms, |id| {
            let group_key = self.sysv.semaphores.get(id).map(|set| set.semaphores);
            (Resource::SysvSemaphores, group_key, Object::Semaphores(id))
        });
        groups.add_each(&self.sysv.queues.lifetimes, after_ms, |id| {
            let group_key = self.sysv.queues.get(id).map(|queue| (queue.messages, queue.bytes));
            (Resource::SysvQueues, group_key, Object::Queue(id))
        });
        let zombies: HashMap<u32, _> = self.tree.zombies().map(|it| (it.pid, it)).collect();
        groups.add_each(&self.zombie_lifetimes, after_ms, |(pid, _)| {
            let group_key = zombies.get(&pid).map(|zombie| (&zombie.name, zombie.parent));
            (Resource::Zombies, group_key, Object::Zombie(pid))
        });
        groups.add_each(&self.child_lifetimes, after_ms, |(pid, _)| {
            let child = self.tree.descendants.get(&pid);
            (Resource::Children, child.map(command_line), Object::Child(pid))
        });
        groups.best()
    }

    fn add_watches<'a>(
        &self,
        groups: &mut Groups<'a>,
        process: &'a ObservedProcess,
        after_ms: u64,
    ) {
        for &Lifetime { key, first_seen_ms, first_amount } in self.watches.lifetimes.iter() {
            let (pid, fd) = key;
            let count = self.watches.get(key).map_or(0, |watches| watches.count);
            let before = if first_seen_ms > after_ms { 0 } else { first_amount };
            if pid == process.pid() && count > before {
                let more = count - before;
                let object = Object::Watches(process, fd);
                groups.add(Resource::InotifyWatches, key, more, first_seen_ms, object);
            }
        }
    }

    fn add_fds<'a>(&'a self, groups: &mut Groups<'a>, process: &'a ObservedProcess, after_ms: u64) {
        let mut entries = process.fds.iter().peekable();
        for &Lifetime { key, first_seen_ms, .. } in process.fd_lifetimes.iter() {
            while entries.next_if(|entry| entry.fd < key.fd).is_some() {}
            if first_seen_ms <= after_ms {
                continue;
            }
            let name = entries.peek().filter(|entry| entry.fd == key.fd);
            let name = name.map(|entry| entry.name_hash).filter(|_| has_name(key.kind));
            let socket = match key.kind {
                FdKind::Socket => self.sockets.get(key.object.ino).map(Socket::kind),
                _ => None,
            };
            let group_key = (key.kind, name, socket);
            groups.add(
                fd_resource(key.kind),
                group_key,
                1,
                first_seen_ms,
                Object::Fd(process, key),
            );
        }
    }
}

/// True if the link of a descriptor names its object. Other links number it or name the kind.
fn has_name(kind: FdKind) -> bool {
    matches!(
        kind,
        FdKind::File | FdKind::DeletedFile | FdKind::Memfd | FdKind::MessageQueue | FdKind::Other
    )
}

/// The command line of a process, or its name.
fn command_line(process: &ObservedProcess) -> String {
    match process.process.command_line() {
        Ok(words) if !words.is_empty() => words.join(" "),
        _ => process.name.clone(),
    }
}

/// Adds new mappings, and those that grew by the growth of their size; the resident part of it is
/// unknown.
fn add_mappings<'a>(
    groups: &mut Groups<'a>,
    process: &'a ObservedProcess,
    after_ms: u64,
    memfd_names: &mut HashMap<ObjectId, u64>,
) {
    let mut mappings = process.mappings.iter().peekable();
    for &Lifetime { key, first_seen_ms, first_amount } in process.mapping_lifetimes.iter() {
        while mappings.next_if(|mapping| mapping.start < key.start).is_some() {}
        let Some(&&mapping) = mappings.peek().filter(|mapping| mapping.start == key.start) else {
            continue;
        };
        if let (MappingKind::Memfd, Some(memfd)) = (key.kind, mapping.object) {
            memfd_names.entry(memfd).or_insert(mapping.name_hash);
        }
        let is_new = first_seen_ms > after_ms;
        if let (Some(resource), true) = (mapping_resource(key.kind), is_new) {
            let Mapping { kind, shared, writable, name_hash, .. } = mapping;
            let group_key = (kind, shared, writable, name_hash, mapping.bytes());
            groups.add(resource, group_key, 1, first_seen_ms, Object::Mapping(process, key));
        }
        let to = mapping.bytes();
        let by = if is_new { to } else { to.saturating_sub(first_amount) };
        if by == 0 {
            continue;
        }
        let resources: &[Resource] = match (key.kind, mapping.shared) {
            (MappingKind::Anonymous | MappingKind::Stack, false) => {
                &[Resource::AnonymousBytes, Resource::RssBytes, Resource::AddressSpaceBytes]
            }
            (MappingKind::Memfd | MappingKind::Anonymous, _) => {
                &[Resource::ShmemBytes, Resource::RssBytes, Resource::AddressSpaceBytes]
            }
            _ => &[Resource::AddressSpaceBytes],
        };
        for &resource in resources {
            let object = Object::Growth(process, key, by, to);
            groups.add(resource, (process.pid(), key.start), by, first_seen_ms, object);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    use leakbench_kernel::Process;
    use leakbench_recording::observation::Scope;
    use proptest::prelude::*;

    use super::super::remarks::Remarks;
    use super::*;

    #[test]
    fn examples_stay_when_their_process_has_ended() {
        let mut command = Command::new("sh");
        command.args(["-c", "read x; exec 7</dev/null; echo; read x"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sh");
        let mut input = child.stdin.take().expect("a pipe");
        let mut output = child.stdout.take().expect("a pipe");
        let process = Process::open(child.id()).expect("it runs");
        let stat = process.stat().expect("it runs");
        let mut sampler = Sampler::new(ObservedProcess::new(process, &stat), Scope::Alone);
        let mut remarks = Remarks::default();
        sampler.sample(0, &mut remarks).expect("it runs");
        input.write_all(b"\n").expect("it reads");
        output.read_exact(&mut [0]).expect("it has opened the file");
        sampler.sample(1_000, &mut remarks).expect("it runs");
        let before = sampler.examples(1_000, 0);
        let files = before.objects.get(&Resource::FileFds).expect("an example");
        assert!(files.iter().any(|file| file.what.contains("/dev/null")), "{files:?}");
        drop(input);
        child.wait().expect("it ends");
        assert_eq!(sampler.examples(1_000, 0), before);
    }

    proptest! {
        /// Each object counts in one group, and the heaviest groups are kept.
        #[test]
        fn equal_objects_are_one_example(
            objects in prop::collection::vec((0u8..9, 1u64..5, 0u64..50), 0..60)
        ) {
            let mut groups = Groups::default();
            let mut model: BTreeMap<u8, (u64, u64, u64)> = BTreeMap::new();
            for (id, &(group_key, weight, first_seen_ms)) in (0..).zip(&objects) {
                let object = Object::Segment(id);
                groups.add(Resource::SysvSegments, group_key, weight, first_seen_ms, object);
                let of_key = model.entry(group_key).or_insert((0, 0, first_seen_ms));
                of_key.0 += weight;
                of_key.1 += 1;
                of_key.2 = of_key.2.min(first_seen_ms);
            }
            let mut expected: Vec<_> = model.into_values().collect();
            expected.sort_by_key(|&(weight, _, first_seen_ms)| (u64::MAX - weight, first_seen_ms));
            expected.truncate(Examples::OF_EACH_MAX);
            let found = groups.best().remove(&Resource::SysvSegments).unwrap_or_default();
            let weights = |group: &Group<'_>| (group.weight, group.first_seen_ms);
            let found: Vec<_> = found.iter().map(weights).collect();
            let expected: Vec<_> = expected.into_iter().map(|(weight, _, ms)| (weight, ms)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
