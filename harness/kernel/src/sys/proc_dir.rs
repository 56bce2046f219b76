//! A process's folder under `/proc`, held open.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, readlinkat, statat};
use rustix::io::{self, Errno};

/// The folder itself. The kernel ties it to the one process it was opened for: once that process
/// is reaped every look fails, whoever got its number since.
#[derive(Debug)]
pub(crate) struct ProcDir(OwnedFd);

impl ProcDir {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map(Self)
    }

    /// Opens a file in it for reading. Opened for each look: a descriptor of `maps` or
    /// `smaps_rollup` stays with the address space it was opened on when the process runs `exec`.
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

    /// Reads a file whole into the front of `buffer`; returns how much of it is filled.
    ///
    /// # Errors
    /// `FBIG` if it does not fit.
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

    /// Reads a file of any size into `text` (whatever it held is dropped).
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

    /// Where a link points.
    pub(crate) fn link(&self, name: &CStr) -> io::Result<Vec<u8>> {
        readlinkat(&self.0, name, Vec::new()).map(CString::into_bytes)
    }
}

/// Reads once, again if a signal came between.
pub(crate) fn read(file: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    io::retry_on_intr(|| rustix::io::read(file, &mut *buffer))
}
