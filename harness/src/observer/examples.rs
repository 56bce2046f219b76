//! Examples of growth: for each resource the oldest objects that appeared after the warm-up and
//! still exist.

mod description;

use std::collections::BTreeMap;

use leakbench_model::{ObjectId, Resource};
use leakbench_recording::observation::{Example, Examples};

use super::lifetimes::{Lifetime, Lifetimes};
use super::observed_process::{FdKey, MappingKey, ObservedProcess, fd_resource, mapping_resource};
use super::sampler::Sampler;
use leakbench_kernel::MappingKind;

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
    Thread(&'a ObservedProcess, u32),
    Child(u32),
    Zombie(u32),
    Segment(u64),
}

/// An object that may become an example.
#[derive(Clone, Copy, Debug)]
struct Candidate<'a> {
    /// Candidates of lower rank are preferred.
    rank: u64,
    first_seen_ms: u64,
    object: Object<'a>,
}

/// The best candidates of each resource, in order of rank.
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
        lifetimes: &Lifetimes<K>,
        after_ms: u64,
        mut object_of: impl FnMut(K) -> (Option<Resource>, Object<'a>),
    ) {
        for &Lifetime { key, first_seen_ms, .. } in lifetimes.iter() {
            if first_seen_ms <= after_ms {
                continue;
            }
            if let (Some(resource), object) = object_of(key) {
                self.offer(resource, Candidate { rank: first_seen_ms, first_seen_ms, object });
            }
        }
    }
}

impl Sampler {
    /// Examples at the last sample. For each resource these are objects of the last three quarters
    /// of the time, when the process has its working set; if there are none, objects that appeared
    /// after `warm_up_ms`.
    pub(super) fn examples(&self, at_ms: u64, warm_up_ms: u64) -> Examples {
        let settled_ms = warm_up_ms.max(at_ms / 4);
        let mut best = self.best(settled_ms);
        if settled_ms > warm_up_ms {
            for (resource, candidates) in self.best(warm_up_ms).0 {
                best.0.entry(resource).or_insert(candidates);
            }
        }
        let lines = self.lines_of_mappings(&best);
        let mut objects: BTreeMap<Resource, Vec<Example>> = BTreeMap::new();
        for (resource, candidates) in best.0 {
            let examples = candidates.into_iter().filter_map(|candidate| {
                let (what, holders) = self.describe(candidate.object, &lines)?;
                Some(Example { what, holders, first_seen_ms: candidate.first_seen_ms })
            });
            objects.insert(resource, examples.collect());
        }
        objects.retain(|_, examples| !examples.is_empty());
        Examples { at_ms, objects }
    }

    fn best(&self, after_ms: u64) -> Best<'_> {
        let mut best = Best::default();
        for process in self.tree.observed() {
            best.offer_each(&process.fd_lifetimes, after_ms, |key| {
                (Some(fd_resource(key.kind)), Object::Fd(process, key))
            });
            best.offer_each(&process.mapping_lifetimes, after_ms, |key| {
                (mapping_resource(key.kind), Object::Mapping(process, key))
            });
            best.offer_each(&process.thread_lifetimes, after_ms, |tid| {
                (Some(Resource::Threads), Object::Thread(process, tid))
            });
            offer_growth(&mut best, process, after_ms);
        }
        best.offer_each(&self.memfd_lifetimes, after_ms, |memfd| {
            (Some(Resource::Memfds), Object::Memfd(memfd))
        });
        for &Lifetime { key, first_seen_ms, first_amount } in self.in_flight_lifetimes.iter() {
            // All of them may be in one old socket: what counts is the increase.
            let before = if first_seen_ms > after_ms { 0 } else { first_amount };
            let waiting = self.in_flight.get(&key).map_or(0, |found| found.waiting);
            if waiting > before {
                let rank = u64::MAX - (waiting - before);
                let object = Object::Socket(key);
                best.offer(Resource::FdsInFlight, Candidate { rank, first_seen_ms, object });
            }
        }
        best.offer_each(&self.segment_lifetimes, after_ms, |id| {
            (Some(Resource::SysvSegments), Object::Segment(id))
        });
        best.offer_each(&self.zombie_lifetimes, after_ms, |(pid, _)| {
            (Some(Resource::Zombies), Object::Zombie(pid))
        });
        best.offer_each(&self.child_lifetimes, after_ms, |(pid, _)| {
            (Some(Resource::Children), Object::Child(pid))
        });
        best
    }
}

/// Offers mappings by the growth of their size; the resident part of it is unknown.
fn offer_growth<'a>(best: &mut Best<'a>, process: &'a ObservedProcess, after_ms: u64) {
    let mut mappings = process.mappings.iter().peekable();
    for &Lifetime { key, first_seen_ms, first_amount } in process.mapping_lifetimes.iter() {
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
                &[Resource::AnonymousBytes, Resource::RssBytes, Resource::AddressSpaceBytes]
            }
            (MappingKind::Memfd | MappingKind::Anonymous, _) => {
                &[Resource::ShmemBytes, Resource::RssBytes, Resource::AddressSpaceBytes]
            }
            _ => &[Resource::AddressSpaceBytes],
        };
        for resource in resources {
            let object = Object::Growth(process, key, by, to);
            best.offer(*resource, Candidate { rank: u64::MAX - by, first_seen_ms, object });
        }
    }
}
