//! The user's wish to end the run: SIGINT and SIGTERM, as bytes in a pipe that a poll can wait
//! for.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::{pipe, unregister};

/// Hears signals until it is dropped.
#[derive(Debug)]
pub(super) struct Interrupt {
    heard: UnixStream,
    handlers: [signal_hook::SigId; 2],
}

impl Interrupt {
    /// # Errors
    /// The kernel's.
    pub(super) fn listen() -> io::Result<Interrupt> {
        let (heard, write) = UnixStream::pair()?;
        heard.set_nonblocking(true)?;
        let first = pipe::register(SIGINT, write.try_clone()?)?;
        let second = pipe::register(SIGTERM, write)?;
        Ok(Interrupt { heard, handlers: [first, second] })
    }

    /// How many signals have come since this was asked last.
    pub(super) fn take(&self) -> usize {
        let mut bytes = [0; 16];
        (&self.heard).read(&mut bytes).unwrap_or(0)
    }
}

impl AsFd for Interrupt {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.heard.as_fd()
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        for handler in self.handlers {
            unregister(handler);
        }
    }
}
