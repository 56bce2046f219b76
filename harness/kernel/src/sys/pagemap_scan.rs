//! `PAGEMAP_SCAN`: asking which pages were written (Linux 6.7 and later). Here only whether there
//! is such a request.

use std::os::fd::AsFd;

use rustix::io::{self, Errno};
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};

/// `struct pm_scan_arg` of the kernel's `include/uapi/linux/fs.h`: twelve words, the first its size.
type Argument = [u64; 12];

const PAGEMAP_SCAN: Opcode = opcode::read_write::<Argument>(b'f', 16);

/// Whether the kernel knows the request; `pagemap` is an open file of that name.
pub(crate) fn is_known(pagemap: &impl AsFd) -> io::Result<bool> {
    // A size of 0 is refused by a kernel that knows the request, before it does anything.
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
