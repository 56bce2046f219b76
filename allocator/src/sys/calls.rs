//! The mapping calls that slots need. Each acts on a range that the caller owns whole: within
//! a reservation, page-aligned, not empty, and seen by no one else for the length of the call.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags};

/// All slots are mapped without reserving swap: alike in that, neighbouring mappings merge, and a
/// memory of 4 GiB can be made where it could not be filled.
const FLAGS: MapFlags = MapFlags::PRIVATE.union(MapFlags::FIXED).union(MapFlags::NORESERVE);

const ACCESSIBLE: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);

/// Replaces whatever is mapped by bare reservation.
///
/// # Safety
/// The range must be the caller's own, as the module says.
pub(super) unsafe fn map_reserved(at: *mut u8, len_bytes: usize) -> io::Result<()> {
    // SAFETY: the range is the caller's own.
    unsafe { rustix::mm::mmap_anonymous(at.cast(), len_bytes, ProtFlags::empty(), FLAGS) }?;
    Ok(())
}

/// Replaces whatever is mapped by zeroes that can be read and written.
///
/// # Safety
/// The range must be the caller's own, as the module says.
pub(super) unsafe fn map_zeroes(at: *mut u8, len_bytes: usize) -> io::Result<()> {
    // SAFETY: the range is the caller's own.
    unsafe { rustix::mm::mmap_anonymous(at.cast(), len_bytes, ACCESSIBLE, FLAGS) }?;
    Ok(())
}

/// Replaces whatever is mapped by a file's bytes from its start, copied when written.
///
/// # Safety
/// The range must be the caller's own, as the module says. A read of a page beyond the file's end
/// raises SIGBUS: the file must not be, nor become, shorter.
pub(super) unsafe fn map_image(
    at: *mut u8,
    len_bytes: usize,
    file: BorrowedFd<'_>,
) -> io::Result<()> {
    // SAFETY: the range is the caller's own.
    unsafe { rustix::mm::mmap(at.cast(), len_bytes, ACCESSIBLE, FLAGS, file, 0) }?;
    Ok(())
}

/// Lets bare reservation be read and written; it holds zeroes.
///
/// # Safety
/// The range must be the caller's own, as the module says.
pub(super) unsafe fn allow_access(at: *mut u8, len_bytes: usize) -> io::Result<()> {
    let access = MprotectFlags::READ.union(MprotectFlags::WRITE);
    // SAFETY: the range is the caller's own.
    unsafe { rustix::mm::mprotect(at.cast(), len_bytes, access) }?;
    Ok(())
}

/// Drops every page that was written: what is mapped reads as when it was mapped.
///
/// # Safety
/// The range must be the caller's own, as the module says.
pub(super) unsafe fn drop_pages(at: *mut u8, len_bytes: usize) -> io::Result<()> {
    // SAFETY: the range is the caller's own.
    unsafe { rustix::mm::madvise(at.cast(), len_bytes, Advice::LinuxDontNeed) }?;
    Ok(())
}

/// A range of addresses, in the kernel's form.
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

/// This process, where the kernel takes a pidfd (Linux 6.14).
const PIDFD_SELF: libc::c_long = -10_000;

/// [`drop_pages`] of many ranges by one call, for which the kernel flushes its TLBs once.
///
/// # Errors
/// Also where the kernel has no such call, or does not let a process use it so: each range can
/// then be treated by itself, for it does no harm to do it twice.
///
/// # Safety
/// Each range must be the caller's own, as the module says.
pub(super) unsafe fn drop_pages_of_all(ranges: &[Range]) -> io::Result<()> {
    // SAFETY: the ranges are the caller's own; `Range` has the layout of an iovec, and the kernel
    // reads as many as there are.
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
