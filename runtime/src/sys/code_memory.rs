//! Pages of machine code: written, then made executable and read-only. On drop the engine keeps some for
//! other code, and unmaps the rest. Code of an artifact is in the mapping of its file.

use std::fs::File;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mmap_anonymous, mprotect};

/// Machine code, executable and not writable.
#[derive(Debug)]
pub(crate) struct CodeMemory {
    mapping: ManuallyDrop<Mapping>,
    /// Length of what precedes the code in the mapping, which is readable only.
    lead_bytes: usize,
    /// Takes the mapping back. `None` if it is that of a file.
    spares: Option<Arc<CodeSpares>>,
}

/// Pages of dropped code that an engine keeps for other code: two changes of their access cost a third
/// of what a new mapping and its end do.
#[derive(Debug, Default)]
pub(crate) struct CodeSpares(Mutex<Vec<Mapping>>);

/// Maximum size of what an engine keeps, in pages.
pub(crate) const SPARE_PAGES: usize = 16;

impl CodeSpares {
    /// Memory for `len_bytes` bytes of code, which only the caller has. Its contents may be old code.
    ///
    /// # Errors
    /// If the kernel refuses a mapping. Nothing stays mapped then.
    fn writable(&self, len_bytes: usize) -> Result<Mapping, Errno> {
        if let Some(mut spare) = self.take(len_bytes) {
            spare.len_bytes = len_bytes;
            if spare.protect(0, MprotectFlags::READ | MprotectFlags::WRITE).is_ok() {
                return Ok(spare);
            }
        }
        // SAFETY: a new private mapping at an address that the kernel chooses.
        let base = unsafe {
            mmap_anonymous(
                ptr::null_mut(),
                len_bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE,
            )
        }?;
        let base = NonNull::new(base.cast::<u8>()).ok_or(Errno::NOMEM)?;
        Ok(Mapping { base, len_bytes })
    }

    fn take(&self, len_bytes: usize) -> Option<Mapping> {
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = spares.iter().position(|spare| spare.pages() == pages(len_bytes))?;
        Some(spares.swap_remove(fitting))
    }

    /// Keeps the pages of code that nothing uses any more, or unmaps them.
    fn give_back(&self, mapping: Mapping) {
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: usize = spares.iter().map(Mapping::pages).sum();
        if mapping.len_bytes > 0 && kept + mapping.pages() <= SPARE_PAGES {
            spares.push(mapping);
        }
    }
}

fn pages(len_bytes: usize) -> usize {
    len_bytes.div_ceil(rustix::param::page_size())
}

/// A range of memory that nothing writes.
#[derive(Debug)]
struct Mapping {
    base: NonNull<u8>,
    /// Length of the contents; 0 if nothing is mapped. The mapping is as long, rounded up to whole
    /// pages.
    len_bytes: usize,
}

// SAFETY: it owns a range of memory that does not change.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

/// Machine code cannot be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot map {len_bytes} bytes of machine code: {errno}{}", advice(.errno))]
pub struct CodeMemoryError {
    /// Size of the code in bytes.
    pub len_bytes: usize,
    #[source]
    errno: Errno,
}

fn advice(errno: &Errno) -> &'static str {
    match *errno {
        Errno::NOMEM => " (out of memory, or of mappings: see vm.max_map_count)",
        Errno::ACCESS => " (is the file system mounted with noexec?)",
        _ => "",
    }
}

impl CodeMemory {
    /// Maps a copy of `text`.
    ///
    /// # Errors
    /// If the kernel refuses the mapping. Nothing stays mapped then.
    pub(crate) fn new(text: &[u8], spares: &Arc<CodeSpares>) -> Result<Self, CodeMemoryError> {
        let error = |errno| CodeMemoryError { len_bytes: text.len(), errno };
        if text.is_empty() {
            return Ok(CodeMemory::of_mapping(Mapping::EMPTY, 0, None));
        }
        let mapping = spares.writable(text.len()).map_err(error)?;
        // SAFETY: the mapping is writable and as long as the text, and only this value has its
        // address.
        unsafe { ptr::copy_nonoverlapping(text.as_ptr(), mapping.base.as_ptr(), text.len()) };
        mapping.protect(0, MprotectFlags::READ | MprotectFlags::EXEC).map_err(error)?;
        Ok(CodeMemory::of_mapping(mapping, 0, Some(Arc::clone(spares))))
    }

    fn of_mapping(mapping: Mapping, lead_bytes: usize, spares: Option<Arc<CodeSpares>>) -> Self {
        CodeMemory { mapping: ManuallyDrop::new(mapping), lead_bytes, spares }
    }

    /// What precedes the code in the mapping.
    pub(crate) fn lead(&self) -> &[u8] {
        &self.mapping.bytes()[..self.lead_bytes]
    }

    /// The code.
    pub(crate) fn text(&self) -> &[u8] {
        &self.mapping.bytes()[self.lead_bytes..]
    }

    /// Address of the first byte of the code.
    pub(crate) fn start(&self) -> usize {
        self.text().as_ptr().addr()
    }

    /// Size of the code in bytes.
    pub(crate) fn len_bytes(&self) -> usize {
        self.mapping.len_bytes - self.lead_bytes
    }

    /// Address of the instruction at `offset`.
    ///
    /// # Panics
    /// If `offset` is outside the code.
    pub(crate) fn at(&self, offset: u32) -> CodePtr {
        assert!((offset as usize) < self.len_bytes(), "offset {offset} is outside the code");
        // SAFETY: in bounds of the mapping, by the assertion.
        CodePtr(unsafe { self.mapping.base.add(self.lead_bytes + offset as usize) })
    }
}

/// An artifact's file, mapped for reading. Nothing in it is executable yet.
#[derive(Debug)]
pub(crate) struct MappedFile(Mapping);

impl MappedFile {
    /// Maps the first `len_bytes` bytes of `file`. Its pages stay those of the page cache, which
    /// processes share.
    ///
    /// # Errors
    /// If the kernel refuses the mapping.
    ///
    /// # Safety
    /// Until the result, and the code that it becomes, is dropped, nothing changes or shortens the
    /// file. It has `len_bytes` bytes.
    pub(super) unsafe fn new(file: &File, len_bytes: usize) -> Result<Self, CodeMemoryError> {
        // SAFETY: by the contract.
        unsafe { Mapping::of_file(file, 0..len_bytes, ProtFlags::READ) }.map(MappedFile)
    }

    /// The contents of the file.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    /// The code that begins after `lead_bytes` bytes, made executable.
    ///
    /// # Errors
    /// If the kernel refuses that.
    ///
    /// # Panics
    /// If `lead_bytes` is not the start of a page, or beyond the file.
    pub(crate) fn into_code(self, lead_bytes: usize) -> Result<CodeMemory, CodeMemoryError> {
        assert!(lead_bytes <= self.0.len_bytes, "code beyond the file");
        assert!(lead_bytes.is_multiple_of(rustix::param::page_size()), "code within a page");
        let len_bytes = self.0.len_bytes - lead_bytes;
        self.0
            .protect(lead_bytes, MprotectFlags::READ | MprotectFlags::EXEC)
            .map_err(|errno| CodeMemoryError { len_bytes, errno })?;
        Ok(CodeMemory::of_mapping(self.0, lead_bytes, None))
    }
}

impl CodeMemory {
    /// Maps only the code at `place` of an artifact's file.
    ///
    /// # Errors
    /// If the kernel refuses the mapping.
    ///
    /// # Panics
    /// If `place` does not begin with a page.
    ///
    /// # Safety
    /// Until the result is dropped, nothing changes or shortens the file. `place` is within it.
    pub(super) unsafe fn of_file(
        file: &File,
        place: Range<usize>,
    ) -> Result<Self, CodeMemoryError> {
        assert!(place.start.is_multiple_of(rustix::param::page_size()), "code within a page");
        // SAFETY: by the contract.
        let mapping = unsafe { Mapping::of_file(file, place, ProtFlags::READ | ProtFlags::EXEC) }?;
        Ok(CodeMemory::of_mapping(mapping, 0, None))
    }
}

impl Drop for CodeMemory {
    fn drop(&mut self) {
        // SAFETY: once, here.
        let mapping = unsafe { ManuallyDrop::take(&mut self.mapping) };
        // Code in it runs only while a store keeps a reference to this value, so no code is running.
        match &self.spares {
            Some(spares) => spares.give_back(mapping),
            None => drop(mapping),
        }
    }
}

impl Mapping {
    const EMPTY: Mapping = Mapping { base: NonNull::dangling(), len_bytes: 0 };

    fn pages(&self) -> usize {
        pages(self.len_bytes)
    }

    /// Sets the access to what begins at `start`, which is the start of a page.
    fn protect(&self, start: usize, access: MprotectFlags) -> Result<(), Errno> {
        let rest = self.bytes().get(start..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(());
        }
        // SAFETY: this value owns the mapping, and nothing runs in it. The caller has written what it
        // wants there before it takes the right to write.
        unsafe { mprotect(rest.as_ptr().cast_mut().cast(), rest.len(), access) }
    }

    /// Maps a part of a file.
    ///
    /// # Safety
    /// Until the result is dropped, nothing changes or shortens the file. `place` is within it.
    unsafe fn of_file(
        file: &File,
        place: Range<usize>,
        access: ProtFlags,
    ) -> Result<Self, CodeMemoryError> {
        let len_bytes = place.len();
        let error = |errno| CodeMemoryError { len_bytes, errno };
        if len_bytes == 0 {
            return Ok(Mapping::EMPTY);
        }
        let start = place.start as u64;
        // SAFETY: a new private mapping at an address that the kernel chooses.
        let base =
            unsafe { mmap(ptr::null_mut(), len_bytes, access, MapFlags::PRIVATE, file, start) }
                .map_err(error)?;
        let base = NonNull::new(base.cast::<u8>()).ok_or(error(Errno::NOMEM))?;
        Ok(Mapping { base, len_bytes })
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: this value owns the mapping, which is readable, as long as this and not written
        // while the value can be shared.
        unsafe { slice::from_raw_parts(self.base.as_ptr(), self.len_bytes) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.len_bytes != 0 {
            // SAFETY: this value owns the mapping, and no code in it runs.
            unsafe { leftover::unmap(self.base, self.len_bytes) };
        }
    }
}

/// Ranges of code that the kernel refused to unmap.
///
/// Neighbouring ranges merge into one mapping. Unmapping the middle of a mapping splits it in two,
/// which the kernel refuses if the process has reached its limit of mappings. The pages are freed
/// even then. The addresses are freed when a later range is unmapped with success.
mod leftover {
    use std::ptr::NonNull;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Mutex, PoisonError};

    use rustix::mm::{Advice, madvise, munmap};

    /// Owns a mapping that nothing uses.
    struct Range {
        base: NonNull<u8>,
        len_bytes: usize,
    }

    // SAFETY: it owns the mapping, and only unmaps it.
    unsafe impl Send for Range {}

    static LEFT: Mutex<Vec<Range>> = Mutex::new(Vec::new());
    /// True if there are such ranges, so that unmapping does not need the lock to find out.
    static ANY_LEFT: AtomicBool = AtomicBool::new(false);

    /// # Safety
    /// The caller owns the mapping and does not use it any more.
    pub(super) unsafe fn unmap(base: NonNull<u8>, len_bytes: usize) {
        let range = Range { base, len_bytes };
        if range.unmap() {
            if ANY_LEFT.swap(false, Ordering::Relaxed) {
                let left =
                    std::mem::take(&mut *LEFT.lock().unwrap_or_else(PoisonError::into_inner));
                keep(left.into_iter().filter(|range| !range.unmap()).collect());
            }
            return;
        }
        // `madvise` fails for locked pages. They are freed with the range.
        // SAFETY: the range owns the mapping.
        let _ = unsafe { madvise(base.as_ptr().cast(), len_bytes, Advice::LinuxDontNeed) };
        keep(vec![range]);
    }

    fn keep(mut ranges: Vec<Range>) {
        if !ranges.is_empty() {
            LEFT.lock().unwrap_or_else(PoisonError::into_inner).append(&mut ranges);
            ANY_LEFT.store(true, Ordering::Relaxed);
        }
    }

    impl Range {
        /// Unmaps the range. Returns false if the kernel refuses; the range is then unchanged.
        fn unmap(&self) -> bool {
            // SAFETY: the range owns the mapping, and does not use it after this succeeds.
            unsafe { munmap(self.base.as_ptr().cast(), self.len_bytes) }.is_ok()
        }
    }
}

/// The address of machine code. Valid as long as its [`CodeMemory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CodePtr(NonNull<u8>);

// SAFETY: an address. Only `sys::entry` jumps to it.
unsafe impl Send for CodePtr {}
// SAFETY: as above.
unsafe impl Sync for CodePtr {}

impl CodePtr {
    pub(crate) fn as_ptr(self) -> *const u8 {
        self.0.as_ptr()
    }
}
