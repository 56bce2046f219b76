//! The identity of a kernel object: device and inode, never a name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The identity of a kernel object: the pair that `stat` returns and that `maps` prints.
///
/// A name does not identify an object: two memfds may have the same, and the kernel reuses a descriptor
/// number within a cycle. An inode number may be reused once its object is destroyed, so an identity is
/// valid while the object lives. (tmpfs counts inode numbers up in 64 bits and reuses none.)
///
/// `stat` and `maps` agree for memfds and plain file systems. On btrfs and overlayfs `maps` has the
/// device below and `stat` the one above; such files are not images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectId {
    /// The device as `st_dev` encodes it.
    pub dev: u64,
    /// The inode number.
    pub ino: u64,
}

impl ObjectId {
    /// The object behind a descriptor of this process.
    ///
    /// # Errors
    /// The kernel's, from `fstat`.
    pub fn of(fd: std::os::fd::BorrowedFd<'_>) -> std::io::Result<Self> {
        Ok(Self::from_stat(&rustix::fs::fstat(fd)?))
    }

    /// From the two halves of the device in `maps` and `PROCMAP_QUERY`.
    pub(crate) fn from_halves(major: u32, minor: u32, ino: u64) -> Self {
        Self { dev: rustix::fs::makedev(major, minor), ino }
    }

    /// From the result of `stat`.
    pub(crate) fn from_stat(stat: &rustix::fs::Stat) -> Self {
        Self { dev: stat.st_dev, ino: stat.st_ino }
    }

    /// Major and minor number of the device, as `maps` and `ls -l /dev` print them.
    pub fn device_numbers(self) -> (u32, u32) {
        (rustix::fs::major(self.dev), rustix::fs::minor(self.dev))
    }

    /// Returns false for the device 0, which `maps` prints for mappings without a file. An inode number 0
    /// is valid: the first System V segment has it.
    pub(crate) fn is_file(self) -> bool {
        self.dev != 0
    }
}

/// `dev:ino`, both decimal, as `stat -c %d:%i` prints them.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.dev, self.ino)
    }
}
