//! The lower bound of a module's life: the fewest system calls that can create, map, reset and release
//! an image. Benchmarks divide by it.

#![allow(unsafe_code, reason = "mapping calls and the memory behind them")]

use std::io;
use std::os::fd::AsFd;
use std::ptr::{self, NonNull};

use leakbench_allocator::{GUARD_BYTES, IMAGE_NAME, SLOT_STRIDE_BYTES, WASM_PAGE_BYTES};
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::mm::{MapFlags, ProtFlags};

use crate::death_watch::DeathWatch;

const ACCESS: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);
const FIXED: MapFlags = MapFlags::PRIVATE.union(MapFlags::FIXED).union(MapFlags::NORESERVE);

/// The size of the reservation: a slab of one slot, as a pool reserves it.
const RESERVED_BYTES: usize = GUARD_BYTES + SLOT_STRIDE_BYTES;

/// One slot with a memory of zeroes, and the system calls of one cycle in it.
#[derive(Debug)]
pub(crate) struct Floor {
    reserved: NonNull<u8>,
    watch: Option<DeathWatch>,
}

// SAFETY: the value owns the reserved range, and no other value has its address.
unsafe impl Send for Floor {}

impl Floor {
    /// Reserves a slot and maps a memory in it. With a death watch, each cycle also adds a watch and reads its event.
    ///
    /// # Errors
    /// If the kernel refuses address space or an inotify instance.
    pub(crate) fn new(with_death_watch: bool) -> io::Result<Floor> {
        let watch = if with_death_watch { Some(DeathWatch::new()?) } else { None };
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: the kernel chooses the address, so no existing mapping is replaced.
        let reserved = unsafe {
            rustix::mm::mmap_anonymous(ptr::null_mut(), RESERVED_BYTES, ProtFlags::empty(), flags)
        }?;
        let reserved = NonNull::new(reserved.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let floor = Floor { reserved, watch };
        floor.map_zeroes()?;
        Ok(floor)
    }

    /// The address of the memory, behind the guard.
    fn memory(&self) -> *mut u8 {
        self.reserved.as_ptr().wrapping_add(GUARD_BYTES)
    }

    /// Maps zeroes over the memory, which drops what was mapped and written there.
    fn map_zeroes(&self) -> io::Result<()> {
        // SAFETY: `self` owns the reserved range, in which the memory lies behind the guard.
        unsafe {
            rustix::mm::mmap_anonymous(self.memory().cast(), WASM_PAGE_BYTES, ACCESS, FIXED)
        }?;
        Ok(())
    }

    /// One cycle: creates a memfd with the bytes of `image`, seals it, maps it copy-on-write over
    /// the start of a memory of one WebAssembly page, writes one byte, maps zeroes over all of the
    /// memory, and closes the memfd. The image must be whole pages of the kernel, and at most one
    /// WebAssembly page.
    ///
    /// # Errors
    /// If the kernel refuses a call, the image's length is invalid, or the death watch sees no
    /// release.
    pub(crate) fn cycle(&mut self, image: &[u8]) -> io::Result<()> {
        let len_bytes = WASM_PAGE_BYTES;
        if image.is_empty()
            || image.len() > len_bytes
            || !image.len().is_multiple_of(rustix::param::page_size())
        {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let memfd =
            rustix::fs::memfd_create(IMAGE_NAME, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        if let Some(watch) = &mut self.watch {
            watch.watch(memfd.as_fd())?;
        }
        rustix::io::pwrite(&memfd, image, 0)?;
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&memfd, seals)?;
        let at = self.memory();
        // SAFETY: `self` owns the memory. The image is whole pages, and the file is as long and cannot
        // shrink, so the write does not raise SIGBUS.
        unsafe {
            rustix::mm::mmap(at.cast(), image.len(), ACCESS, FIXED, &memfd, 0)?;
            at.write_volatile(1);
        }
        self.map_zeroes()?;
        drop(memfd);
        match &mut self.watch {
            Some(watch) => watch.expect_death(),
            None => Ok(()),
        }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        // SAFETY: `self` owns the range, which `new` mapped with this length.
        let result = unsafe { rustix::mm::munmap(self.reserved.as_ptr().cast(), RESERVED_BYTES) };
        debug_assert!(result.is_ok(), "unmapping the reserved slot: {result:?}");
    }
}
