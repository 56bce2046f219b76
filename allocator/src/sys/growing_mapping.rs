//! An anonymous mapping that grows, and moves if there is no room behind it.

use std::io;
use std::ptr::{self, NonNull};

use rustix::mm::{MapFlags, MremapFlags, ProtFlags, mmap_anonymous, mremap, munmap};

/// Owns zeroes that can be read and written, in whole pages of the kernel.
#[derive(Debug)]
pub(crate) struct GrowingMapping {
    /// Dangling if nothing is mapped.
    base: NonNull<u8>,
    len_bytes: usize,
}

// SAFETY: it owns its range of addresses, as a box owns its bytes.
unsafe impl Send for GrowingMapping {}
// SAFETY: a shared reference does not access the memory.
unsafe impl Sync for GrowingMapping {}

impl GrowingMapping {
    /// # Errors
    /// If the kernel refuses the mapping.
    pub(crate) fn new(len_bytes: usize) -> io::Result<GrowingMapping> {
        let mut mapping = GrowingMapping { base: NonNull::dangling(), len_bytes: 0 };
        mapping.grow(len_bytes)?;
        Ok(mapping)
    }

    /// The address of the first byte, which growth changes.
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Maps at least `len_bytes`. Less than the present length has no effect.
    ///
    /// # Errors
    /// If the kernel refuses. Nothing changes then.
    pub(crate) fn grow(&mut self, len_bytes: usize) -> io::Result<()> {
        let page_bytes = rustix::param::page_size();
        let whole =
            len_bytes.checked_next_multiple_of(page_bytes).ok_or(io::ErrorKind::OutOfMemory)?;
        if whole <= self.len_bytes {
            return Ok(());
        }
        let base = if self.len_bytes == 0 {
            let access = ProtFlags::READ | ProtFlags::WRITE;
            // Without reserved swap, as the memories in slots.
            let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
            // SAFETY: the kernel chooses the address, so no existing mapping is replaced.
            unsafe { mmap_anonymous(ptr::null_mut(), whole, access, flags) }
        } else {
            // SAFETY: this value owns the whole mapping, exclusively borrowed. It is one mapping with
            // the same flags throughout.
            unsafe {
                mremap(self.base.as_ptr().cast(), self.len_bytes, whole, MremapFlags::MAYMOVE)
            }
        }?;
        self.base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        self.len_bytes = whole;
        Ok(())
    }

    /// The bytes.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the mapping is readable and writable, as long, exclusively borrowed, and initialised
        // by the kernel.
        unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr(), self.len_bytes) }
    }
}

impl Drop for GrowingMapping {
    fn drop(&mut self) {
        if self.len_bytes > 0 {
            // SAFETY: this value owns the mapping, and nothing uses it after this.
            let result = unsafe { munmap(self.base.as_ptr().cast(), self.len_bytes) };
            debug_assert!(result.is_ok(), "unmapping a memory: {result:?}");
        }
    }
}
