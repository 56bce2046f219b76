//! The memory of a process, from `status` and `smaps_rollup`.

use leakbench_model::{Footprint, Resource};

use super::error::ReadError;
use super::fields;
use super::process::Process;

/// How a value is printed.
type Reader = fn(&[u8]) -> Option<u64>;

/// The resources of `status`: the name of the line, the resource, and how its amount is printed.
const LINES: [(&str, Resource, Reader); 10] = [
    ("VmSize", Resource::AddressSpaceBytes, fields::kib_as_bytes),
    ("VmRSS", Resource::RssBytes, fields::kib_as_bytes),
    ("RssAnon", Resource::AnonymousBytes, fields::kib_as_bytes),
    ("RssFile", Resource::FileBytes, fields::kib_as_bytes),
    ("RssShmem", Resource::ShmemBytes, fields::kib_as_bytes),
    ("VmSwap", Resource::SwapBytes, fields::kib_as_bytes),
    ("VmPTE", Resource::PageTablesBytes, fields::kib_as_bytes),
    ("VmLck", Resource::LockedBytes, fields::kib_as_bytes),
    ("HugetlbPages", Resource::HugetlbBytes, fields::kib_as_bytes),
    ("Threads", Resource::Threads, fields::number),
];

/// Fields of `/proc/PID/smaps_rollup`: exact, but the kernel walks every page table entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SmapsRollup {
    /// Resident memory, with each page divided by the number of processes that map it (`Pss`).
    pub pss_bytes: Option<u64>,
    /// The part of `Pss` that belongs to shared memory (`Pss_Shmem`, Linux 5.5).
    pub pss_shmem_bytes: Option<u64>,
    /// Pages that only this process maps and that were written (`Private_Dirty`).
    pub private_dirty_bytes: Option<u64>,
}

/// The thread group and the user of a process, from `/proc/PID/status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// The process of this thread (`Tgid`); for a process, its own number.
    pub process: u32,
    /// Its effective user (`Uid`).
    pub user: u32,
}

impl Process {
    /// Reads its thread group and its user.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn ids(&mut self) -> Result<Ids, ReadError> {
        const FILE: &str = "status";
        self.read_whole(c"status", FILE, |pid, file| {
            let process = field(pid, FILE, file, "Tgid", fields::number)?;
            // Real, effective, saved, file system.
            let user = field(pid, FILE, file, "Uid", |ids| {
                fields::number(ids.split(u8::is_ascii_whitespace).nth(1)?)
            })?;
            let id = |id: Option<u64>| id.and_then(|id| u32::try_from(id).ok());
            match (id(process), id(user)) {
                (Some(process), Some(user)) => Ok(Ids { process, user }),
                _ => Err(ReadError::malformed(pid, FILE, 1, b"no Tgid or no Uid")),
            }
        })
    }

    /// The signals that it ignores (`SigIgn`): signal N is bit N - 1.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn ignored_signals(&mut self) -> Result<Option<u64>, ReadError> {
        const FILE: &str = "status";
        self.read_whole(c"status", FILE, |pid, file| field(pid, FILE, file, "SigIgn", fields::hex))
    }

    /// Reads the resources of `status`: cheap, and inexact by some pages a thread.
    ///
    /// A resource is absent if the kernel prints no such line. A process that waits to be reaped has
    /// only threads.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn status(&mut self) -> Result<Footprint, ReadError> {
        const FILE: &str = "status";
        self.read_whole(c"status", FILE, |pid, file| {
            let mut amounts = Footprint::default();
            for (key, resource, read) in LINES {
                amounts.set(resource, field(pid, FILE, file, key, read)?);
            }
            Ok(amounts)
        })
    }

    /// The maximum of its resident memory so far (`VmHWM` of `status`).
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn rss_peak_bytes(&mut self) -> Result<Option<u64>, ReadError> {
        const FILE: &str = "status";
        self.read_whole(c"status", FILE, |pid, file| {
            field(pid, FILE, file, "VmHWM", fields::kib_as_bytes)
        })
    }

    /// Reads `smaps_rollup`; for barriers, not for a sampler.
    ///
    /// # Errors
    /// See [`ReadError`]; [`ReadError::Absent`] before Linux 4.14.
    pub fn smaps_rollup(&mut self) -> Result<SmapsRollup, ReadError> {
        let sums: procfs::process::SmapsRollup =
            self.read_parsed(c"smaps_rollup", "smaps_rollup")?;
        let Some(sums) = sums.memory_map_rollup.0.into_iter().next() else {
            return Err(ReadError::Vanished { pid: self.pid() });
        };
        let bytes = |key: &str| sums.extension.map.get(key).copied();
        Ok(SmapsRollup {
            pss_bytes: bytes("Pss"),
            pss_shmem_bytes: bytes("Pss_Shmem"),
            private_dirty_bytes: bytes("Private_Dirty"),
        })
    }
}

/// The value of a line; `None` without the line, an error if the value cannot be parsed.
fn field(
    pid: u32,
    file: &'static str,
    text: &[u8],
    key: &str,
    read: Reader,
) -> Result<Option<u64>, ReadError> {
    let Some((number, value)) = fields::value(text, key) else {
        return Ok(None);
    };
    match read(value) {
        Some(value) => Ok(Some(value)),
        None => {
            let line = [key.as_bytes(), b": ", value].concat();
            Err(ReadError::malformed(pid, file, number, &line))
        }
    }
}
