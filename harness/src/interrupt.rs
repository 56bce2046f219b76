//! The user's wish to end what goes on: SIGINT and SIGTERM, as bytes in a pipe that a poll can wait
//! for.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::{pipe, unregister};

/// Hears signals until it is dropped. From then on they end the process again, as they do by
/// default: what is left to do then is to write the result, which may block.
#[derive(Debug)]
pub(crate) struct Interrupt {
    heard: UnixStream,
    handlers: [signal_hook::SigId; 2],
    /// Read by handlers that stay: see [`Interrupt::listen`].
    over: Arc<AtomicBool>,
}

impl Interrupt {
    /// # Errors
    /// The kernel's.
    pub(crate) fn listen() -> io::Result<Interrupt> {
        let (heard, write) = UnixStream::pair()?;
        heard.set_nonblocking(true)?;
        // signal-hook leaves its own handler in place for good, so that unregistering an action
        // makes a signal do nothing at all. These two bring the default back.
        let over = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_default(signal, Arc::clone(&over))?;
        }
        let first = pipe::register(SIGINT, write.try_clone()?)?;
        let second = pipe::register(SIGTERM, write)?;
        Ok(Interrupt { heard, handlers: [first, second], over })
    }

    /// How many signals have come since this was asked last.
    pub(crate) fn take(&self) -> usize {
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
        self.over.store(true, Ordering::SeqCst);
        for handler in self.handlers {
            unregister(handler);
        }
    }
}
