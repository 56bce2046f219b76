//! What a mapping is, from its line in `maps`.

use super::text::Line;
use crate::memfd_devices::MemfdDevices;
use crate::object::ObjectId;

/// What a mapping is, by what is behind it and by what it allows. Each mapping is of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MappingKind {
    /// A memfd, whatever it allows.
    Memfd,
    /// A file with a name or without, not executable.
    File,
    /// Memory without a file, or shared memory that no descriptor leads to (shared anonymous,
    /// System V); neither executable nor reserved.
    Anonymous,
    /// Executable, of a file or not.
    Executable,
    /// The same as [`Anonymous`](Self::Anonymous), but allowing nothing (`PROT_NONE`).
    Reserved,
    /// The main thread's stack, the one that the kernel knows as such.
    Stack,
    /// What the kernel maps into every process: `[vdso]`, `[vvar]`.
    Kernel,
}

/// One mapping of a process, of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The first address.
    pub start: u64,
    /// The address after the last.
    pub end: u64,
    /// What it is.
    pub kind: MappingKind,
    /// The file behind it, if there is one.
    pub object: Option<ObjectId>,
    /// Whether writes are seen by others who map the same.
    pub shared: bool,
}

impl Mapping {
    /// Its size, touched or not.
    pub fn bytes(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// From a line of `maps`; `None` for `[vsyscall]`, which x86 prints and which is no mapping: it
    /// belongs to no process and does not count against `vm.max_map_count`.
    pub(super) fn of_line(line: &Line<'_>, devices: &MemfdDevices) -> Option<Mapping> {
        let object = line.object.is_file().then_some(line.object);
        let [read, write, execute, share] = line.permissions;
        let kind = match line.name {
            b"[vsyscall]" => return None,
            b"[stack]" => MappingKind::Stack,
            name if object.is_none() && name.starts_with(b"[v") => MappingKind::Kernel,
            b"[uprobes]" => MappingKind::Kernel,
            name if devices.is_memfd(line.object.dev, name) => MappingKind::Memfd,
            _ if execute == b'x' => MappingKind::Executable,
            // What lives on a memfd's device and is none: shared anonymous memory, System V.
            _ if object.is_some() && !devices.contains(line.object.dev) => MappingKind::File,
            _ if (read, write) == (b'-', b'-') => MappingKind::Reserved,
            _ => MappingKind::Anonymous,
        };
        Some(Mapping { start: line.start, end: line.end, kind, object, shared: share == b's' })
    }
}
