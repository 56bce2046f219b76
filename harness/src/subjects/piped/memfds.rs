//! New memfds of another process, by its folder under `/proc`.

use std::collections::HashSet;
use std::os::fd::{AsFd, BorrowedFd};

use leakbench_model::ObjectId;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;

use leakbench_kernel::{FdEntry, Process, ReadError, object_of};

/// Distinguishes the memfds that a process opens from those that it had.
#[derive(Debug)]
pub(super) struct Memfds {
    process: Process,
    /// The memfds that were open at the last listing. Closed ones are forgotten, so that the set is no
    /// larger than the process's table; the kernel never reuses the inode number of a memfd.
    known: HashSet<ObjectId>,
    /// Kept for their memory.
    entries: Vec<FdEntry>,
    open: HashSet<ObjectId>,
}

impl Memfds {
    /// Records the memfds that process `pid` has open now.
    ///
    /// # Errors
    /// The process has ended, or this user may not read its descriptors.
    pub(super) fn of(pid: u32) -> Result<Memfds, ReadError> {
        let process = Process::open(pid)?;
        let mut memfds =
            Memfds { process, known: HashSet::new(), entries: Vec::new(), open: HashSet::new() };
        memfds.list()?;
        memfds.known = std::mem::take(&mut memfds.open);
        Ok(memfds)
    }

    /// Shows each memfd that was not open at the last call, as an `O_PATH` descriptor of this process.
    /// It keeps the object alive until `show` returns.
    ///
    /// # Errors
    /// The process has ended, this user may not read its descriptors, or this process has no
    /// descriptor left.
    pub(super) fn show_new(
        &mut self,
        show: &mut dyn FnMut(BorrowedFd<'_>),
    ) -> Result<(), ReadError> {
        self.list()?;
        let pid = self.process.pid();
        for entry in &self.entries {
            // A memfd with two descriptors is shown once.
            if !self.known.insert(entry.object) {
                continue;
            }
            let link = format!("/proc/{pid}/fd/{}", entry.fd);
            let failed = |source| ReadError::Io { pid, file: "fd", source };
            let fd = match open(link, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
                Ok(fd) => fd,
                // Another thread of the process has closed it since.
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(failed(error.into())),
            };
            if object_of(fd.as_fd()).map_err(failed)? == entry.object {
                show(fd.as_fd());
            }
        }
        std::mem::swap(&mut self.known, &mut self.open);
        Ok(())
    }

    /// Lists the memfds' descriptors into `entries`, and their objects into `open`.
    fn list(&mut self) -> Result<(), ReadError> {
        self.process.memfds(&mut self.entries)?;
        self.open.clear();
        self.open.extend(self.entries.iter().map(|entry| entry.object));
        Ok(())
    }
}
