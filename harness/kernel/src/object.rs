//! Identities of kernel objects, from the kernel's own forms of them.

use std::io;
use std::os::fd::BorrowedFd;

use leakbench_model::ObjectId;
use rustix::fs::{Stat, fstat, major, makedev, minor};

/// The object behind a descriptor of this process.
///
/// # Errors
/// The kernel's, from `fstat`.
pub fn object_of(fd: BorrowedFd<'_>) -> io::Result<ObjectId> {
    Ok(from_stat(&fstat(fd)?))
}

/// Major and minor number of an object's device, as `maps` and `ls -l /dev` print them.
pub fn device_numbers(object: ObjectId) -> (u32, u32) {
    (major(object.dev), minor(object.dev))
}

/// From the result of `stat`.
pub(crate) fn from_stat(stat: &Stat) -> ObjectId {
    ObjectId { dev: stat.st_dev, ino: stat.st_ino }
}

/// From the two halves of the device in `maps` and `PROCMAP_QUERY`.
pub(crate) fn from_halves(major: u32, minor: u32, ino: u64) -> ObjectId {
    ObjectId { dev: makedev(major, minor), ino }
}

/// Returns false for the device 0, which `maps` prints for mappings without a file. An inode number 0
/// is valid: the first System V segment has it.
pub(crate) fn is_file(object: ObjectId) -> bool {
    object.dev != 0
}
