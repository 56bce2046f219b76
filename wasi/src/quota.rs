//! The bytes that a guest may write.

use crate::errno::Errno;

/// What is left of the bytes that a guest may write to files, streams and sockets together.
///
/// The error is DQUOT: as the quota of a user on a file system, it is spent by one guest and leaves others
/// alone. NOSPC would say that the device is full, and FBIG that the file is too long.
#[derive(Debug)]
pub(crate) struct Quota {
    left: u64,
}

impl Quota {
    pub(crate) fn new(max_bytes: u64) -> Quota {
        Quota { left: max_bytes }
    }

    /// How many of `bytes` bytes may be written, as a file system that is nearly full writes a part.
    ///
    /// # Errors
    /// DQUOT if none of them may.
    pub(crate) fn allowed(&self, bytes: u64) -> Result<u64, Errno> {
        if self.left == 0 && bytes > 0 { Err(Errno::DQUOT) } else { Ok(bytes.min(self.left)) }
    }

    /// Checks that all of `bytes` bytes may be written.
    ///
    /// # Errors
    /// DQUOT if not.
    pub(crate) fn check(&self, bytes: u64) -> Result<(), Errno> {
        if bytes <= self.left { Ok(()) } else { Err(Errno::DQUOT) }
    }

    /// Subtracts what was written.
    pub(crate) fn spend(&mut self, bytes: u64) {
        self.left = self.left.saturating_sub(bytes);
    }
}
