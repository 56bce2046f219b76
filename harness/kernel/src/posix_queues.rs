//! POSIX message queues. They are files of a file system of their own, which need not be mounted: a
//! descriptor of one looks like that of a file in the root folder.

use std::ffi::CString;
use std::os::fd::OwnedFd;

use rustix::fs::{FileType, Mode, OFlags, Stat, fstatfs, openat};

use super::error::ReadError;
use super::fds::FdKind;
use super::process::Process;
use super::sys::posix_queue;

/// `MQUEUE_MAGIC` of the kernel.
const FILE_SYSTEM: u64 = 0x1980_0202;
/// `FILENT_SIZE` of the kernel: the size of each queue as a file.
const FILE_BYTES: i64 = 80;

/// True unless a descriptor certainly refers to another object.
pub(super) fn may_be_one(kind: FdKind, link: &[u8], stat: &Stat) -> bool {
    let is_in_root = matches!(link, [b'/', name @ ..] if !name.contains(&b'/'));
    matches!(kind, FdKind::File | FdKind::DeletedFile)
        && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
        && stat.st_size == FILE_BYTES
        && is_in_root
}

/// True if a descriptor of this `fd` folder refers to a queue.
pub(super) fn is_one(fds: &OwnedFd, fd: i32) -> bool {
    let name = CString::new(fd.to_string()).unwrap_or_default();
    let file = openat(fds, &name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    let file_system = file.and_then(fstatfs);
    file_system.is_ok_and(|it| u64::try_from(it.f_type) == Ok(FILE_SYSTEM))
}

impl Process {
    /// Bytes of a queue that count towards `RLIMIT_MSGQUEUE`: those of all messages that it may hold,
    /// by the formula of getrlimit(2).
    ///
    /// It opens the queue for a moment, as a reader.
    ///
    /// # Errors
    /// See [`ReadError`]. Also if the descriptor is no queue, or this user may not read it.
    pub fn posix_queue_bytes(&self, fd: i32) -> Result<u64, ReadError> {
        const FILE: &str = "fd";
        let name = CString::new(format!("fd/{fd}")).unwrap_or_default();
        let queue = self.open_file(&name, FILE)?;
        let size = posix_queue::size(&queue).map_err(|error| self.failed(FILE, error))?;
        Ok(counted_bytes(size.messages_max, size.message_bytes_max))
    }
}

fn counted_bytes(messages_max: u64, message_bytes_max: u64) -> u64 {
    // `struct msg_msg` and `struct posix_msg_tree_node` of 64-bit kernels, and `MQ_PRIO_MAX`.
    const MESSAGE_BYTES: u64 = 48;
    const NODE_BYTES: u64 = 48;
    const PRIORITIES: u64 = 32_768;
    let messages = messages_max.saturating_mul(message_bytes_max.saturating_add(MESSAGE_BYTES));
    messages.saturating_add(messages_max.min(PRIORITIES) * NODE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_a_queue_of_default_size() {
        // By default a user may have 819,200 bytes: nine such queues.
        assert_eq!(counted_bytes(10, 8_192), 82_880);
        assert_eq!(counted_bytes(65_536, 16), 65_536 * 64 + 32_768 * 48);
        assert_eq!(counted_bytes(u64::MAX, u64::MAX), u64::MAX);
    }
}
