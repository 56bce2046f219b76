//! The floor under a module's life: the system calls without which no pool can make, show, reset
//! and release an image, and nothing besides. What a benchmark compares a pool with.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::fs::{MemfdFlags, SealFlags};

use super::calls;
use super::reservation::reserve;
use super::slot_mapping::SlotMapping;
use crate::geometry::WASM_PAGE_BYTES;
use crate::image::IMAGE_NAME;

/// One slot, and the calls of one cycle.
#[derive(Debug)]
pub struct Floor {
    slot: SlotMapping,
    watch: Option<DeathWatch>,
}

impl Floor {
    /// Reserves a slot; with a death watch, each cycle also sets one and reads its event.
    ///
    /// # Errors
    /// If there is no address space, or no inotify instance.
    pub fn new(with_death_watch: bool) -> io::Result<Floor> {
        let reserved = reserve(1).map_err(|error| error.source)?;
        let slot = reserved.slots.into_iter().next().ok_or(io::ErrorKind::OutOfMemory)?;
        let watch = if with_death_watch { Some(DeathWatch::new()?) } else { None };
        Ok(Floor { slot, watch })
    }

    /// A memfd with these bytes, which fill whole pages and one WebAssembly page at most: created,
    /// written, sealed, mapped copy-on-write into a memory of one WebAssembly page, one page of it
    /// written, the memory reset, unmapped, and the memfd closed.
    ///
    /// # Errors
    /// What the kernel refused, and a release that the death watch did not see.
    pub fn cycle(&mut self, image: &[u8]) -> io::Result<()> {
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
        let at = self.slot.base().as_ptr();
        // SAFETY: the slot is this value's own and at least `len_bytes` long, which are whole
        // pages, as the image's are; the file is as long as the image and sealed.
        unsafe {
            calls::map_zeroes(at, len_bytes)?;
            calls::map_image(at, image.len(), memfd.as_fd())?;
            at.write_volatile(1);
            calls::drop_pages(at, len_bytes)?;
            calls::map_reserved(at, len_bytes)?;
        }
        drop(memfd);
        match &mut self.watch {
            Some(watch) => watch.expect_death(),
            None => Ok(()),
        }
    }
}

/// Tells when the kernel has released a file: the last descriptor and the last mapping are gone.
#[derive(Debug)]
pub struct DeathWatch {
    inotify: OwnedFd,
    path: String,
}

impl DeathWatch {
    /// An inotify instance.
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn new() -> io::Result<DeathWatch> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        Ok(DeathWatch { inotify, path: String::new() })
    }

    /// Watches the file behind a descriptor.
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn watch(&mut self, file: BorrowedFd<'_>) -> io::Result<()> {
        use std::fmt::Write as _;
        self.path.clear();
        let written = write!(self.path, "/proc/self/fd/{}", file.as_raw_fd());
        debug_assert!(written.is_ok(), "writing to a string");
        inotify::add_watch(&self.inotify, self.path.as_str(), WatchFlags::DELETE_SELF)?;
        Ok(())
    }

    /// Reads the events of one death, which has already happened.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if it has not.
    pub fn expect_death(&mut self) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); 256];
        let mut events = inotify::Reader::new(&self.inotify, &mut buffer);
        let mut has_died = false;
        // The watch's own end comes after the file's.
        loop {
            let event = events.next()?.events();
            has_died |= event.contains(ReadFlags::DELETE_SELF);
            if event.contains(ReadFlags::IGNORED) && has_died {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cycle_ends_with_the_release() {
        let _reserving = crate::sys::ADDRESS_SPACE.lock();
        let mut floor = Floor::new(true).unwrap();
        for byte in 0..10 {
            floor.cycle(&[byte; 4096]).unwrap();
        }
        assert_eq!(floor.cycle(&[0; 100]).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_file_that_lives_is_not_reported_dead() {
        let memfd = rustix::fs::memfd_create(IMAGE_NAME, MemfdFlags::CLOEXEC).unwrap();
        let mut watch = DeathWatch::new().unwrap();
        watch.watch(memfd.as_fd()).unwrap();
        let other = memfd.try_clone().unwrap();
        drop(memfd);
        assert_eq!(watch.expect_death().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(other);
        watch.expect_death().unwrap();
    }
}
