//! Pages of machine code: written, then made executable and read-only, unmapped on drop.

use std::ptr::{self, NonNull};

use rustix::io::Errno;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect};

/// Machine code, executable and not writable.
#[derive(Debug)]
pub(crate) struct CodeMemory {
    base: NonNull<u8>,
    /// Length of the text. The mapping is as long, rounded up to whole pages.
    len_bytes: usize,
}

// SAFETY: it owns a range of memory that does not change.
unsafe impl Send for CodeMemory {}
// SAFETY: as above.
unsafe impl Sync for CodeMemory {}

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
    if *errno == Errno::NOMEM {
        " (out of memory, or of mappings: see vm.max_map_count)"
    } else {
        ""
    }
}

impl CodeMemory {
    /// Maps a copy of `text`.
    ///
    /// # Errors
    /// If the kernel refuses the mapping. Nothing stays mapped then.
    pub(crate) fn new(text: &[u8]) -> Result<Self, CodeMemoryError> {
        let error = |errno| CodeMemoryError { len_bytes: text.len(), errno };
        if text.is_empty() {
            return Ok(CodeMemory { base: NonNull::dangling(), len_bytes: 0 });
        }
        // SAFETY: a new private mapping at an address that the kernel chooses.
        let base = unsafe {
            mmap_anonymous(
                ptr::null_mut(),
                text.len(),
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE,
            )
        }
        .map_err(error)?;
        let memory = CodeMemory {
            base: NonNull::new(base.cast()).ok_or(error(Errno::NOMEM))?,
            len_bytes: text.len(),
        };
        // SAFETY: the mapping is writable and as long as the text, and only this value has its
        // address.
        unsafe { ptr::copy_nonoverlapping(text.as_ptr(), memory.base.as_ptr(), text.len()) };
        // SAFETY: this value owns the mapping, and nothing runs in it yet.
        unsafe { mprotect(base, text.len(), MprotectFlags::READ | MprotectFlags::EXEC) }
            .map_err(error)?;
        Ok(memory)
    }

    /// Address of the first byte.
    pub(crate) fn start(&self) -> usize {
        self.base.as_ptr().addr()
    }

    /// Size of the code in bytes.
    pub(crate) fn len_bytes(&self) -> usize {
        self.len_bytes
    }

    /// Address of the instruction at `offset`.
    ///
    /// # Panics
    /// If `offset` is outside the code.
    pub(crate) fn at(&self, offset: u32) -> CodePtr {
        assert!((offset as usize) < self.len_bytes, "offset {offset} is outside the code");
        // SAFETY: in bounds of the mapping, by the assertion.
        CodePtr(unsafe { self.base.add(offset as usize) })
    }
}

impl Drop for CodeMemory {
    fn drop(&mut self) {
        if self.len_bytes != 0 {
            // SAFETY: this value owns the mapping. Code in it runs only while a store keeps a
            // reference to this value, so no code is running.
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
