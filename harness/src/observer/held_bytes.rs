//! Bytes of files that exist only as long as a descriptor holds them: deleted files, memfds that no
//! process maps, and files in memory.

use std::collections::{BTreeMap, HashMap};

use leakbench_kernel::{FdEntry, FdKind};
use leakbench_model::{Footprint, ObjectId, Resource};

use super::lifetimes::Lifetimes;
use super::observed_process::ObservedProcess;

/// The files that are held open, as of the last sample.
#[derive(Debug)]
pub(super) struct HeldBytes {
    found: BTreeMap<ObjectId, HeldFile>,
    /// Amounts are bytes.
    pub(super) lifetimes: Lifetimes<ObjectId>,
    /// By device: true for a file system in memory.
    is_tmpfs: HashMap<u64, bool>,
}

/// A file, and a descriptor that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeldFile {
    pub(super) resource: Resource,
    pub(super) bytes: u64,
    pub(super) name_hash: u64,
    pub(super) pid: u32,
    pub(super) fd: i32,
}

const RESOURCES: [Resource; 3] =
    [Resource::DeletedBytes, Resource::UnmappedMemfdBytes, Resource::TmpfsBytes];

impl HeldBytes {
    pub(super) fn new() -> HeldBytes {
        HeldBytes {
            found: BTreeMap::new(),
            lifetimes: Lifetimes::new(),
            is_tmpfs: HashMap::new(),
        }
    }

    /// Adds up the files of these processes, each once.
    pub(super) fn count<'a>(
        &mut self,
        at_ms: u64,
        processes: impl Iterator<Item = &'a ObservedProcess> + Clone,
    ) -> Footprint {
        self.found.clear();
        for process in processes.clone() {
            for entry in &process.fds {
                if let Some(resource) = self.resource_of(process, entry) {
                    let &FdEntry { fd, bytes, name_hash, .. } = entry;
                    let file = HeldFile { resource, bytes, name_hash, pid: process.pid(), fd };
                    self.found.entry(entry.object).or_insert(file);
                }
            }
        }
        // Mapped memory is shared memory, of which the touched part is resident.
        if self.found.keys().any(|object| self.is_in_memory(*object)) {
            for process in processes {
                for object in process.mappings.iter().filter_map(|mapping| mapping.object) {
                    if self.is_in_memory(object) {
                        self.found.remove(&object);
                    }
                }
            }
        }
        self.lifetimes.update(at_ms, self.found.iter().map(|(&object, file)| (object, file.bytes)));
        let mut amounts: Footprint = RESOURCES.into_iter().map(|resource| (resource, 0)).collect();
        self.found.values().for_each(|file| amounts.add(file.resource, file.bytes));
        amounts
    }

    fn resource_of(&mut self, process: &ObservedProcess, entry: &FdEntry) -> Option<Resource> {
        match entry.kind {
            FdKind::Memfd => {
                // As those of a tmpfs.
                self.is_tmpfs.insert(entry.object.dev, true);
                Some(Resource::UnmappedMemfdBytes)
            }
            FdKind::DeletedFile => {
                self.learn(process, entry.object.dev);
                Some(Resource::DeletedBytes)
            }
            // Most files have blocks, but devices and folders of a tmpfs have none.
            FdKind::File if entry.bytes > 0 => {
                self.learn(process, entry.object.dev);
                self.is_in_memory(entry.object).then_some(Resource::TmpfsBytes)
            }
            _ => None,
        }
    }

    fn is_in_memory(&self, object: ObjectId) -> bool {
        self.is_tmpfs.get(&object.dev).copied().unwrap_or(false)
    }

    /// Finds out if files of a device are in memory.
    fn learn(&mut self, process: &ObservedProcess, dev: u64) {
        if self.is_tmpfs.contains_key(&dev) {
            return;
        }
        let mounts = process.process.mounts().unwrap_or_default();
        self.is_tmpfs.extend(mounts.into_iter().map(|mount| (mount.dev, mount.is_tmpfs)));
        // Mounted elsewhere, or not any more.
        self.is_tmpfs.entry(dev).or_insert(false);
    }

    /// A file that the last sample counted.
    pub(super) fn get(&self, object: ObjectId) -> Option<&HeldFile> {
        self.found.get(&object)
    }
}
