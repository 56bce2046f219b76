//! The memory a process uses, as `status` and `smaps_rollup` sum it.

use super::error::ReadError;
use super::fields;
use super::process::Process;

/// From `/proc/PID/status`: cheap, and up to some pages a thread behind the truth.
///
/// A field is `None` where the kernel prints no such line; of a process that waits to be reaped
/// only `threads` is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Status {
    /// Resident memory (`VmRSS`).
    pub rss_bytes: Option<u64>,
    /// The most that was ever resident (`VmHWM`).
    pub rss_peak_bytes: Option<u64>,
    /// Its anonymous part (`RssAnon`): private memory, copy-on-write copies included.
    pub rss_anon_bytes: Option<u64>,
    /// Its part that belongs to files (`RssFile`).
    pub rss_file_bytes: Option<u64>,
    /// Its part that belongs to shared memory (`RssShmem`): untouched memfd pages.
    pub rss_shmem_bytes: Option<u64>,
    /// Size of all mappings (`VmSize`): a reservation counts whole.
    pub vm_size_bytes: Option<u64>,
    /// Page tables (`VmPTE`).
    pub page_tables_bytes: Option<u64>,
    /// Swapped out (`VmSwap`).
    pub swap_bytes: Option<u64>,
    /// Locked memory (`VmLck`).
    pub locked_bytes: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
}

/// From `/proc/PID/smaps_rollup`: exact, but the kernel walks every page table entry for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SmapsRollup {
    /// Resident memory (`Rss`).
    pub rss_bytes: Option<u64>,
    /// Resident memory, each page divided among the processes that map it (`Pss`).
    pub pss_bytes: Option<u64>,
    /// The part of `Pss` that is anonymous (`Pss_Anon`, Linux 5.5).
    pub pss_anon_bytes: Option<u64>,
    /// The part of `Pss` that belongs to files (`Pss_File`, Linux 5.5).
    pub pss_file_bytes: Option<u64>,
    /// The part of `Pss` that belongs to shared memory (`Pss_Shmem`, Linux 5.5).
    pub pss_shmem_bytes: Option<u64>,
    /// Pages of this process alone, as they were read (`Private_Clean`).
    pub private_clean_bytes: Option<u64>,
    /// Pages of this process alone that were written (`Private_Dirty`).
    pub private_dirty_bytes: Option<u64>,
    /// Anonymous memory (`Anonymous`).
    pub anonymous_bytes: Option<u64>,
    /// Swapped out (`Swap`).
    pub swap_bytes: Option<u64>,
}

/// Who a process is to others, from `/proc/PID/status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// The process that this is a thread of (`Tgid`); of a process, its own number.
    pub process: u32,
    /// Its user, as far as access goes (`Uid`, the effective one).
    pub user: u32,
}

impl Process {
    /// Whose process it is, and whether it is one rather than a thread.
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

    /// What `status` says of memory and threads.
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

/// The value of a line, `None` without the line, an error if the value does not read.
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
