//! The memory of a process, from `status` and `smaps_rollup`.

use leakbench_model::{Footprint, Resource};

use super::error::ReadError;
use super::fields;
use super::process::Process;

/// Fields of `/proc/PID/status`: cheap, and inexact by some pages a thread.
///
/// A field is `None` if the kernel prints no such line. A process that waits to be reaped has only
/// `threads`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Status {
    /// Resident memory (`VmRSS`).
    pub rss_bytes: Option<u64>,
    /// The maximum of resident memory so far (`VmHWM`).
    pub rss_peak_bytes: Option<u64>,
    /// The anonymous part of it (`RssAnon`): private memory, with copy-on-write copies.
    pub rss_anon_bytes: Option<u64>,
    /// The part of it that belongs to files (`RssFile`).
    pub rss_file_bytes: Option<u64>,
    /// The part of it that belongs to shared memory (`RssShmem`): memfd pages that were not written.
    pub rss_shmem_bytes: Option<u64>,
    /// The size of all mappings (`VmSize`), reservations included.
    pub vm_size_bytes: Option<u64>,
    /// Page tables (`VmPTE`).
    pub page_tables_bytes: Option<u64>,
    /// Swapped memory (`VmSwap`).
    pub swap_bytes: Option<u64>,
    /// Locked memory (`VmLck`).
    pub locked_bytes: Option<u64>,
    /// The number of threads (`Threads`).
    pub threads: Option<u64>,
}

impl Status {
    /// The amounts of the resources that `status` has.
    pub fn footprint(&self) -> Footprint {
        Footprint::default()
            .with(Resource::AddressSpaceBytes, self.vm_size_bytes)
            .with(Resource::RssBytes, self.rss_bytes)
            .with(Resource::AnonymousBytes, self.rss_anon_bytes)
            .with(Resource::FileBytes, self.rss_file_bytes)
            .with(Resource::ShmemBytes, self.rss_shmem_bytes)
            .with(Resource::SwapBytes, self.swap_bytes)
            .with(Resource::PageTablesBytes, self.page_tables_bytes)
            .with(Resource::LockedBytes, self.locked_bytes)
            .with(Resource::Threads, self.threads)
    }
}

/// Fields of `/proc/PID/smaps_rollup`: exact, but the kernel walks every page table entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SmapsRollup {
    /// Resident memory (`Rss`).
    pub rss_bytes: Option<u64>,
    /// Resident memory, with each page divided by the number of processes that map it (`Pss`).
    pub pss_bytes: Option<u64>,
    /// The part of `Pss` that is anonymous (`Pss_Anon`, Linux 5.5).
    pub pss_anon_bytes: Option<u64>,
    /// The part of `Pss` that belongs to files (`Pss_File`, Linux 5.5).
    pub pss_file_bytes: Option<u64>,
    /// The part of `Pss` that belongs to shared memory (`Pss_Shmem`, Linux 5.5).
    pub pss_shmem_bytes: Option<u64>,
    /// Pages that only this process maps and that were not written (`Private_Clean`).
    pub private_clean_bytes: Option<u64>,
    /// Pages that only this process maps and that were written (`Private_Dirty`).
    pub private_dirty_bytes: Option<u64>,
    /// Anonymous memory (`Anonymous`).
    pub anonymous_bytes: Option<u64>,
    /// Swapped memory (`Swap`).
    pub swap_bytes: Option<u64>,
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

    /// Reads `status`.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn status(&mut self) -> Result<Status, ReadError> {
        const FILE: &str = "status";
        self.read_whole(c"status", FILE, |pid, file| {
            let bytes = |key| field(pid, FILE, file, key, fields::kib_as_bytes);
            Ok(Status {
                rss_bytes: bytes("VmRSS")?,
                rss_peak_bytes: bytes("VmHWM")?,
                rss_anon_bytes: bytes("RssAnon")?,
                rss_file_bytes: bytes("RssFile")?,
                rss_shmem_bytes: bytes("RssShmem")?,
                vm_size_bytes: bytes("VmSize")?,
                page_tables_bytes: bytes("VmPTE")?,
                swap_bytes: bytes("VmSwap")?,
                locked_bytes: bytes("VmLck")?,
                threads: field(pid, FILE, file, "Threads", fields::number)?,
            })
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
            rss_bytes: bytes("Rss"),
            pss_bytes: bytes("Pss"),
            pss_anon_bytes: bytes("Pss_Anon"),
            pss_file_bytes: bytes("Pss_File"),
            pss_shmem_bytes: bytes("Pss_Shmem"),
            private_clean_bytes: bytes("Private_Clean"),
            private_dirty_bytes: bytes("Private_Dirty"),
            anonymous_bytes: bytes("Anonymous"),
            swap_bytes: bytes("Swap"),
        })
    }
}

/// The value of a line; `None` without the line, an error if the value cannot be parsed.
fn field(
    pid: u32,
    file: &'static str,
    text: &[u8],
    key: &str,
    read: fn(&[u8]) -> Option<u64>,
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
