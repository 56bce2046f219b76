//! What an area is, from its line in `maps`.

use super::text::Line;
use crate::memfd_devices::MemfdDevices;
use crate::object::ObjectId;

/// What an area is, by what is behind it and by what it allows. Each area is of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AreaKind {
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

/// One area of a process, of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// The first address.
    pub start: u64,
    /// The address after the last.
    pub end: u64,
    /// What it is.
    pub kind: AreaKind,
    /// The file behind it, if there is one.
    pub object: Option<ObjectId>,
    /// Whether writes are seen by others who map the same.
    pub shared: bool,
}

impl Area {
    /// Its size, touched or not.
    pub fn bytes(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// From a line of `maps`; `None` for `[vsyscall]`, which x86 prints and which is no area: it
    /// belongs to no process and does not count against `vm.max_map_count`.
    pub(super) fn of_line(line: &Line<'_>, devices: &MemfdDevices) -> Option<Area> {
        let object = line.object.is_file().then_some(line.object);
        let [read, write, execute, share] = line.permissions;
        let kind = match line.name {
            b"[vsyscall]" => return None,
            b"[stack]" => AreaKind::Stack,
            name if object.is_none() && name.starts_with(b"[v") => AreaKind::Kernel,
            b"[uprobes]" => AreaKind::Kernel,
            name if devices.is_memfd(line.object.dev, name) => AreaKind::Memfd,
            _ if execute == b'x' => AreaKind::Executable,
            // What lives on a memfd's device and is none: shared anonymous memory, System V.
            _ if object.is_some() && !devices.contains(line.object.dev) => AreaKind::File,
            _ if (read, write) == (b'-', b'-') => AreaKind::Reserved,
            _ => AreaKind::Anonymous,
        };
        Some(Area { start: line.start, end: line.end, kind, object, shared: share == b's' })
    }
}
