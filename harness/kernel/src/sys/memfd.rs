//! Memfds that show the device on which the kernel makes them.

use rustix::fs::{MemfdFlags, fstat, memfd_create};
use rustix::io;

/// The huge page sizes of `memfd_create`, on any architecture.
pub(crate) const HUGE_PAGE_SIZES: [MemfdFlags; 11] = [
    MemfdFlags::HUGE_64KB,
    MemfdFlags::HUGE_512KB,
    MemfdFlags::HUGE_1MB,
    MemfdFlags::HUGE_2MB,
    MemfdFlags::HUGE_8MB,
    MemfdFlags::HUGE_16MB,
    MemfdFlags::HUGE_32MB,
    MemfdFlags::HUGE_256MB,
    MemfdFlags::HUGE_512MB,
    MemfdFlags::HUGE_1GB,
    MemfdFlags::HUGE_16GB,
];

/// The device of memfds of ordinary pages.
pub(crate) fn device_of_plain() -> io::Result<u64> {
    device_of(MemfdFlags::empty())
}

/// The device of memfds of one huge page size. The file stays empty, so it takes no huge page.
pub(crate) fn device_of_huge(size: MemfdFlags) -> io::Result<u64> {
    device_of(MemfdFlags::HUGETLB | size)
}

/// A new memfd, to check that this kernel has them.
pub(crate) fn control() -> io::Result<rustix::fd::OwnedFd> {
    memfd_create(c"leakbench-control", MemfdFlags::CLOEXEC)
}

fn device_of(flags: MemfdFlags) -> io::Result<u64> {
    let fd = memfd_create(c"leakbench-device", MemfdFlags::CLOEXEC | flags)?;
    Ok(fstat(&fd)?.st_dev)
}
