//! A module's initial memory, kept where slots can show it: in a sealed memfd, or as plain bytes.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;

use memfd::{FileSeal, MemfdOptions};
use rustix::fs::FallocateFlags;

use crate::geometry::MEMORY_MAX_BYTES;
use crate::ids::ModuleId;
use crate::layout::MappedImage;
use crate::sys::Initial;
use leakbench_model::{ImageKind, OnDrop};

/// What `/proc/PID/maps` and `/proc/PID/fd` call an image's file, after `memfd:`.
pub const IMAGE_NAME: &str = "leakbench-image";

/// [`ImageKind::Auto`] copies images of at most this many bytes: one page of 4 KiB.
///
/// Up to there, copying costs an instance that writes to the page no more than the kernel's own
/// copy on write, and a module's whole life a fraction. From two pages on instances pay for
/// copying, which a mapped image does only for the pages that they write.
pub const AUTO_COPY_MAX_BYTES: usize = 4 << 10;

/// The bytes with which every memory of a module begins its life.
#[derive(Clone, Copy, Debug)]
pub struct InitialMemory<'a> {
    /// Where they belong in the memory. Need not be aligned to anything.
    pub offset_bytes: usize,
    /// The bytes. All else in the memory is zero; no bytes at all make no image.
    pub bytes: &'a [u8],
}

/// A module's initial memory in the form in which its slots get it.
#[derive(Debug)]
pub struct Image(Kind);

#[derive(Debug)]
enum Kind {
    Memfd { file: File, offset_bytes: usize, len_bytes: usize },
    Copy { offset_bytes: usize, bytes: Box<[u8]> },
}

impl Image {
    /// Keeps initial memory in the way asked for; `None` where there are no bytes.
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
        let copies = match kind {
            ImageKind::Memfd => false,
            ImageKind::Copy => true,
            ImageKind::Auto => bytes.len() <= AUTO_COPY_MAX_BYTES,
        };
        Ok(Some(Image(if copies {
            Kind::Copy { offset_bytes, bytes: bytes.into() }
        } else {
            memfd_image(initial, on_drop)?
        })))
    }

    /// The file that keeps the image; `None` for one that is copied.
    pub fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.0 {
            Kind::Memfd { file, .. } => Some(file.as_fd()),
            Kind::Copy { .. } => None,
        }
    }

    /// Where in the memory the image begins: for a file a multiple of the page size.
    pub fn offset_bytes(&self) -> usize {
        match self.0 {
            Kind::Memfd { offset_bytes, .. } | Kind::Copy { offset_bytes, .. } => offset_bytes,
        }
    }

    /// How many bytes of a memory the image covers: for a file whole pages.
    pub fn len_bytes(&self) -> usize {
        match &self.0 {
            Kind::Memfd { len_bytes, .. } => *len_bytes,
            Kind::Copy { bytes, .. } => bytes.len(),
        }
    }

    /// What a slot has to be given to show the image.
    pub(crate) fn initial(&self, module: ModuleId) -> Initial<'_> {
        match &self.0 {
            Kind::Memfd { file, offset_bytes, len_bytes } => {
                let bytes = *offset_bytes..offset_bytes + len_bytes;
                Initial::Mapped(MappedImage { module, bytes }, file.as_fd())
            }
            Kind::Copy { offset_bytes, bytes } => Initial::Copied(*offset_bytes, bytes),
        }
    }

    /// Returns the pages of a file's image, whatever still maps it: from now on it reads as zero.
    pub(crate) fn punch_out(&self) -> io::Result<()> {
        match &self.0 {
            Kind::Memfd { file, len_bytes, .. } => {
                let how = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                Ok(rustix::fs::fallocate(file, how, 0, *len_bytes as u64)?)
            }
            Kind::Copy { .. } => Ok(()),
        }
    }
}

fn memfd_image(initial: InitialMemory<'_>, on_drop: OnDrop) -> Result<Kind, ImageError> {
    let page_bytes = rustix::param::page_size();
    let offset_bytes = initial.offset_bytes / page_bytes * page_bytes;
    let lead_bytes = initial.offset_bytes - offset_bytes;
    let len_bytes = (lead_bytes + initial.bytes.len()).next_multiple_of(page_bytes);

    let options = MemfdOptions::new().close_on_exec(true).allow_sealing(true);
    let memfd = options.create(IMAGE_NAME).map_err(|error| ImageError::Create(cause(error)))?;
    // The file ends with the bytes; the rest of its last page reads as zero when mapped.
    memfd
        .as_file()
        .write_all_at(initial.bytes, lead_bytes as u64)
        .map_err(|source| ImageError::Write { len_bytes: initial.bytes.len(), source })?;
    let seals: &[FileSeal] = match on_drop {
        OnDrop::Purge | OnDrop::Keep => {
            &[FileSeal::SealShrink, FileSeal::SealGrow, FileSeal::SealWrite, FileSeal::SealSeal]
        }
        // To the kernel, punching out pages is writing. What slots rely on, the length, is sealed.
        OnDrop::Truncate => &[FileSeal::SealShrink, FileSeal::SealGrow, FileSeal::SealSeal],
    };
    memfd.add_seals(seals).map_err(|error| ImageError::Seal(cause(error)))?;
    Ok(Kind::Memfd { file: memfd.into_file(), offset_bytes, len_bytes })
}

fn cause(error: memfd::Error) -> io::Error {
    match error {
        memfd::Error::Create(source)
        | memfd::Error::AddSeals(source)
        | memfd::Error::GetSeals(source) => source,
    }
}

/// A module's image could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The bytes end beyond any memory.
    #[error(
        "{len_bytes} bytes of initial memory at offset {offset_bytes} end beyond the \
         {MEMORY_MAX_BYTES} bytes that a memory can have"
    )]
    TooLong {
        /// Where the bytes were to begin.
        offset_bytes: usize,
        /// How many there were.
        len_bytes: usize,
    },
    /// No file for it.
    #[error(
        "cannot create a memfd for a memory image ({0}); each image that lives holds one \
         descriptor, of which `ulimit -n` allows so many"
    )]
    Create(#[source] io::Error),
    /// Its bytes could not be stored.
    #[error("cannot write {len_bytes} bytes to the memfd of a memory image ({source})")]
    Write {
        /// How many bytes there were.
        len_bytes: usize,
        /// What the kernel said.
        source: io::Error,
    },
    /// It could not be made immutable.
    #[error("cannot seal the memfd of a memory image ({0})")]
    Seal(#[source] io::Error),
}
