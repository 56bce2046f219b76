//! The four mapping calls that slots need. Each acts on a range that the caller owns whole: within
//! a reservation, page-aligned, not empty, and seen by no one else for the length of the call.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags};

/// All slots are mapped without reserving swap: alike in that, neighbouring areas merge, and a
/// memory of 4 GiB can be made where it could not be filled.
const FLAGS: MapFlags = MapFlags::PRIVATE
    .union(MapFlags::FIXED)
    .union(MapFlags::NORESERVE);

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
