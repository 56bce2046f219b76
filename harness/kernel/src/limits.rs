//! The resource limits of a process, from `/proc/PID/limits`.

use procfs::process::{Limit, LimitValue};

use super::error::ReadError;
use super::machine::{Bound, ResourceLimit};
use super::process::Process;

/// The resource limits that a leak reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `RLIMIT_NOFILE`: one more than the highest descriptor.
    pub open_files: ResourceLimit,
    /// `RLIMIT_AS`, in bytes.
    pub address_space_bytes: ResourceLimit,
    /// `RLIMIT_NPROC`: processes and threads of the process's user together.
    pub processes: ResourceLimit,
    /// `RLIMIT_MEMLOCK`, in bytes.
    pub locked_bytes: ResourceLimit,
    /// `RLIMIT_MSGQUEUE`: bytes of POSIX message queues of the process's user.
    pub posix_queue_bytes: ResourceLimit,
}

impl Process {
    /// Reads the process's resource limits.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn limits(&mut self) -> Result<Limits, ReadError> {
        let limits: procfs::process::Limits = self.read_parsed(c"limits", "limits")?;
        Ok(Limits {
            open_files: limits.max_open_files.into(),
            address_space_bytes: limits.max_address_space.into(),
            processes: limits.max_processes.into(),
            locked_bytes: limits.max_locked_memory.into(),
            posix_queue_bytes: limits.max_msgqueue_size.into(),
        })
    }
}

impl From<Limit> for ResourceLimit {
    fn from(limit: Limit) -> ResourceLimit {
        let bound = |value| match value {
            LimitValue::Unlimited => Bound::Unlimited,
            LimitValue::Value(value) => Bound::At(value),
        };
        ResourceLimit { soft: bound(limit.soft_limit), hard: bound(limit.hard_limit) }
    }
}
