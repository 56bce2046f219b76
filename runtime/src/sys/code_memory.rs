//! Pages of machine code: written while writable, then executable for good, unmapped on drop.

use std::ptr::{self, NonNull};

use rustix::io::Errno;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect};

/// Machine code, executable and never writable.
#[derive(Debug)]
pub(crate) struct CodeMemory {
    base: NonNull<u8>,
    /// Of the text; the mapping is as long, in whole pages.
    len_bytes: usize,
}

// SAFETY: an immutable range of memory of its own.
unsafe impl Send for CodeMemory {}
// SAFETY: as above.
unsafe impl Sync for CodeMemory {}

/// Machine code could not be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot map {len_bytes} bytes of machine code: {errno}{}", hint(.errno))]
pub struct CodeMemoryError {
    /// Size of the code.
    pub len_bytes: usize,
    errno: Errno,
}

fn hint(errno: &Errno) -> &'static str {
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
    /// When the kernel refuses the mapping; nothing stays mapped.
    pub(crate) fn new(text: &[u8]) -> Result<Self, CodeMemoryError> {
        let error = |errno| CodeMemoryError { len_bytes: text.len(), errno };
        if text.is_empty() {
            return Ok(CodeMemory { base: NonNull::dangling(), len_bytes: 0 });
        }
        // SAFETY: a fresh private mapping at an address that the kernel chooses.
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
        // SAFETY: the mapping is at least as long as the text, writable, and nobody else's.
        unsafe { ptr::copy_nonoverlapping(text.as_ptr(), memory.base.as_ptr(), text.len()) };
        // SAFETY: the mapping is ours; its writable days end here, before anything runs in it.
        unsafe { mprotect(base, text.len(), MprotectFlags::READ | MprotectFlags::EXEC) }
            .map_err(error)?;
        Ok(memory)
    }

    /// Address of the first byte.
    pub(crate) fn start(&self) -> usize {
        self.base.as_ptr().addr()
    }

    /// Size of the code.
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
            // SAFETY: the mapping is ours, and whoever could run in it held a reference to this.
            unsafe { leftover::unmap(self.base, self.len_bytes) };
        }
    }
}

/// Code that the kernel did not unmap yet.
///
/// Neighbouring code merges into one mapping. To unmap its middle makes two of it, which the kernel
/// refuses a process that has all the mappings it may have. The pages go back even then, and the
/// addresses when mappings are free again: with the next code that is unmapped.
mod leftover {
    use std::ptr::NonNull;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Mutex, PoisonError};

    use rustix::mm::{Advice, madvise, munmap};

    /// A mapping that nobody uses, owned.
    struct Range {
        base: NonNull<u8>,
        len_bytes: usize,
    }

    // SAFETY: it owns the mapping, and only ever unmaps it.
    unsafe impl Send for Range {}

    static LEFT: Mutex<Vec<Range>> = Mutex::new(Vec::new());
    /// Whether there is any, so that whoever unmaps code need not take the lock to know.
    static ANY_LEFT: AtomicBool = AtomicBool::new(false);

    /// # Safety
    /// The range is a mapping of the caller's, who gives it up.
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
        // Pages that are locked stay; they too go when the range does.
        // SAFETY: the mapping is the range's own.
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
        /// Whether the kernel unmapped it; if not, it is as it was.
        fn unmap(&self) -> bool {
            // SAFETY: the mapping is this range's own; it is not used after this succeeds.
            unsafe { munmap(self.base.as_ptr().cast(), self.len_bytes) }.is_ok()
        }
    }
}

/// Address of machine code. Valid as long as the [`CodeMemory`] that it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CodePtr(NonNull<u8>);

// SAFETY: an address; only `sys::entry` jumps to it.
unsafe impl Send for CodePtr {}
// SAFETY: as above.
unsafe impl Sync for CodePtr {}

impl CodePtr {
    pub(crate) fn as_ptr(self) -> *const u8 {
        self.0.as_ptr()
    }
}
