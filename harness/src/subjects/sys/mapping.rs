//! Mappings that no reference points into, so that any access to them is allowed.

use std::io;
use std::os::fd::BorrowedFd;
use std::ptr;

use rustix::mm::{
    Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mlock, mmap, mmap_anonymous, mprotect,
    munmap,
};

const WRITABLE: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);

/// A mapping, which ends when it is dropped.
#[derive(Debug)]
pub(in crate::subjects) struct Mapping {
    /// Its first address, a multiple of the page size.
    start: usize,
    /// A multiple of the page size, not 0.
    len_bytes: usize,
}

impl Mapping {
    /// The first page of a file.
    ///
    /// # Errors
    /// The kernel's.
    pub(in crate::subjects) fn of_file(file: BorrowedFd<'_>) -> io::Result<Mapping> {
        let len_bytes = rustix::param::page_size();
        // SAFETY: without MAP_FIXED the kernel chooses addresses that nothing uses.
        let start = unsafe {
            mmap(ptr::null_mut(), len_bytes, ProtFlags::READ, MapFlags::PRIVATE, file, 0)
        }?;
        Ok(Mapping { start: start.expose_provenance(), len_bytes })
    }

    /// The first pages of a file, shared and writable.
    ///
    /// # Errors
    /// The kernel's.
    pub(in crate::subjects) fn of_shared_file(
        file: BorrowedFd<'_>,
        pages: usize,
    ) -> io::Result<Mapping> {
        let len_bytes = pages * rustix::param::page_size();
        // SAFETY: without MAP_FIXED the kernel chooses addresses that nothing uses.
        let start =
            unsafe { mmap(ptr::null_mut(), len_bytes, WRITABLE, MapFlags::SHARED, file, 0) }?;
        Ok(Mapping { start: start.expose_provenance(), len_bytes })
    }

    /// Huge pages of this length, a multiple of their size.
    ///
    /// # Errors
    /// The kernel's: it has none that are free.
    pub(in crate::subjects) fn of_huge_pages(len_bytes: usize) -> io::Result<Mapping> {
        let flags = MapFlags::PRIVATE.union(MapFlags::HUGETLB);
        // SAFETY: without MAP_FIXED the kernel chooses addresses that nothing uses.
        let start = unsafe { mmap_anonymous(ptr::null_mut(), len_bytes, WRITABLE, flags) }?;
        Ok(Mapping { start: start.expose_provenance(), len_bytes })
    }

    /// Zeroes of this length, a multiple of the page size. No swap is reserved for them, and the kernel
    /// gives them no huge pages.
    ///
    /// # Errors
    /// The kernel's.
    pub(in crate::subjects) fn of_zeroes(len_bytes: usize) -> io::Result<Mapping> {
        let mapping = Mapping::anonymous(len_bytes, WRITABLE)?;
        let start = ptr::with_exposed_provenance_mut(mapping.start);
        // SAFETY: the advice changes no contents, and the range is this mapping.
        match unsafe { madvise(start, len_bytes, Advice::LinuxNoHugepage) } {
            // A kernel without huge pages does not know the advice.
            Err(rustix::io::Errno::INVAL) | Ok(()) => Ok(mapping),
            Err(error) => Err(error.into()),
        }
    }

    /// Address space of this length, a multiple of the page size, without access.
    ///
    /// # Errors
    /// The kernel's.
    pub(in crate::subjects) fn reserved(len_bytes: usize) -> io::Result<Mapping> {
        Mapping::anonymous(len_bytes, ProtFlags::empty())
    }

    fn anonymous(len_bytes: usize, protection: ProtFlags) -> io::Result<Mapping> {
        let flags = MapFlags::PRIVATE.union(MapFlags::NORESERVE);
        // SAFETY: without MAP_FIXED the kernel chooses addresses that nothing uses.
        let start = unsafe { mmap_anonymous(ptr::null_mut(), len_bytes, protection, flags) }?;
        Ok(Mapping { start: start.expose_provenance(), len_bytes })
    }

    /// Gives one page another protection; an empty one allows no access.
    ///
    /// # Errors
    /// The kernel's.
    ///
    /// # Panics
    /// The mapping has no such page.
    pub(in crate::subjects) fn protect_page(
        &mut self,
        page: usize,
        protection: MprotectFlags,
    ) -> io::Result<()> {
        let (at, len_bytes) = self.page(page);
        // SAFETY: the page is in this mapping, and no reference points into it.
        unsafe { mprotect(ptr::with_exposed_provenance_mut(at), len_bytes, protection) }?;
        Ok(())
    }

    /// Gives the first `pages` pages one protection.
    ///
    /// # Errors
    /// The kernel's.
    ///
    /// # Panics
    /// The mapping has fewer pages.
    pub(in crate::subjects) fn protect_first(
        &mut self,
        pages: usize,
        protection: MprotectFlags,
    ) -> io::Result<()> {
        assert!(pages <= self.pages(), "{pages} pages of {}", self.pages());
        let len_bytes = pages * rustix::param::page_size();
        // SAFETY: the range is in this mapping, and no reference points into it.
        unsafe { mprotect(ptr::with_exposed_provenance_mut(self.start), len_bytes, protection) }?;
        Ok(())
    }

    /// Replaces one page by zeroes.
    ///
    /// # Errors
    /// The kernel's.
    ///
    /// # Panics
    /// The mapping has no such page.
    pub(in crate::subjects) fn replace_page(&mut self, page: usize) -> io::Result<()> {
        let (at, len_bytes) = self.page(page);
        let flags = MapFlags::PRIVATE.union(MapFlags::FIXED).union(MapFlags::NORESERVE);
        let at = ptr::with_exposed_provenance_mut(at);
        // SAFETY: the page is in this mapping, which owns it, and no reference points into it.
        unsafe { mmap_anonymous(at, len_bytes, WRITABLE, flags) }?;
        Ok(())
    }

    /// Makes one page resident, as a write would.
    ///
    /// # Errors
    /// The kernel's: the page may not be written, or there is no memory for it.
    ///
    /// # Panics
    /// The mapping has no such page.
    pub(in crate::subjects) fn populate_page(&mut self, page: usize) -> io::Result<()> {
        let (at, len_bytes) = self.page(page);
        let at = ptr::with_exposed_provenance_mut(at);
        // SAFETY: the page is in this mapping, and populating does not change what it holds.
        unsafe { madvise(at, len_bytes, Advice::LinuxPopulateWrite) }?;
        Ok(())
    }

    /// Makes all of it resident, as writes would.
    ///
    /// # Errors
    /// As [`Mapping::populate_page`].
    pub(in crate::subjects) fn populate(&self) -> io::Result<()> {
        let start = ptr::with_exposed_provenance_mut(self.start);
        // SAFETY: the range is this mapping, and populating does not change what it holds.
        unsafe { madvise(start, self.len_bytes, Advice::LinuxPopulateWrite) }?;
        Ok(())
    }

    /// Locks one page in memory.
    ///
    /// # Errors
    /// The kernel's: the user may not lock more.
    ///
    /// # Panics
    /// The mapping has no such page.
    pub(in crate::subjects) fn lock_page(&mut self, page: usize) -> io::Result<()> {
        let (at, len_bytes) = self.page(page);
        // SAFETY: the page is in this mapping, and locking does not change what it holds.
        unsafe { mlock(ptr::with_exposed_provenance_mut(at), len_bytes) }?;
        Ok(())
    }

    /// The number of its pages.
    pub(in crate::subjects) fn pages(&self) -> usize {
        self.len_bytes / rustix::param::page_size()
    }

    /// Address and length of a page.
    fn page(&self, page: usize) -> (usize, usize) {
        let pages = self.pages();
        assert!(page < pages, "page {page} of a mapping of {pages} pages");
        let len_bytes = rustix::param::page_size();
        (self.start + page * len_bytes, len_bytes)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is this mapping, and no reference points into it.
        let unmapped =
            unsafe { munmap(ptr::with_exposed_provenance_mut(self.start), self.len_bytes) };
        debug_assert!(unmapped.is_ok(), "munmap: {unmapped:?}");
    }
}
