//! Which devices memfds live on, learnt once from memfds of our own.
//!
//! Memfds live on kernel-internal mounts: one for ordinary pages, one for each huge page size.
//! Knowing them makes names nearly needless, and names are the costly part of a mapping. It also
//! keeps a deleted file that someone called `/memfd:x` from passing for an image.

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
    /// What this kernel has; asked once in a process.
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
        // A size that this kernel does not have answers with an error: then nothing lives there.
        let huge = memfd::HUGE_PAGE_SIZES
            .iter()
            .filter_map(|&size| memfd::device_of_huge(size).ok())
            .collect();
        Ok(Self { shmem, huge })
    }

    /// Whether a memfd can live on this device.
    pub fn contains(&self, dev: u64) -> bool {
        dev == self.shmem || self.huge.contains(&dev)
    }

    /// Whether a *private* file-backed mapping of this device is a memfd's without asking its name.
    ///
    /// The other tenants of shared memory, anonymous and System V, are always mapped shared. On
    /// huge pages private anonymous mappings have a file too, so there the name must tell.
    pub fn private_is_memfd(&self, dev: u64) -> bool {
        dev == self.shmem
    }

    /// Whether the object is a memfd, by its device and its name as the kernel prints it.
    pub fn is_memfd(&self, dev: u64, name: &[u8]) -> bool {
        self.contains(dev) && name.starts_with(b"/memfd:")
    }
}
