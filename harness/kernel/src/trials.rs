//! Trials of what this machine allows a process.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use super::sys::{address_space, memfd, pagemap_scan};

/// Makes a memfd.
///
/// # Errors
/// The kernel's: it has no memfds, or a setting (`vm.memfd_noexec`) or a filter refuses them.
pub fn make_memfd() -> io::Result<OwnedFd> {
    Ok(memfd::control()?)
}

/// Checks that one `stat` returns the number of a process's descriptors (Linux 6.2 and later).
///
/// # Errors
/// `/proc/self/fd` cannot be read.
pub fn has_fd_count() -> io::Result<bool> {
    Ok(std::fs::metadata("/proc/self/fd")?.len() > 0)
}

/// Checks that the kernel has `PAGEMAP_SCAN` (Linux 6.7 and later).
///
/// # Errors
/// `/proc/self/pagemap` cannot be read, or refuses for another reason.
pub fn has_pagemap_scan() -> io::Result<bool> {
    Ok(pagemap_scan::is_known(&File::open("/proc/self/pagemap")?)?)
}

/// Lengths in bytes of the free ranges of this process's address space that have at least `min_bytes`,
/// the longest first. It reserves all of them for a moment, so no other thread should run.
pub fn free_ranges(min_bytes: usize) -> Vec<u64> {
    address_space::free_ranges(min_bytes)
}
