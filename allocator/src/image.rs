//! Images: the initial memory of a module, in a sealed memfd that slots map, in another file, or as
//! bytes to copy.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;

use memfd::{FileSeal, MemfdOptions};
use rustix::fs::FallocateFlags;

use crate::geometry::MEMORY_MAX_BYTES;
use crate::ids::ModuleId;
use crate::layout::MappedImage;
use crate::sys::{FileBytes, ImageFile, InitialContents};
use leakbench_model::{ImageKind, OnDrop};

/// The name of an image's memfd. `/proc/PID/maps` and `/proc/PID/fd` show it after `memfd:`.
pub const IMAGE_NAME: &str = "leakbench-image";

/// The maximum size of an image that [`ImageKind::Auto`] copies: one page of 4 KiB.
///
/// Copying one page costs an instance no more than the kernel's copy on write, and saves the module
/// its memfd. From two pages on an instance pays for each page, written or not, whereas the kernel
/// copies only the written pages of a mapped image.
pub const AUTO_COPY_MAX_BYTES: usize = 4 << 10;

/// The initial contents of every memory of a module.
#[derive(Clone, Copy, Debug)]
pub struct InitialMemory<'a> {
    /// The offset of the bytes in the memory. It needs no alignment.
    pub offset_bytes: usize,
    /// The bytes. The rest of the memory is zero. If it is empty, the module has no image.
    pub bytes: &'a [u8],
}

/// The initial memory of a module, as a memfd, in another file, or as bytes.
#[derive(Debug)]
pub struct Image(Kind);

#[derive(Debug)]
enum Kind {
    /// `bytes` bytes of the file from `start` on, which the memory has from `offset_bytes` on. Slots
    /// map whole pages, `len_bytes` bytes.
    Mapped {
        file: File,
        start: u64,
        bytes: usize,
        offset_bytes: usize,
        len_bytes: usize,
    },
    Copy {
        offset_bytes: usize,
        bytes: Box<[u8]>,
    },
}

impl Image {
    /// Creates an image of the given kind; `None` if there are no bytes.
    pub(crate) fn new(
        initial: InitialMemory<'_>,
        kind: ImageKind,
        on_drop: OnDrop,
    ) -> Result<Option<Image>, ImageError> {
        let InitialMemory { offset_bytes, bytes } = initial;
        if bytes.len() > MEMORY_MAX_BYTES || offset_bytes > MEMORY_MAX_BYTES - bytes.len() {
            return Err(ImageError::TooLong { offset_bytes, len_bytes: bytes.len() });
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        Ok(Some(Image(if is_copied(kind, bytes.len()) {
            Kind::Copy { offset_bytes, bytes: bytes.into() }
        } else {
            memfd_image(initial, on_drop)?
        })))
    }

    /// As [`Image::new`], of initial memory in a file.
    pub(crate) fn of_file(
        initial: ImageFile,
        kind: ImageKind,
        on_drop: OnDrop,
    ) -> Result<Option<Image>, ImageError> {
        let ImageFile { file, start, offset_bytes, len_bytes } = initial;
        if len_bytes > MEMORY_MAX_BYTES || offset_bytes > MEMORY_MAX_BYTES - len_bytes {
            return Err(ImageError::TooLong { offset_bytes, len_bytes });
        }
        let pages = whole_pages(offset_bytes, len_bytes);
        let lead_bytes = offset_bytes - pages.start;
        // Freeing the pages of an image must not change the file.
        let is_mapped = !is_copied(kind, len_bytes) && on_drop != OnDrop::Truncate;
        if is_mapped && len_bytes > 0 && pages.end <= MEMORY_MAX_BYTES {
            return Ok(Some(Image(Kind::Mapped {
                file,
                start,
                bytes: lead_bytes + len_bytes,
                offset_bytes: pages.start,
                len_bytes: pages.len(),
            })));
        }
        let mut bytes = vec![0; len_bytes];
        file.read_exact_at(&mut bytes, start + lead_bytes as u64)
            .map_err(|source| ImageError::Read { offset_bytes, len_bytes, source })?;
        Image::new(InitialMemory { offset_bytes, bytes: &bytes }, kind, on_drop)
    }

    /// The range of a memory at which slots would map an image of `len_bytes` bytes at `offset_bytes`, in
    /// whole pages; `None` for one that is copied, and for no bytes.
    pub fn mapped_range(
        offset_bytes: usize,
        len_bytes: usize,
        kind: ImageKind,
    ) -> Option<Range<usize>> {
        let is_mapped = len_bytes > 0 && !is_copied(kind, len_bytes);
        is_mapped.then(|| whole_pages(offset_bytes, len_bytes))
    }

    /// The memfd or other file; `None` for an image that is copied.
    pub fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.0 {
            Kind::Mapped { file, .. } => Some(file.as_fd()),
            Kind::Copy { .. } => None,
        }
    }

    /// The image's offset in the memory. A multiple of the page size for one that is mapped.
    pub fn offset_bytes(&self) -> usize {
        match self.0 {
            Kind::Mapped { offset_bytes, .. } | Kind::Copy { offset_bytes, .. } => offset_bytes,
        }
    }

    /// The image's length in bytes. A multiple of the page size for one that is mapped.
    pub fn len_bytes(&self) -> usize {
        match &self.0 {
            Kind::Mapped { len_bytes, .. } => *len_bytes,
            Kind::Copy { bytes, .. } => bytes.len(),
        }
    }

    /// Fills `buffer` with the initial memory from `offset_bytes` on.
    ///
    /// # Errors
    /// [`ImageError::Read`] if the range is not within the image, or the kernel refuses.
    pub fn read(&self, offset_bytes: usize, buffer: &mut [u8]) -> Result<(), ImageError> {
        let len_bytes = buffer.len();
        let failed = |source| ImageError::Read { offset_bytes, len_bytes, source };
        let outside = || failed(io::ErrorKind::UnexpectedEof.into());
        let start = offset_bytes.checked_sub(self.offset_bytes()).ok_or_else(outside)?;
        match &self.0 {
            Kind::Mapped { bytes, .. } if start.saturating_add(len_bytes) > *bytes => {
                Err(outside())
            }
            Kind::Mapped { file, start: first, .. } => {
                file.read_exact_at(buffer, first + start as u64).map_err(failed)
            }
            Kind::Copy { bytes, .. } => {
                let end = start.saturating_add(len_bytes);
                buffer.copy_from_slice(bytes.get(start..end).ok_or_else(outside)?);
                Ok(())
            }
        }
    }

    /// The initial memory for a slot.
    pub(crate) fn initial(&self, module: ModuleId) -> InitialContents<'_> {
        match &self.0 {
            Kind::Mapped { file, start, bytes, offset_bytes, len_bytes } => {
                let pages = *offset_bytes..offset_bytes + len_bytes;
                let bytes = FileBytes { file: file.as_fd(), start: *start, len_bytes: *bytes };
                InitialContents::Mapped(MappedImage { module, bytes: pages }, bytes)
            }
            Kind::Copy { offset_bytes, bytes } => InitialContents::Copied(*offset_bytes, bytes),
        }
    }

    /// Frees the pages of a memfd, even if slots map it. All mappings then read as zero.
    pub(crate) fn punch_out(&self) -> io::Result<()> {
        match &self.0 {
            // With the policy that calls this, images of files are memfds.
            Kind::Mapped { file, len_bytes, .. } => {
                let how = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                Ok(rustix::fs::fallocate(file, how, 0, *len_bytes as u64)?)
            }
            Kind::Copy { .. } => Ok(()),
        }
    }
}

fn memfd_image(initial: InitialMemory<'_>, on_drop: OnDrop) -> Result<Kind, ImageError> {
    let pages = whole_pages(initial.offset_bytes, initial.bytes.len());
    let lead_bytes = initial.offset_bytes - pages.start;

    let options = MemfdOptions::new().close_on_exec(true).allow_sealing(true);
    let memfd = options.create(IMAGE_NAME).map_err(|error| ImageError::Create(cause(error)))?;
    // The file ends with the last byte; the rest of its last page reads as zero when mapped.
    memfd
        .as_file()
        .write_all_at(initial.bytes, lead_bytes as u64)
        .map_err(|source| ImageError::Write { len_bytes: initial.bytes.len(), source })?;
    let seals: &[FileSeal] = match on_drop {
        OnDrop::Purge | OnDrop::Keep => {
            &[FileSeal::SealShrink, FileSeal::SealGrow, FileSeal::SealWrite, FileSeal::SealSeal]
        }
        // The kernel treats punching a hole as a write. Slots rely on the length only, which is
        // sealed.
        OnDrop::Truncate => &[FileSeal::SealShrink, FileSeal::SealGrow, FileSeal::SealSeal],
    };
    memfd.add_seals(seals).map_err(|error| ImageError::Seal(cause(error)))?;
    Ok(Kind::Mapped {
        file: memfd.into_file(),
        start: 0,
        bytes: lead_bytes + initial.bytes.len(),
        offset_bytes: pages.start,
        len_bytes: pages.len(),
    })
}

/// The pages of a memory that hold any of `len_bytes` bytes at `offset_bytes`, in bytes.
fn whole_pages(offset_bytes: usize, len_bytes: usize) -> Range<usize> {
    let page_bytes = rustix::param::page_size();
    let start = offset_bytes / page_bytes * page_bytes;
    start..offset_bytes.saturating_add(len_bytes).next_multiple_of(page_bytes)
}

fn is_copied(kind: ImageKind, len_bytes: usize) -> bool {
    match kind {
        ImageKind::Memfd => false,
        ImageKind::Copy => true,
        ImageKind::Auto => len_bytes <= AUTO_COPY_MAX_BYTES,
    }
}

fn cause(error: memfd::Error) -> io::Error {
    match error {
        memfd::Error::Create(source)
        | memfd::Error::AddSeals(source)
        | memfd::Error::GetSeals(source) => source,
    }
}

/// An image cannot be created or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The bytes end beyond [`MEMORY_MAX_BYTES`].
    #[error(
        "{len_bytes} bytes of initial memory at offset {offset_bytes} end beyond the longest memory \
         ({MEMORY_MAX_BYTES} bytes)"
    )]
    TooLong {
        /// The offset of the bytes.
        offset_bytes: usize,
        /// The number of bytes.
        len_bytes: usize,
    },
    /// The kernel refused a memfd.
    #[error(
        "cannot create a memfd for a memory image ({0}): each live image holds one descriptor, and \
         `ulimit -n` limits their number"
    )]
    Create(#[source] io::Error),
    /// The kernel refused to write the bytes.
    #[error("cannot write {len_bytes} bytes to the memfd of a memory image ({source})")]
    Write {
        /// The number of bytes.
        len_bytes: usize,
        /// The kernel's error.
        source: io::Error,
    },
    /// The initial memory cannot be read from the image.
    #[error("cannot read {len_bytes} bytes at offset {offset_bytes} of a memory image ({source})")]
    Read {
        /// The offset in the memory.
        offset_bytes: usize,
        /// The number of bytes.
        len_bytes: usize,
        /// The kernel's error.
        source: io::Error,
    },
    /// The kernel refused to seal the memfd.
    #[error("cannot seal the memfd of a memory image ({0})")]
    Seal(#[source] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_gives_its_bytes_back() {
        let bytes: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        let initial = InitialMemory { offset_bytes: 5_000, bytes: &bytes };
        for kind in [ImageKind::Memfd, ImageKind::Copy] {
            let image = Image::new(initial, kind, OnDrop::Purge).unwrap().unwrap();
            let mut all = vec![1; bytes.len()];
            image.read(5_000, &mut all).unwrap();
            assert!(all == bytes, "{kind}");
            let mut some = [0; 3];
            image.read(5_007, &mut some).unwrap();
            assert_eq!(some, [7, 8, 9], "{kind}");
            for (offset, len) in [(0, 1), (14_999, 2), (usize::MAX, 1), (5_000, 10_001)] {
                let error = image.read(offset, &mut vec![0; len]).unwrap_err();
                assert!(matches!(error, ImageError::Read { .. }), "{kind}: {offset} {len}");
            }
        }
    }
}
