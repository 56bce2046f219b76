//! Raw memory: the bytes of a memory, and mappings that use up the limit of the process.
#![allow(unsafe_code, reason = "memories are raw bytes; mappings are used up by mapping them")]

use std::ptr::{self, NonNull};

use leakbench_allocator::SlotMemory;
use rustix::mm::{MapFlags, ProtFlags};

/// All bytes of a memory.
pub(crate) fn bytes(memory: &SlotMemory) -> &[u8] {
    // SAFETY: the first `len_bytes` from the base can be read while the memory lives, and nothing
    // writes them during the borrow.
    unsafe { std::slice::from_raw_parts(memory.base().as_ptr(), memory.len_bytes()) }
}

/// All bytes of a memory, to write.
pub(crate) fn bytes_mut(memory: &mut SlotMemory) -> &mut [u8] {
    // SAFETY: as above, and the memory is exclusively borrowed.
    unsafe { std::slice::from_raw_parts_mut(memory.base().as_ptr(), memory.len_bytes()) }
}

/// Maximum number of mappings that a test uses up.
const MAPPINGS_MAX: usize = 1 << 17;

/// Mappings of one page each, up to the limit of the process.
pub(crate) struct Filler {
    pages: Vec<NonNull<core::ffi::c_void>>,
    page_bytes: usize,
}

impl Filler {
    pub(crate) fn new() -> Filler {
        // Allocates the list now, because later there is no mapping left for it.
        Filler { pages: Vec::with_capacity(MAPPINGS_MAX), page_bytes: rustix::param::page_size() }
    }

    /// Uses up all mappings except `spare`.
    pub(crate) fn leave(&mut self, spare: usize) {
        loop {
            // Neighbours have different access, so that they do not merge.
            let access = match self.pages.len() % 2 {
                0 => ProtFlags::empty(),
                _ => ProtFlags::READ,
            };
            let flags = MapFlags::PRIVATE;
            // SAFETY: the kernel chooses the address, so no existing mapping is replaced.
            let page = unsafe {
                rustix::mm::mmap_anonymous(ptr::null_mut(), self.page_bytes, access, flags)
            };
            match page {
                Ok(page) => self.pages.push(NonNull::new(page).unwrap()),
                Err(_) => break,
            }
            assert!(self.pages.len() < MAPPINGS_MAX, "the kernel refused no mapping");
        }
        self.free(spare);
    }

    /// Unmaps `count` pages.
    pub(crate) fn free(&mut self, count: usize) {
        (0..count).for_each(|_| self.unmap_last());
    }

    fn unmap_last(&mut self) {
        let page = self.pages.pop().unwrap();
        // SAFETY: `leave` mapped the page, and nothing else has its address.
        unsafe { rustix::mm::munmap(page.as_ptr(), self.page_bytes) }.unwrap();
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        while !self.pages.is_empty() {
            self.unmap_last();
        }
    }
}
