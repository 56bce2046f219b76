//! A process's folder under `/proc`, held open.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, readlinkat, statat};
use rustix::io::{self, Errno};

/// The open folder. It belongs to one process: once that is reaped every read fails, even if another
/// process has its number.
#[derive(Debug)]
pub(crate) struct ProcDir(OwnedFd);

impl ProcDir {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map(Self)
    }

    /// Opens a file in it for reading. Each read opens its file again, because a descriptor of `maps` or
    /// `smaps_rollup` keeps the address space from before an `exec`.
    pub(crate) fn open_file(&self, name: &CStr) -> io::Result<OwnedFd> {
        openat(&self.0, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
    }

    pub(crate) fn open_dir(&self, name: &CStr) -> io::Result<OwnedFd> {
        openat(&self.0, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
    }

    pub(crate) fn has(&self, name: &CStr) -> bool {
        statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// `st_size` of an entry.
    pub(crate) fn size_of(&self, name: &CStr) -> io::Result<u64> {
        let stat = statat(&self.0, name, AtFlags::empty())?;
        Ok(u64::try_from(stat.st_size).unwrap_or(0))
    }

    /// Reads a whole file into `buffer` and returns the filled part.
    ///
    /// # Errors
    /// `FBIG` if the file is longer.
    pub(crate) fn read_whole<'b>(&self, name: &CStr, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
        let file = self.open_file(name)?;
        let mut filled = 0;
        loop {
            if filled == buffer.len() {
                return Err(Errno::FBIG);
            }
            match read(file.as_fd(), &mut buffer[filled..])? {
                0 => return Ok(&buffer[..filled]),
                count => filled += count,
            }
        }
    }

    /// Reads a file of any size into `text`, which it clears first.
    pub(crate) fn read_all(&self, name: &CStr, text: &mut Vec<u8>) -> io::Result<()> {
        let file = self.open_file(name)?;
        text.clear();
        loop {
            let filled = text.len();
            text.resize(filled + 4096, 0);
            let count = read(file.as_fd(), &mut text[filled..]);
            text.truncate(filled + *count.as_ref().unwrap_or(&0));
            if count? == 0 {
                return Ok(());
            }
        }
    }

    /// The target of a link.
    pub(crate) fn link(&self, name: &CStr) -> io::Result<Vec<u8>> {
        readlinkat(&self.0, name, Vec::new()).map(CString::into_bytes)
    }
}

/// Reads once, and again after a signal.
pub(crate) fn read(file: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    io::retry_on_intr(|| rustix::io::read(file, &mut *buffer))
}
