//! Files that hold the initial memory of modules.

use std::fs::File;

/// The initial memory of a module in a file, to be mapped from there.
///
/// The file has whole pages of the memory: those that hold any of the bytes. In the first and in the
/// last of them the other bytes are zero.
#[derive(Debug)]
pub struct ImageFile {
    pub(crate) file: File,
    pub(crate) start: u64,
    pub(crate) offset_bytes: usize,
    pub(crate) len_bytes: usize,
}

impl ImageFile {
    /// The initial memory of `len_bytes` bytes at `offset_bytes`. Its first page is at `start` of the
    /// file, a multiple of the page size.
    ///
    /// # Safety
    /// Until the module and all of its memories are dropped, nothing changes or shortens the file. It
    /// has all pages of the image.
    pub unsafe fn new(file: File, start: u64, offset_bytes: usize, len_bytes: usize) -> Self {
        ImageFile { file, start, offset_bytes, len_bytes }
    }
}
