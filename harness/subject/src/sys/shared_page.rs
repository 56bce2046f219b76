//! The mapping of a status page.

use std::io;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;

use rustix::fs::{
    MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, ftruncate, memfd_create,
};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::wire::StatusPage;

/// A [`StatusPage`] in memory that two processes share.
#[derive(Debug)]
pub struct SharedPage {
    page: NonNull<StatusPage>,
    fd: OwnedFd,
}

const SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW);

impl SharedPage {
    /// A page of zeros.
    ///
    /// # Errors
    /// The kernel's.
    pub fn create() -> io::Result<SharedPage> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let fd = memfd_create("leakbench-status", flags)?;
        ftruncate(&fd, size_of::<StatusPage>() as u64)?;
        fcntl_add_seals(&fd, SEALS)?;
        SharedPage::open(fd)
    }

    /// The page that another process created.
    ///
    /// # Errors
    /// The kernel's; or `fd` is no status page.
    pub fn open(fd: OwnedFd) -> io::Result<SharedPage> {
        let size = rustix::fs::fstat(&fd)?.st_size;
        if size != size_of::<StatusPage>() as i64 || !fcntl_get_seals(&fd)?.contains(SEALS) {
            return Err(io::Error::other("the descriptor is not a status page"));
        }
        // SAFETY: the kernel chooses the address, so nothing else is mapped over.
        let address = unsafe {
            let prot = ProtFlags::READ | ProtFlags::WRITE;
            mmap(std::ptr::null_mut(), size_of::<StatusPage>(), prot, MapFlags::SHARED, &fd, 0)?
        };
        let page = NonNull::new(address.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(SharedPage { page, fd })
    }
}

impl AsFd for SharedPage {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Deref for SharedPage {
    type Target = StatusPage;

    fn deref(&self) -> &StatusPage {
        // SAFETY: the mapping is as long as a StatusPage, page-aligned, sealed against shrinking
        // and lives as long as self. StatusPage is made of atomics, of u64, for which
        // every bit pattern that the other process may write is valid.
        unsafe { self.page.as_ref() }
    }
}

impl Drop for SharedPage {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `open` with this size, and no reference outlives self.
        // Failure would leave it mapped, which harms nothing.
        let _ = unsafe { munmap(self.page.as_ptr().cast(), size_of::<StatusPage>()) };
    }
}

// SAFETY: the pointer is to shared memory that only atomics access; munmap may run on any thread.
unsafe impl Send for SharedPage {}
// SAFETY: as above: all access through & is atomic.
unsafe impl Sync for SharedPage {}
