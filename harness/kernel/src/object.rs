//! Identities of kernel objects, from the kernel's own forms of them, and hashes of their names.

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

/// A hash of a name, to compare names without keeping them. It is fast rather than strong: a sample
/// has tens of thousands of names.
pub(crate) fn name_hash(name: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = name.len() as u64;
    for chunk in name.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR).rotate_left(29);
    }
    hash
}
