//! A death watch without bookkeeping: one inotify watch, whose event arrives when the kernel has
//! released a file.

use std::fmt::Write as _;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

/// Detects that the kernel has released a file: its last descriptor and last mapping are gone.
#[derive(Debug)]
pub(crate) struct DeathWatch {
    inotify: OwnedFd,
    path: String,
}

impl DeathWatch {
    /// Creates an inotify instance.
    ///
    /// # Errors
    /// If the kernel refuses it.
    pub(crate) fn new() -> io::Result<DeathWatch> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        Ok(DeathWatch { inotify, path: String::new() })
    }

    /// Watches the file behind a descriptor.
    ///
    /// # Errors
    /// If the kernel refuses the watch.
    pub(crate) fn watch(&mut self, file: BorrowedFd<'_>) -> io::Result<()> {
        self.path.clear();
        let written = write!(self.path, "/proc/self/fd/{}", file.as_raw_fd());
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
        inotify::add_watch(&self.inotify, self.path.as_str(), WatchFlags::DELETE_SELF)?;
        Ok(())
    }

    /// Reads the two events of a release that has already happened.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if the file is not released.
    pub(crate) fn expect_death(&mut self) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); 256];
        let mut events = inotify::Reader::new(&self.inotify, &mut buffer);
        let mut has_died = false;
        // IGNORED, the end of the watch, follows DELETE_SELF, the end of the file.
        loop {
            let event = events.next()?.events();
            has_died |= event.contains(ReadFlags::DELETE_SELF);
            if event.contains(ReadFlags::IGNORED) && has_died {
                return Ok(());
            }
        }
    }
}
