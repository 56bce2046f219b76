//! The identity of a kernel object: device and inode, never a name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which kernel object something is: the pair that `stat` gives and that `maps` prints.
///
/// Names say nothing: two memfds may share one, and a descriptor number is reused within a cycle.
/// An inode number can be reused too, once its object is gone, so an identity is good for as long
/// as the object lives (tmpfs counts inodes up, 64 bits wide, and does not come back to one).
///
/// `stat` and `maps` agree for memfds and plain file systems. On btrfs and overlayfs `maps` names
/// the device below and `stat` the one above; such files are not images.
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

    /// From the halves that `maps` and `PROCMAP_QUERY` give, in the encoding of `st_dev`.
    pub(crate) fn from_halves(major: u32, minor: u32, ino: u64) -> Self {
        Self { dev: rustix::fs::makedev(major, minor), ino }
    }

    /// From what `stat` returned.
    pub(crate) fn from_stat(stat: &rustix::fs::Stat) -> Self {
        Self { dev: stat.st_dev, ino: stat.st_ino }
    }

    /// Major and minor number of the device, as `maps` and `ls -l /dev` print them.
    pub fn device_numbers(self) -> (u32, u32) {
        (rustix::fs::major(self.dev), rustix::fs::minor(self.dev))
    }

    /// Whether there is an object: `maps` prints device 0 for mappings without a file. The inode
    /// alone does not tell, since the first System V segment is inode 0 of a real device.
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
