//! System V shared memory, semaphores and message queues, which outlive every process that made or
//! used them.
//!
//! `procfs` 0.18 parses user ids of 16 bits here, and refuses the whole table for one object of a
//! user above 65535, such as the subordinate users of containers.

use std::path::Path;

use super::fields;
use super::sys::semaphores;

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
    /// The user that created it.
    pub user: u32,
}

/// One set of System V semaphores. The kernel does not record the process that created it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SemaphoreSet {
    /// Its number, as in `ipcs -s` and `ipcrm -s`.
    pub id: u64,
    /// Semaphores in it.
    pub semaphores: u64,
    /// The user that created it.
    pub user: u32,
}

/// One System V message queue. The kernel does not record the process that created it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageQueue {
    /// Its number, as in `ipcs -q` and `ipcrm -q`.
    pub id: u64,
    /// Bytes of the messages in it.
    pub bytes: u64,
    /// Messages in it.
    pub messages: u64,
    /// The last process that sent to it; 0 if none did.
    pub sender: u32,
    /// The last process that received from it; 0 if none did.
    pub receiver: u32,
    /// The user that created it.
    pub user: u32,
}

/// Every segment of this IPC namespace; `None` if the kernel has no such memory (`CONFIG_SYSVIPC`) or
/// its table cannot be parsed.
pub fn shared_segments(proc: &Path) -> Option<Vec<SharedSegment>> {
    // key shmid perms size cpid lpid nattch uid gid cuid …
    table(proc, "shm", |number| {
        Some(SharedSegment {
            id: number(1)?,
            bytes: number(3)?,
            creator: u32::try_from(number(4)?).ok()?,
            attached: number(6)?,
            user: u32::try_from(number(9)?).ok()?,
        })
    })
}

/// Every set of semaphores of this IPC namespace; `None` as of [`shared_segments`].
pub fn semaphore_sets(proc: &Path) -> Option<Vec<SemaphoreSet>> {
    // key semid perms nsems uid gid cuid …
    table(proc, "sem", |number| {
        let user = u32::try_from(number(6)?).ok()?;
        Some(SemaphoreSet { id: number(1)?, semaphores: number(3)?, user })
    })
}

/// Every message queue of this IPC namespace; `None` as of [`shared_segments`].
pub fn message_queues(proc: &Path) -> Option<Vec<MessageQueue>> {
    // key msqid perms cbytes qnum lspid lrpid uid gid cuid …
    table(proc, "msg", |number| {
        Some(MessageQueue {
            id: number(1)?,
            bytes: number(3)?,
            messages: number(4)?,
            sender: u32::try_from(number(5)?).ok()?,
            receiver: u32::try_from(number(6)?).ok()?,
            user: u32::try_from(number(9)?).ok()?,
        })
    })
}

impl SemaphoreSet {
    /// The last process that set or waited for its first semaphore; 0 if none did, `None` if this user
    /// may not read it. That process may have ended, and another may have its number.
    pub fn last_user(&self) -> Option<u32> {
        semaphores::last_process(i32::try_from(self.id).ok()?)
    }
}

/// Parses each line but the first. `parse` gets the number in a column of the line, from 0.
fn table<T>(
    proc: &Path,
    name: &str,
    parse: impl Fn(&dyn Fn(usize) -> Option<u64>) -> Option<T>,
) -> Option<Vec<T>> {
    let table = std::fs::read(proc.join("sysvipc").join(name)).ok()?;
    let lines = table.split(|&byte| byte == b'\n').skip(1).filter(|line| !line.is_empty());
    let mut words = Vec::new();
    lines
        .map(|line| {
            words.clear();
            words.extend(line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()));
            parse(&|column| fields::number(words.get(column)?))
        })
        .collect()
}
