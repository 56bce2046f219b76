//! A check that the kernel has `PAGEMAP_SCAN`, the request for written pages (Linux 6.7 and later).

use std::os::fd::AsFd;

use rustix::io::{self, Errno};
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};

/// `struct pm_scan_arg` of the kernel's `include/uapi/linux/fs.h`: twelve words, the first its size.
type Argument = [u64; 12];

const PAGEMAP_SCAN: Opcode = opcode::read_write::<Argument>(b'f', 16);

/// Checks that the kernel has the request; `pagemap` is an open file of that name.
pub(crate) fn is_known(pagemap: &impl AsFd) -> io::Result<bool> {
    // A kernel that has the request refuses a size of 0 before it does anything.
    let mut argument: Argument = [0; 12];
    // SAFETY: the kernel reads the argument and, should it ever not refuse it, writes within its
    // own structure, which is as long; all addresses in it are null with lengths of 0.
    let answer = unsafe { ioctl(pagemap, Updater::<PAGEMAP_SCAN, Argument>::new(&mut argument)) };
    match answer {
        Ok(()) | Err(Errno::INVAL) => Ok(true),
        Err(Errno::NOTTY | Errno::NOSYS) => Ok(false),
        Err(error) => Err(error),
    }
}
