//! The question whether there is memory, before code that would end the process without it.

use std::ptr;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Returns true if this process can map so many bytes now. Other threads may map them before it does.
pub(crate) fn has_memory(bytes: usize) -> bool {
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new private mapping at an address that the kernel chooses.
    match unsafe { mmap_anonymous(ptr::null_mut(), bytes, access, MapFlags::PRIVATE) } {
        Ok(at) => {
            // SAFETY: the mapping above, which nothing uses.
            let _ = unsafe { munmap(at, bytes) };
            true
        }
        Err(_) => false,
    }
}
