//! The kind of a mapping, from its line in `maps`.

use leakbench_model::ObjectId;

use super::text::Line;
use crate::memfd_devices::MemfdDevices;
use crate::object;

leakbench_model::names! {
    /// The kind of a mapping, by the object behind it and its permissions. Each mapping is of one
    /// kind.
    #[derive(PartialOrd, Ord)]
    MappingKind ("kind of mapping") {
        /// A memfd, with any permissions.
        Memfd = "memfd",
        /// A file with a name or without, not executable.
        File = "file",
        /// Memory without a file, or shared memory without a descriptor (shared anonymous, System V);
        /// neither executable nor reserved.
        Anonymous = "anonymous",
        /// Executable, with or without a file.
        Executable = "executable",
        /// As [`Anonymous`](Self::Anonymous), but without permissions (`PROT_NONE`).
        Reserved = "reserved",
        /// The main thread's stack, which the kernel marks.
        Stack = "stack",
        /// The kernel's own mapping in every process: `[vdso]`, `[vvar]`.
        Kernel = "kernel",
    }
}

/// One mapping of a process, of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The first address.
    pub start: u64,
    /// The address after the last.
    pub end: u64,
    /// Its kind.
    pub kind: MappingKind,
    /// The file behind it, if there is one.
    pub object: Option<ObjectId>,
    /// Writes are visible to other mappings of the same object.
    pub shared: bool,
    /// The process may write to it.
    pub writable: bool,
    /// A hash of its name in `maps`: equal for mappings with the same name or without one.
    pub name_hash: u64,
}

impl Mapping {
    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// From a line of `maps`; `None` for `[vsyscall]`, which x86 prints and which is no mapping of the
    /// process: it does not count against `vm.max_map_count`.
    pub(super) fn of_line(line: &Line<'_>, devices: &MemfdDevices) -> Option<Mapping> {
        let object = object::is_file(line.object).then_some(line.object);
        let [read, write, execute, share] = line.permissions;
        let kind = match line.name {
            b"[vsyscall]" => return None,
            b"[stack]" => MappingKind::Stack,
            name if object.is_none() && name.starts_with(b"[v") => MappingKind::Kernel,
            b"[uprobes]" => MappingKind::Kernel,
            name if devices.is_memfd(line.object.dev, name) => MappingKind::Memfd,
            _ if execute == b'x' => MappingKind::Executable,
            // Shared anonymous memory and System V segments are on the device of memfds.
            _ if object.is_some() && !devices.contains(line.object.dev) => MappingKind::File,
            _ if (read, write) == (b'-', b'-') => MappingKind::Reserved,
            _ => MappingKind::Anonymous,
        };
        Some(Mapping {
            start: line.start,
            end: line.end,
            kind,
            object,
            shared: share == b's',
            writable: write == b'w',
            name_hash: object::name_hash(line.name),
        })
    }
}
