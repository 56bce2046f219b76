//! Memory that the processes of a family share, counted once.
//!
//! The kernel counts a shared page as resident in each process that uses it, so the sum over a family
//! grows while its processes come to use what they share. The exact number (`Pss`) costs a walk over
//! every page table. This is a bound instead: all of them together have at most one page for each
//! that is mapped, and a page that several map counts once.

use std::collections::BTreeMap;

use leakbench_kernel::{Mapping, MappingKind};
use leakbench_model::{Footprint, ObjectId, Resource};
use rustix::fs::major;

/// Bytes that are mapped of each object that may be shared memory.
#[derive(Debug, Default)]
pub(super) struct SharedMemory {
    objects: BTreeMap<ObjectId, Mapped>,
    /// The mappings of a process could not be read.
    is_incomplete: bool,
}

/// Bytes of an object that one process maps: the most of all processes.
#[derive(Clone, Copy, Debug, Default)]
struct Mapped {
    all: u64,
    /// Those by which it sees writes of others.
    shared: u64,
}

impl SharedMemory {
    /// Adds the mappings of a process.
    pub(super) fn add(&mut self, mappings: &[Mapping]) {
        let mut own: BTreeMap<ObjectId, Mapped> = BTreeMap::new();
        for mapping in mappings {
            let Some(object) = mapping.object.filter(|object| may_be_memory(mapping, *object))
            else {
                continue;
            };
            let mapped = own.entry(object).or_default();
            mapped.all += mapping.bytes();
            if mapping.shared {
                mapped.shared += mapping.bytes();
            }
        }
        for (object, mapped) in own {
            let most = self.objects.entry(object).or_default();
            most.all = most.all.max(mapped.all);
            most.shared = most.shared.max(mapped.shared);
        }
    }

    /// Adds a process whose mappings are unknown.
    pub(super) fn add_unknown(&mut self) {
        self.is_incomplete = true;
    }

    /// Replaces sums over processes by amounts that count each page once.
    pub(super) fn correct(&self, amounts: &mut Footprint) {
        if self.is_incomplete {
            return;
        }
        let sum = |bytes: fn(&Mapped) -> u64| self.objects.values().map(bytes).sum::<u64>();
        amounts.set(Resource::SharedBytes, sum(|mapped| mapped.shared));
        let max = sum(|mapped| mapped.all);
        let Some(resident) = amounts.of(Resource::ShmemBytes).filter(|&resident| resident > max)
        else {
            return;
        };
        amounts.set(Resource::ShmemBytes, max);
        if let Some(total) = amounts.of(Resource::RssBytes) {
            amounts.set(Resource::RssBytes, total.saturating_sub(resident - max));
        }
    }
}

/// Only tmpfs, of which memfds and shared anonymous memory are files, has pages that count as shared
/// memory. Its devices have no driver, so their major number is 0.
fn may_be_memory(mapping: &Mapping, object: ObjectId) -> bool {
    mapping.shared || mapping.kind == MappingKind::Memfd || major(object.dev) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn mapping(ino: u64, mib: u64, shared: bool) -> Mapping {
        Mapping {
            start: ino << 32,
            end: (ino << 32) + mib * MIB,
            kind: MappingKind::File,
            object: Some(ObjectId { dev: 1, ino }),
            shared,
            writable: true,
            name_hash: 0,
        }
    }

    fn amounts(resident_mib: u64) -> Footprint {
        Footprint::from([
            (Resource::RssBytes, (50 + resident_mib) * MIB),
            (Resource::ShmemBytes, resident_mib * MIB),
            (Resource::SharedBytes, 999 * MIB),
        ])
    }

    #[test]
    fn what_two_processes_map_counts_once() {
        let mut shared = SharedMemory::default();
        shared.add(&[mapping(1, 100, true), mapping(2, 8, false)]);
        shared.add(&[mapping(1, 60, true), mapping(1, 60, true), mapping(3, 4, true)]);
        let mut few = amounts(90);
        shared.correct(&mut few);
        assert_eq!(few.of(Resource::ShmemBytes), Some(90 * MIB), "each may use a page of its own");
        assert_eq!(few.of(Resource::SharedBytes), Some(124 * MIB));
        let mut many = amounts(300);
        shared.correct(&mut many);
        assert_eq!(many.of(Resource::ShmemBytes), Some((120 + 8 + 4) * MIB));
        assert_eq!(many.of(Resource::RssBytes), Some((50 + 132) * MIB));
        // Without the mappings of one process there is no bound.
        shared.add_unknown();
        let mut unknown = amounts(300);
        shared.correct(&mut unknown);
        assert_eq!(unknown, amounts(300));
    }
}
