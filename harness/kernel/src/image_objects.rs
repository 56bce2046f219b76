//! The objects that may be images: those whose end the death watch sees, and whose mappings and
//! descriptors the sampler recognizes.

use std::io;
use std::os::fd::BorrowedFd;

use leakbench_model::ObjectId;
use rustix::fs::{FileType, fstat};

use crate::error::ReadError;
use crate::memfd_devices::MemfdDevices;
use crate::object;
use crate::process::Process;
use crate::sys::file_page::FilePage;

/// Identifies the objects of images, and refuses those that the witnesses would misjudge. It checks
/// each file system once.
#[derive(Debug)]
pub struct ImageObjects {
    memfds: &'static MemfdDevices,
    /// Devices of files whose mappings `maps` shows with the identity of the file.
    checked: Vec<u64>,
}

/// An object that cannot be an image.
#[derive(Debug, thiserror::Error)]
pub enum ImageObjectError {
    /// The kernel does not describe it.
    #[error("the kernel does not describe its descriptor: {0}")]
    Stat(#[source] io::Error),
    /// It has no identity of its own.
    #[error("it is neither a memfd nor a file")]
    NoFile,
    /// Its end cannot be seen.
    #[error(
        "its file {object} still has a name, so the kernel keeps it whatever is dropped: unlink the \
         file before you show it"
    )]
    Named {
        /// The file.
        object: ObjectId,
    },
    /// Its mappings cannot be recognized.
    #[error(
        "mappings of its file {object} are shown as {shown}, so that no holder would be found: put \
         such files on another file system, such as /dev/shm"
    )]
    ShownAs {
        /// The file by its descriptor.
        object: ObjectId,
        /// The file by its mapping.
        shown: ObjectId,
    },
    /// The mapping that the check makes is refused.
    #[error("its file {object} cannot be mapped: {error}")]
    Map {
        /// The file.
        object: ObjectId,
        /// The kernel's answer.
        error: io::Error,
    },
    /// The mapping that the check makes cannot be found.
    #[error("the mapping of its file {object} cannot be found: {error}")]
    Read {
        /// The file.
        object: ObjectId,
        /// The error of reading the process's own mappings.
        error: ReadError,
    },
}

impl ImageObjects {
    /// Has checked no file system yet.
    ///
    /// # Errors
    /// [`ReadError::NoMemfd`].
    pub fn new() -> Result<ImageObjects, ReadError> {
        Ok(ImageObjects { memfds: MemfdDevices::get()?, checked: Vec::new() })
    }

    /// The object behind a descriptor: a memfd, or a file without a name on a file system whose
    /// mappings have the identity of their file (not overlayfs or btrfs). Of the first file of each
    /// file system it maps a page for a moment.
    ///
    /// # Errors
    /// [`ImageObjectError`]: the object cannot be an image.
    pub fn identify(&mut self, fd: BorrowedFd<'_>) -> Result<ObjectId, ImageObjectError> {
        let stat = fstat(fd).map_err(|error| ImageObjectError::Stat(error.into()))?;
        let object = object::from_stat(&stat);
        if self.memfds.contains(object.dev) {
            return Ok(object);
        }
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(ImageObjectError::NoFile);
        }
        if stat.st_nlink != 0 {
            return Err(ImageObjectError::Named { object });
        }
        if !self.checked.contains(&object.dev) {
            let shown = shown_as(object, fd)?;
            if shown != object {
                return Err(ImageObjectError::ShownAs { object, shown });
            }
            self.checked.push(object.dev);
        }
        Ok(object)
    }
}

/// The identity of a mapping of `fd` in `maps`.
fn shown_as(object: ObjectId, fd: BorrowedFd<'_>) -> Result<ObjectId, ImageObjectError> {
    let page =
        FilePage::map(fd).map_err(|error| ImageObjectError::Map { object, error: error.into() })?;
    let unreadable = |error| ImageObjectError::Read { object, error };
    let mut process = Process::open(std::process::id()).map_err(unreadable)?;
    let mut mappings = Vec::new();
    process.file_mappings(&mut mappings).map_err(unreadable)?;
    // The kernel may have merged it with a neighbour.
    let found = mappings.iter().find(|it| (it.start..it.end).contains(&page.start()));
    // Without a device `maps` has no file for it.
    Ok(found.map_or(ObjectId { dev: 0, ino: 0 }, |mapping| mapping.object))
}
