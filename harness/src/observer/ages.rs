//! Numbers of objects by age at past samples, from which the judge sees what grows old below the
//! traffic of a server.

use std::collections::BTreeMap;

use leakbench_model::Resource;
use leakbench_recording::observation::{AGE_MAX, OldObjects};

use super::lifetimes::{Lifetime, Lifetimes};
use super::observed_process::{fd_resource, mapping_resource};
use super::sampler::Sampler;

/// Snapshots that are kept. When there are more, every second one is removed.
const SNAPSHOTS_MAX: usize = 256;
/// Ages in ms double with each second bin, from this one.
const AGE_FIRST_MS: f64 = 100.0;
/// The last bin begins at 29 hours.
const BINS: usize = 41;

/// The objects of one resource by age: those of each bin.
type ByAge = [u32; BINS];

/// The objects of a sample by age.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    at_ms: u64,
    counts: BTreeMap<Resource, ByAge>,
}

impl Snapshot {
    pub(super) fn at(at_ms: u64) -> Snapshot {
        Snapshot { at_ms, counts: BTreeMap::new() }
    }

    /// Adds an object that was first seen then, to each of its resources.
    fn add(&mut self, resources: impl IntoIterator<Item = Resource>, first_seen_ms: u64) {
        let age_ms = self.at_ms.saturating_sub(first_seen_ms) as f64;
        let bin = (2.0 * (age_ms / AGE_FIRST_MS).log2()).floor() + 1.0;
        // A younger object has a negative or infinite logarithm: the first bin.
        let bin = (bin.max(0.0) as usize).min(BINS - 1);
        for resource in resources {
            self.counts.entry(resource).or_insert([0; BINS])[bin] += 1;
        }
    }

    fn add_all<K: Ord + Copy>(&mut self, resource: Resource, lifetimes: &Lifetimes<K>) {
        lifetimes.iter().for_each(|it| self.add([resource], it.first_seen_ms));
    }

    /// The objects of a resource from a bin on.
    fn of_bins_since(&self, resource: Resource, bin: usize) -> u64 {
        let counts = self.counts.get(&resource);
        counts.map_or(0, |by_age| by_age[bin..].iter().copied().map(u64::from).sum())
    }
}

/// The age in ms at which a bin begins.
fn bin_begin_ms(bin: usize) -> f64 {
    match bin {
        0 => 0.0,
        _ => AGE_FIRST_MS * ((bin - 1) as f64 / 2.0).exp2(),
    }
}

/// Snapshots of the whole observation, evenly spaced in time.
#[derive(Debug, Default)]
pub(super) struct Ages {
    snapshots: Vec<Snapshot>,
    /// Minimum time between two snapshots.
    spacing_ms: u64,
}

impl Ages {
    /// True if a snapshot of a sample at this time will be kept.
    pub(super) fn wants(&self, at_ms: u64) -> bool {
        self.snapshots.last().is_none_or(|last| at_ms >= last.at_ms + self.spacing_ms)
    }

    pub(super) fn add(&mut self, snapshot: Snapshot) {
        self.snapshots.push(snapshot);
        let (Some(first), Some(last)) = (self.snapshots.first(), self.snapshots.last()) else {
            return;
        };
        if self.snapshots.len() > SNAPSHOTS_MAX {
            self.spacing_ms = (last.at_ms - first.at_ms) / (SNAPSHOTS_MAX as u64 / 2);
            let mut next_ms = 0;
            let spacing_ms = self.spacing_ms;
            self.snapshots.retain(|snapshot| {
                let is_kept = snapshot.at_ms >= next_ms;
                if is_kept {
                    next_ms = snapshot.at_ms + spacing_ms;
                }
                is_kept
            });
        }
    }

    /// The numbers of old objects so far; `None` if the observation is too short for any age.
    pub(super) fn old_objects(&self) -> Option<OldObjects> {
        let (first, last) = (self.snapshots.first()?, self.snapshots.last()?);
        let age_max = (last.at_ms - first.at_ms) as f64 * AGE_MAX;
        let bin = (1..BINS).rfind(|&bin| bin_begin_ms(bin) <= age_max)?;
        let age_ms = bin_begin_ms(bin).ceil() as u64;
        // Of a snapshot before, nothing is known to be so old.
        let settled = self.snapshots.partition_point(|it| it.at_ms < first.at_ms + age_ms);
        let settled = &self.snapshots[settled..];
        let mut old_objects = OldObjects {
            at_ms: last.at_ms,
            age_ms,
            times_ms: settled.iter().map(|snapshot| snapshot.at_ms).collect(),
            ..OldObjects::default()
        };
        for &resource in last.counts.keys() {
            let counts: Vec<u64> =
                settled.iter().map(|snapshot| snapshot.of_bins_since(resource, bin)).collect();
            if counts.iter().any(|&count| count != counts[0]) {
                let young = last.of_bins_since(resource, 0) - last.of_bins_since(resource, bin);
                old_objects.young.insert(resource, young);
                old_objects.counts.insert(resource, counts);
            }
        }
        Some(old_objects)
    }
}

impl Sampler {
    /// The objects of the last sample by age.
    pub(super) fn snapshot(&self, at_ms: u64) -> Snapshot {
        let mut snapshot = Snapshot::at(at_ms);
        for process in self.tree.observed() {
            for Lifetime { key, first_seen_ms, .. } in process.fd_lifetimes.iter() {
                snapshot.add([Resource::Fds, fd_resource(key.kind)], *first_seen_ms);
            }
            for Lifetime { key, first_seen_ms, .. } in process.mapping_lifetimes.iter() {
                let resources = [Some(Resource::Mappings), mapping_resource(key.kind)];
                snapshot.add(resources.into_iter().flatten(), *first_seen_ms);
            }
            snapshot.add_all(Resource::Threads, &process.thread_lifetimes);
        }
        snapshot.add_all(Resource::Memfds, &self.memfd_lifetimes);
        snapshot.add_all(Resource::SysvSegments, &self.sysv.segments.lifetimes);
        snapshot.add_all(Resource::SysvSemaphores, &self.sysv.semaphores.lifetimes);
        snapshot.add_all(Resource::SysvQueues, &self.sysv.queues.lifetimes);
        snapshot.add_all(Resource::Zombies, &self.zombie_lifetimes);
        snapshot.add_all(Resource::Children, &self.child_lifetimes);
        snapshot
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bins_double_with_each_second_one() {
        assert_eq!([0, 1, 3, 5].map(bin_begin_ms), [0.0, 100.0, 200.0, 400.0]);
    }

    proptest! {
        /// Against objects whose times are known.
        #[test]
        fn old_objects_are_counted_at_each_time(
            objects in prop::collection::vec((0_u64..60_000, 0_u64..60_000), 0..40),
            interval_ms in 25_u64..2_000,
        ) {
            let mut ages = Ages::default();
            let lives = |&(from, stays): &(u64, u64), at_ms: u64| from <= at_ms && at_ms < from + stays;
            for at_ms in (0..60_000).step_by(interval_ms as usize) {
                if !ages.wants(at_ms) {
                    continue;
                }
                let mut snapshot = Snapshot::at(at_ms);
                for object in objects.iter().filter(|object| lives(object, at_ms)) {
                    snapshot.add([Resource::SocketFds], object.0);
                }
                ages.add(snapshot);
            }
            let old_objects = ages.old_objects().expect("a minute");
            prop_assert!(old_objects.times_ms.len() <= SNAPSHOTS_MAX);
            prop_assert!(old_objects.times_ms.len() * 2_000 >= 45_000, "{:?}", old_objects.times_ms.len());
            prop_assert!(old_objects.age_ms > 5_000 && old_objects.age_ms <= 10_000);
            let old = |at_ms: u64| {
                let is_old = |object: &&(u64, u64)| {
                    lives(object, at_ms) && at_ms - object.0 >= old_objects.age_ms
                };
                objects.iter().filter(is_old).count() as u64
            };
            let expected: Vec<u64> = old_objects.times_ms.iter().map(|&at_ms| old(at_ms)).collect();
            // A series is kept if it varies and an object exists at the end.
            let varies = expected.iter().any(|&count| count != expected[0]);
            let exists = objects.iter().any(|object| lives(object, old_objects.at_ms));
            let expected = (varies && exists).then_some(&expected);
            prop_assert_eq!(old_objects.counts.get(&Resource::SocketFds), expected);
        }
    }
}
