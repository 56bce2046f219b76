//! System V shared memory, semaphores and message queues, which outlive every process that made or
//! used them.
//!
//! `procfs` 0.18 parses user ids of 16 bits here, and refuses the whole table for one object of a
//! user above 65535, such as the subordinate users of containers.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::fields;
use super::sys::{namespaces::owner, semaphores};

/// The link of the PID namespace that has every process of the machine (`PROC_PID_INIT_INO` of Linux).
const INITIAL_PID_NAMESPACE: &str = "pid:[4026531836]";
/// The same of users (`PROC_USER_INIT_INO`).
const INITIAL_USER_NAMESPACE: &str = "user:[4026531837]";

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

/// Returns whether no process but those of `is_ours` can have made an object of `user` in this IPC
/// namespace: each other process of that user is in another one.
///
/// False if that cannot be known: within a PID namespace, which hides processes that may share the IPC
/// namespace.
pub fn ipc_namespace_is_of(proc: &Path, user: u32, is_ours: impl Fn(u32) -> bool) -> bool {
    let namespaces = proc.join("self/ns");
    let own = |link: &str| std::fs::read_link(namespaces.join(link));
    let sees_all = own("pid").is_ok_and(|pid| pid.as_os_str() == INITIAL_PID_NAMESPACE);
    let (true, Ok(ipc), Ok(entries)) = (sees_all, own("ipc"), std::fs::read_dir(proc)) else {
        return false;
    };
    // Then a process of another user namespace, which this one may not read, has not inherited it.
    let is_of_own_users = is_owned_by_own_users(&namespaces).unwrap_or(false);
    entries.flatten().all(|entry| {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(pid) = pid.filter(|&pid| !is_ours(pid)) else { return true };
        match std::fs::read_link(proc.join(format!("{pid}/ns/ipc"))) {
            Ok(theirs) => theirs != ipc,
            // It has ended.
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            Err(_) => is_of_own_users || entry.metadata().is_ok_and(|folder| folder.uid() != user),
        }
    })
}

/// Returns whether this process's user namespace, if it is not the initial one, owns its IPC namespace.
fn is_owned_by_own_users(namespaces: &Path) -> std::io::Result<bool> {
    let own = namespaces.join("user");
    if std::fs::read_link(&own)?.as_os_str() == INITIAL_USER_NAMESPACE {
        return Ok(false);
    }
    let owner = owner(&File::open(namespaces.join("ipc"))?)?.metadata()?;
    let own = std::fs::metadata(own)?;
    Ok((owner.dev(), owner.ino()) == (own.dev(), own.ino()))
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
