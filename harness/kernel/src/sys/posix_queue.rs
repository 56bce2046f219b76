//! Attributes of POSIX message queues.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::{self, Errno};

/// The size of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueSize {
    pub(crate) messages_max: u64,
    pub(crate) message_bytes_max: u64,
}

/// The size of an open queue.
///
/// # Errors
/// `BADF` if the descriptor is no queue.
pub(crate) fn size(queue: &OwnedFd) -> io::Result<QueueSize> {
    let mut attributes = MaybeUninit::<libc::mq_attr>::uninit();
    // SAFETY: the call writes a whole `mq_attr` there if it succeeds.
    if unsafe { libc::mq_getattr(queue.as_raw_fd(), attributes.as_mut_ptr()) } != 0 {
        let error = std::io::Error::last_os_error();
        return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO));
    }
    // SAFETY: the call succeeded.
    let attributes = unsafe { attributes.assume_init() };
    let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok(QueueSize {
        messages_max: unsigned(attributes.mq_maxmsg),
        message_bytes_max: unsigned(attributes.mq_msgsize),
    })
}
