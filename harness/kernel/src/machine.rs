//! The properties of the machine that a measurement depends on: kernel, processors, limits.

use std::fs;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::ReadError;
use super::fields;
use super::mappings::MappingSource;
use super::process::Process;
use super::sys::limits;

/// The machine and its kernel, for a recording's fingerprint. `None`: the value cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The kernel's release, as `uname -r` prints it.
    pub kernel: Option<String>,
    /// Processors this process may run on (affinity and control groups taken into account).
    pub cpus: Option<u64>,
    /// The first processor's name, on architectures that have one.
    pub cpu_model: Option<String>,
    /// `vm.max_map_count`: the limit of mappings of a process.
    pub max_map_count: Option<u64>,
    /// `vm.overcommit_memory`: 0 refuses an allocation beyond all memory, 1 refuses none, 2 refuses
    /// allocations beyond the commit limit.
    pub overcommit_memory: Option<u64>,
    /// `vm.memfd_noexec`: with 2 the kernel refuses executable memfds; Linux 6.3 to 6.5 also refuses
    /// memfds without `MFD_NOEXEC_SEAL`.
    pub memfd_noexec: Option<u64>,
    /// `RLIMIT_NOFILE` of this process, which a subject inherits.
    pub open_files: ResourceLimit,
    /// `RLIMIT_AS` of this process in bytes, which a subject inherits.
    pub address_space_bytes: ResourceLimit,
    /// `fs.inotify.max_queued_events`: the length of an instance's queue.
    pub inotify_max_queued_events: Option<u64>,
    /// `fs.inotify.max_user_instances`.
    pub inotify_max_user_instances: Option<u64>,
    /// `fs.inotify.max_user_watches`.
    pub inotify_max_user_watches: Option<u64>,
    /// `PROCMAP_QUERY` works here.
    pub procmap_query: Option<bool>,
}

/// A resource limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceLimit {
    /// The limit in effect.
    pub soft: Bound,
    /// The limit up to which the process may raise it.
    pub hard: Bound,
}

/// A number, or no limit; `"unlimited"` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// No limit.
    Unlimited,
    /// A limit.
    #[serde(untagged)]
    At(u64),
}

impl Bound {
    fn from_limit(limit: Option<u64>) -> Self {
        limit.map_or(Self::Unlimited, Self::At)
    }
}

impl ResourceLimit {
    fn of((soft, hard): (Option<u64>, Option<u64>)) -> Self {
        Self { soft: Bound::from_limit(soft), hard: Bound::from_limit(hard) }
    }
}

impl Machine {
    /// Reads this machine.
    pub fn read() -> Self {
        Self::read_under(Path::new("/proc"))
    }

    /// Reads it from another folder than `/proc`. Resource limits and processors are those of this
    /// process all the same.
    pub fn read_under(proc: &Path) -> Self {
        Self {
            kernel: line(&proc.join("sys/kernel/osrelease")),
            cpus: std::thread::available_parallelism().ok().map(|cpus| cpus.get() as u64),
            cpu_model: cpu_model(&proc.join("cpuinfo")),
            max_map_count: parsed(&proc.join("sys/vm/max_map_count")),
            overcommit_memory: parsed(&proc.join("sys/vm/overcommit_memory")),
            memfd_noexec: parsed(&proc.join("sys/vm/memfd_noexec")),
            open_files: ResourceLimit::of(limits::open_files()),
            address_space_bytes: ResourceLimit::of(limits::address_space_bytes()),
            inotify_max_queued_events: inotify_limit(proc, "max_queued_events"),
            inotify_max_user_instances: inotify_limit(proc, "max_user_instances"),
            inotify_max_user_watches: inotify_limit(proc, "max_user_watches"),
            procmap_query: procmap_query(proc),
        }
    }
}

/// A limit of inotify, by its name under `/proc/sys/fs/inotify`.
pub(super) fn inotify_limit(proc: &Path, name: &str) -> Option<u64> {
    parsed(&proc.join("sys/fs/inotify").join(name))
}

/// A number of the kernel, by its name under `/proc/sys`, such as `vm/max_map_count`.
pub fn machine_value(proc: &Path, name: &str) -> Option<u64> {
    parsed(&proc.join("sys").join(name))
}

/// The numbers in a file of the kernel, by its name under `/proc/sys`, such as `kernel/sem`.
pub fn machine_numbers(proc: &Path, name: &str) -> Option<Vec<u64>> {
    let line = line(&proc.join("sys").join(name))?;
    line.split_whitespace().map(|word| word.parse().ok()).collect()
}

fn line(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// The value of a file of one value.
pub(super) fn parsed<T: FromStr>(path: &Path) -> Option<T> {
    line(path)?.parse().ok()
}

fn cpu_model(path: &Path) -> Option<String> {
    let text = fs::read(path).ok()?;
    let (_, model) = fields::value(&text, "model name")?;
    Some(String::from_utf8_lossy(model).into_owned())
}

/// Tries `PROCMAP_QUERY` on this process.
fn procmap_query(proc: &Path) -> Option<bool> {
    let mut process = Process::open_under(proc, std::process::id()).ok()?;
    match process.file_mappings_from(MappingSource::Query, &mut Vec::new()) {
        Ok(()) => Some(true),
        Err(ReadError::Absent { .. }) => Some(false),
        Err(_) => None,
    }
}
