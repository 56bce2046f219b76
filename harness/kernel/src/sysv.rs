//! System V shared memory, which outlives every process that created or attached it.
//!
//! `procfs` 0.18 parses user ids of 16 bits here, and refuses the whole table for one segment of a
//! user above 65535, such as the subordinate users of containers.

use std::path::Path;

use super::fields;

/// One segment of System V shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SharedSegment {
    /// Its number, as in `ipcs -m` and `ipcrm -m`.
    pub id: u64,
    /// Its size.
    pub bytes: u64,
    /// The process that created it. That may have ended, and another may have its number.
    pub creator: u32,
    /// The number of its attachments.
    pub attached: u64,
}

/// Every segment of this IPC namespace; `None` if the kernel has no such memory (`CONFIG_SYSVIPC`) or
/// its table cannot be parsed.
pub fn shared_segments(proc: &Path) -> Option<Vec<SharedSegment>> {
    let table = std::fs::read(proc.join("sysvipc/shm")).ok()?;
    // "       key      shmid perms                  size  cpid  lpid nattch   uid ..."
    let lines = table.split(|&byte| byte == b'\n').skip(1).filter(|line| !line.is_empty());
    lines.map(parse).collect()
}

fn parse(line: &[u8]) -> Option<SharedSegment> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).skip(1);
    let id = words.next().and_then(fields::number)?;
    let bytes = words.nth(1).and_then(fields::number)?;
    let creator = words.next().and_then(fields::number)?;
    let attached = words.nth(1).and_then(fields::number)?;
    Some(SharedSegment { id, bytes, creator: u32::try_from(creator).ok()?, attached })
}
