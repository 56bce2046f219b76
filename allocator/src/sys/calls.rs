//! The mapping calls for slots.
//!
//! Each call acts on a range that the caller owns: it lies in a reservation, its ends are multiples
//! of the page size, it is not empty, and nothing else uses it during the call.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags};

use crate::sync::mapping_step;

/// All mappings of slots have the same flags, so that neighbours can merge. Without reserved swap a
/// memory of 4 GiB can be mapped on a machine with less.
const FLAGS: MapFlags = MapFlags::PRIVATE.union(MapFlags::FIXED).union(MapFlags::NORESERVE);

const ACCESSIBLE: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);

/// Maps the range as reserved address space, without access.
///
/// # Safety
/// The caller must own the range, as the module doc defines.
pub(super) unsafe fn map_reserved(at: *mut u8, len_bytes: usize) -> io::Result<()> {
    mapping_step();
    // SAFETY: the caller owns the range.
    unsafe { rustix::mm::mmap_anonymous(at.cast(), len_bytes, ProtFlags::empty(), FLAGS) }?;
    Ok(())
}

/// Maps the range as zeroes that can be read and written.
///
/// # Safety
/// The caller must own the range, as the module doc defines.
pub(super) unsafe fn map_zeroes(at: *mut u8, len_bytes: usize) -> io::Result<()> {
    mapping_step();
    // SAFETY: the caller owns the range.
    unsafe { rustix::mm::mmap_anonymous(at.cast(), len_bytes, ACCESSIBLE, FLAGS) }?;
    Ok(())
}

/// Maps a file over the range, from its offset `start` on, copy-on-write.
///
/// # Safety
/// The caller must own the range, as the module doc defines. From `start` the file must not be shorter
/// than the range, in pages, now or later: an access beyond its end raises SIGBUS.
pub(super) unsafe fn map_image(
    at: *mut u8,
    len_bytes: usize,
    file: BorrowedFd<'_>,
    start: u64,
) -> io::Result<()> {
    mapping_step();
    // SAFETY: the caller owns the range.
    unsafe { rustix::mm::mmap(at.cast(), len_bytes, ACCESSIBLE, FLAGS, file, start) }?;
    Ok(())
}

/// Makes reserved address space accessible. It holds zeroes.
///
/// # Safety
/// The caller must own the range, as the module doc defines.
pub(super) unsafe fn allow_access(at: *mut u8, len_bytes: usize) -> io::Result<()> {
    let access = MprotectFlags::READ.union(MprotectFlags::WRITE);
    // SAFETY: the caller owns the range.
    unsafe { rustix::mm::mprotect(at.cast(), len_bytes, access) }?;
    Ok(())
}

/// Drops every written page: the range reads as when it was mapped.
///
/// # Safety
/// The caller must own the range, as the module doc defines.
pub(super) unsafe fn drop_pages(at: *mut u8, len_bytes: usize) -> io::Result<()> {
    // SAFETY: the caller owns the range.
    unsafe { rustix::mm::madvise(at.cast(), len_bytes, Advice::LinuxDontNeed) }?;
    Ok(())
}

/// A range of addresses in the kernel's layout.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Range(libc::iovec);

impl Range {
    pub(super) const EMPTY: Range =
        Range(libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 });

    pub(super) fn new(at: *mut u8, len_bytes: usize) -> Range {
        Range(libc::iovec { iov_base: at.cast(), iov_len: len_bytes })
    }
}

/// Denotes this process in place of a pidfd (Linux 6.14).
const PIDFD_SELF: libc::c_long = -10_000;

/// As [`drop_pages`], for many ranges by one call, with one TLB flush.
///
/// # Errors
/// If the kernel lacks the call, does not allow it, or stops midway. The caller can then call
/// [`drop_pages`] for each range: dropping pages twice is harmless.
///
/// # Safety
/// The caller must own each range, as the module doc defines.
pub(super) unsafe fn drop_pages_of_all(ranges: &[Range]) -> io::Result<()> {
    // SAFETY: the caller owns the ranges. `Range` has the layout of an iovec, and the kernel reads
    // `ranges.len()` of them.
    let done = unsafe {
        libc::syscall(
            libc::SYS_process_madvise,
            PIDFD_SELF,
            ranges.as_ptr(),
            ranges.len(),
            libc::MADV_DONTNEED,
            0,
        )
    };
    let len_bytes: usize = ranges.iter().map(|range| range.0.iov_len).sum();
    match usize::try_from(done) {
        Ok(done) if done == len_bytes => Ok(()),
        Ok(_) => Err(io::ErrorKind::Interrupted.into()),
        Err(_) => Err(io::Error::last_os_error()),
    }
}
