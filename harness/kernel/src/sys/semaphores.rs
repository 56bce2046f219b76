//! System V semaphores.

/// The last process that operated on the first semaphore of a set; 0 if none did, `None` if the set
/// does not exist or may not be read.
pub(crate) fn last_process(set: i32) -> Option<u32> {
    // SAFETY: `GETPID` takes no further argument and writes to no memory of this process.
    let pid = unsafe { libc::semctl(set, 0, libc::GETPID) };
    u32::try_from(pid).ok()
}
