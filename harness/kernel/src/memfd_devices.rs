//! The devices of memfds, learnt from memfds of this process.
//!
//! Memfds live on mounts inside the kernel: one for ordinary pages, one for each huge page size. With
//! their devices known, most mappings need no name, which is the costly part. And a deleted file with
//! the name `/memfd:x` does not pass for an image.

use std::io;
use std::sync::OnceLock;

use super::error::ReadError;
use super::sys::memfd;

/// The devices of the kernel's internal mounts, the same for every process of this kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemfdDevices {
    /// Shared memory: memfds, shared anonymous memory, System V segments.
    shmem: u64,
    /// The same on huge pages, one device a page size.
    huge: Vec<u64>,
}

impl MemfdDevices {
    /// The devices of this kernel, determined once in a process.
    ///
    /// # Errors
    /// [`ReadError::NoMemfd`].
    pub fn get() -> Result<&'static Self, ReadError> {
        static LEARNT: OnceLock<MemfdDevices> = OnceLock::new();
        if let Some(devices) = LEARNT.get() {
            return Ok(devices);
        }
        let learnt = Self::learn().map_err(|source| ReadError::NoMemfd { source })?;
        Ok(LEARNT.get_or_init(|| learnt))
    }

    fn learn() -> io::Result<Self> {
        let shmem = memfd::device_of_plain()?;
        // The kernel has no memfds of a page size that it refuses.
        let huge = memfd::HUGE_PAGE_SIZES
            .iter()
            .filter_map(|&size| memfd::device_of_huge(size).ok())
            .collect();
        Ok(Self { shmem, huge })
    }

    /// Returns true for a device of memfds.
    pub fn contains(&self, dev: u64) -> bool {
        dev == self.shmem || self.huge.contains(&dev)
    }

    /// Returns true if every *private* file-backed mapping of this device is one of a memfd.
    ///
    /// Shared anonymous memory and System V segments are on the same device, but their mappings are
    /// shared. On huge pages private anonymous mappings have a file, too, so there a name is needed.
    pub fn private_is_memfd(&self, dev: u64) -> bool {
        dev == self.shmem
    }

    /// Recognizes a memfd by its device and the name that the kernel prints.
    pub fn is_memfd(&self, dev: u64, name: &[u8]) -> bool {
        self.contains(dev) && name.starts_with(b"/memfd:")
    }
}
