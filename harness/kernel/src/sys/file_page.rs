//! One page of a file, mapped to see its line in `maps`.

use std::os::fd::BorrowedFd;
use std::ptr;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// A mapping of the first page of a file, which nothing reads. The drop unmaps it.
#[derive(Debug)]
pub(crate) struct FilePage {
    start: usize,
    len_bytes: usize,
}

impl FilePage {
    /// Maps the page, readable and copy-on-write.
    pub(crate) fn map(fd: BorrowedFd<'_>) -> rustix::io::Result<FilePage> {
        let len_bytes = rustix::param::page_size();
        // SAFETY: without FIXED the kernel picks free addresses, so that no existing mapping is touched.
        // No reference to the page is made: reading a file that is shorter would raise a signal.
        let start =
            unsafe { mmap(ptr::null_mut(), len_bytes, ProtFlags::READ, MapFlags::PRIVATE, fd, 0)? };
        Ok(FilePage { start: start.addr(), len_bytes })
    }

    /// Its address.
    pub(crate) fn start(&self) -> usize {
        self.start
    }
}

impl Drop for FilePage {
    fn drop(&mut self) {
        let start = ptr::without_provenance_mut(self.start);
        // SAFETY: this value alone has the mapping, and no reference points into it.
        let result = unsafe { munmap(start, self.len_bytes) };
        debug_assert!(result.is_ok(), "unmapping a page: {result:?}");
    }
}
