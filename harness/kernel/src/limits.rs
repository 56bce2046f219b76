//! How much a process may have of what it uses, from `/proc/PID/limits`.

use super::error::ReadError;
use super::machine::{Bound, ResourceLimit};
use super::process::Process;

const FILE: &str = "limits";

/// The limits that a leak meets. `None` is a line that this kernel does not print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// `RLIMIT_NOFILE`: one more than the highest descriptor.
    pub open_files: Option<ResourceLimit>,
    /// `RLIMIT_AS`, in bytes.
    pub address_space_bytes: Option<ResourceLimit>,
    /// `RLIMIT_NPROC`: processes and threads of its user, all together.
    pub processes: Option<ResourceLimit>,
    /// `RLIMIT_MEMLOCK`, in bytes.
    pub locked_bytes: Option<ResourceLimit>,
}

impl Process {
    /// How much the process may have.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn limits(&mut self) -> Result<Limits, ReadError> {
        self.read_whole(c"limits", FILE, |pid, file| {
            Ok(Limits {
                open_files: limit(pid, file, "Max open files")?,
                address_space_bytes: limit(pid, file, "Max address space")?,
                processes: limit(pid, file, "Max processes")?,
                locked_bytes: limit(pid, file, "Max locked memory")?,
            })
        })
    }

    /// How many descriptors the process may have open; `None` if the kernel prints no such line.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn open_files_limit(&mut self) -> Result<Option<ResourceLimit>, ReadError> {
        Ok(self.limits()?.open_files)
    }
}

/// `Max open files            1024                 524288               files`
fn limit(pid: u32, file: &[u8], name: &str) -> Result<Option<ResourceLimit>, ReadError> {
    for (number, line) in (1..).zip(file.split(|&byte| byte == b'\n')) {
        let Some(values) = line.strip_prefix(name.as_bytes()) else {
            continue;
        };
        let mut values = values.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let mut bound = || values.next().and_then(Bound::parse);
        let (Some(soft), Some(hard)) = (bound(), bound()) else {
            return Err(ReadError::malformed(pid, FILE, number, line));
        };
        return Ok(Some(ResourceLimit { soft, hard }));
    }
    Ok(None)
}
