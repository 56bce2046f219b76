//! Bytes that only descriptors hold or give access to: those of deleted files and of POSIX message
//! queues, and those of memfds and of files in memory that no mapping covers.

use std::collections::{BTreeMap, HashMap};

use leakbench_kernel::{FdEntry, FdKind, Mount};
use leakbench_model::{Footprint, ObjectId, Resource};

use super::lifetimes::Lifetimes;
use super::observed_process::ObservedProcess;

/// The files that are held open, as of the last sample.
#[derive(Debug)]
pub(super) struct HeldBytes {
    found: BTreeMap<ObjectId, HeldFile>,
    /// Amounts are bytes.
    pub(super) lifetimes: Lifetimes<ObjectId>,
    /// By device.
    file_systems: HashMap<u64, FileSystem>,
    /// Bytes of each message queue, which do not change; 0 if they cannot be read.
    queues: HashMap<ObjectId, u64>,
}

/// A file system that has held files.
#[derive(Clone, Debug, Default)]
struct FileSystem {
    /// Its files are in memory.
    is_tmpfs: bool,
    /// The folder where it is mounted; `None` if it is not.
    point: Option<String>,
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

const RESOURCES: [Resource; 4] = [
    Resource::DeletedBytes,
    Resource::UnmappedMemfdBytes,
    Resource::TmpfsBytes,
    Resource::PosixQueueBytes,
];

impl HeldBytes {
    pub(super) fn new() -> HeldBytes {
        HeldBytes {
            found: BTreeMap::new(),
            lifetimes: Lifetimes::new(),
            file_systems: HashMap::new(),
            queues: HashMap::new(),
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
                    let &FdEntry { fd, name_hash, .. } = entry;
                    let bytes = match entry.kind {
                        FdKind::MessageQueue => self.bytes_of_queue(process, entry),
                        _ => entry.bytes,
                    };
                    let file = HeldFile { resource, bytes, name_hash, pid: process.pid(), fd };
                    self.found.entry(entry.object).or_insert(file);
                }
            }
        }
        if self.found.keys().any(|object| self.is_in_memory(*object)) {
            self.subtract_mapped(processes);
        }
        self.queues.retain(|queue, _| self.found.contains_key(queue));
        self.lifetimes.update(at_ms, self.found.iter().map(|(&object, file)| (object, file.bytes)));
        let mut amounts: Footprint = RESOURCES.into_iter().map(|resource| (resource, 0)).collect();
        self.found.values().for_each(|file| amounts.add(file.resource, file.bytes));
        amounts
    }

    /// Leaves what no mapping covers of files in memory. The rest is shared memory, of which the touched
    /// part is resident.
    fn subtract_mapped<'a>(&mut self, processes: impl Iterator<Item = &'a ObservedProcess>) {
        // The most that one process has of each.
        let mut most: HashMap<ObjectId, u64> = HashMap::new();
        for process in processes {
            let mut mapped: HashMap<ObjectId, u64> = HashMap::new();
            for mapping in &process.mappings {
                if let Some(object) = mapping.object.filter(|&object| self.is_in_memory(object)) {
                    *mapped.entry(object).or_default() += mapping.bytes();
                }
            }
            for (object, bytes) in mapped {
                let most = most.entry(object).or_default();
                *most = bytes.max(*most);
            }
        }
        self.found.retain(|object, file| {
            let covered = most.get(object).copied().unwrap_or(0);
            file.bytes = file.bytes.saturating_sub(covered);
            covered == 0 || file.bytes > 0
        });
    }

    fn resource_of(&mut self, process: &ObservedProcess, entry: &FdEntry) -> Option<Resource> {
        match entry.kind {
            FdKind::Memfd => {
                // As those of a tmpfs.
                let file_system = self.file_systems.entry(entry.object.dev).or_default();
                file_system.is_tmpfs = true;
                Some(Resource::UnmappedMemfdBytes)
            }
            FdKind::DeletedFile => {
                self.learn(process, entry.object.dev);
                Some(Resource::DeletedBytes)
            }
            FdKind::MessageQueue => Some(Resource::PosixQueueBytes),
            // Most files have blocks, but devices and folders of a tmpfs have none.
            FdKind::File if entry.bytes > 0 => {
                self.learn(process, entry.object.dev);
                self.is_in_memory(entry.object).then_some(Resource::TmpfsBytes)
            }
            _ => None,
        }
    }

    fn bytes_of_queue(&mut self, process: &ObservedProcess, entry: &FdEntry) -> u64 {
        let read = || process.process.posix_queue_bytes(entry.fd).unwrap_or(0);
        *self.queues.entry(entry.object).or_insert_with(read)
    }

    fn is_in_memory(&self, object: ObjectId) -> bool {
        self.file_systems.get(&object.dev).is_some_and(|file_system| file_system.is_tmpfs)
    }

    /// Finds out if files of a device are in memory.
    fn learn(&mut self, process: &ObservedProcess, dev: u64) {
        if self.file_systems.contains_key(&dev) {
            return;
        }
        for Mount { dev, point, is_tmpfs } in process.process.mounts().unwrap_or_default() {
            let known = self.file_systems.entry(dev).or_default();
            *known = FileSystem { is_tmpfs, point: Some(point) };
        }
        // It may be mounted elsewhere, or not any more.
        self.file_systems.entry(dev).or_default();
    }

    /// The mounted file system that has most bytes of a resource: a descriptor of one of its files, and
    /// its folder.
    pub(super) fn file_system(&self, resource: Resource) -> Option<(&HeldFile, &str)> {
        let mut by_device: BTreeMap<u64, (u64, &HeldFile)> = BTreeMap::new();
        for (object, file) in self.found.iter().filter(|(_, file)| file.resource == resource) {
            by_device.entry(object.dev).or_insert((0, file)).0 += file.bytes;
        }
        let (dev, (_, file)) = by_device.into_iter().max_by_key(|(_, (bytes, _))| *bytes)?;
        Some((file, self.file_systems.get(&dev)?.point.as_deref()?))
    }

    /// A file that the last sample counted.
    pub(super) fn get(&self, object: ObjectId) -> Option<&HeldFile> {
        self.found.get(&object)
    }
}
