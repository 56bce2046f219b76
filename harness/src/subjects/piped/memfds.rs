//! Memfds that appear in another process, by its folder under `/proc`.

use std::collections::HashSet;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;

use leakbench_kernel::{FdEntry, ObjectId, Process, ReadError};

/// Tells the memfds that a process opened from those that it had.
#[derive(Debug)]
pub(super) struct Memfds {
    process: Process,
    /// Those that were open when they were looked at last. What is gone since is forgotten, so
    /// that this is no larger than the process's table; the kernel does not come back to the
    /// inode number of a memfd.
    known: HashSet<ObjectId>,
    /// Kept for their memory.
    entries: Vec<FdEntry>,
    open: HashSet<ObjectId>,
}

impl Memfds {
    /// Takes note of the memfds that process `pid` has open now.
    ///
    /// # Errors
    /// It is gone, or this user may not look at it.
    pub(super) fn of(pid: u32) -> Result<Memfds, ReadError> {
        let process = Process::open(pid)?;
        let mut memfds =
            Memfds { process, known: HashSet::new(), entries: Vec::new(), open: HashSet::new() };
        memfds.look()?;
        memfds.known = std::mem::take(&mut memfds.open);
        Ok(memfds)
    }

    /// Shows each memfd that was not open when this was asked last, as an `O_PATH` descriptor of
    /// this process, which keeps the object alive until `show` returns and no longer.
    ///
    /// # Errors
    /// The process is gone or may not be looked at, or this one has no descriptors left.
    pub(super) fn show_new(
        &mut self,
        show: &mut dyn FnMut(BorrowedFd<'_>),
    ) -> Result<(), ReadError> {
        self.look()?;
        let pid = self.process.pid();
        for entry in &self.entries {
            // Open twice, it is shown once.
            if !self.known.insert(entry.object) {
                continue;
            }
            let link = format!("/proc/{pid}/fd/{}", entry.fd);
            let failed = |source| ReadError::Io { pid, file: "fd", source };
            let fd = match open(link, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
                Ok(fd) => fd,
                // Closed since, by a thread that does not wait for steps.
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(failed(error.into())),
            };
            if ObjectId::of(fd.as_fd()).map_err(failed)? == entry.object {
                show(fd.as_fd());
            }
        }
        std::mem::swap(&mut self.known, &mut self.open);
        Ok(())
    }

    /// Lists the memfds' descriptors into `entries`, and their objects into `open`.
    fn look(&mut self) -> Result<(), ReadError> {
        self.process.memfds(&mut self.entries)?;
        self.open.clear();
        self.open.extend(self.entries.iter().map(|entry| entry.object));
        Ok(())
    }
}
