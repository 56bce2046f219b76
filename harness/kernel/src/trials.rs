//! What this machine lets a process do, tried out.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use super::sys::{address_space, memfd, pagemap_scan};

/// A memfd of nobody else's.
///
/// # Errors
/// The kernel's: it has no memfds, or a setting (`vm.memfd_noexec`) or a filter refuses them.
pub fn make_memfd() -> io::Result<OwnedFd> {
    Ok(memfd::lone()?)
}

/// Whether one `stat` tells how many descriptors a process has (Linux 6.2 and later).
///
/// # Errors
/// `/proc/self/fd` is not to be read.
pub fn tells_fd_count() -> io::Result<bool> {
    Ok(std::fs::metadata("/proc/self/fd")?.len() > 0)
}

/// Whether the kernel has `PAGEMAP_SCAN` (Linux 6.7 and later).
///
/// # Errors
/// `/proc/self/pagemap` is not to be read, or refuses for another reason.
pub fn has_pagemap_scan() -> io::Result<bool> {
    Ok(pagemap_scan::is_known(&File::open("/proc/self/pagemap")?)?)
}

/// Lengths in bytes of the free ranges of this process's address space, as far as they are
/// `least_bytes` long, the longest first. All of them are taken for a moment: for a process in
/// which nothing else runs.
pub fn free_ranges(least_bytes: usize) -> Vec<u64> {
    address_space::free_ranges(least_bytes)
}
