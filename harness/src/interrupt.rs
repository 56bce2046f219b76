//! The user's wish to end what goes on: SIGINT, SIGTERM and SIGHUP, as bytes in a pipe that a poll can wait
//! for.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::{pipe, unregister};

/// Hears signals until it is dropped. From then on they end the process again, as they do by
/// default: what is left to do then is to write the result, which may block. So one process
/// listens once, to all of its runs.
#[derive(Debug)]
pub(crate) struct Interrupt {
    heard: UnixStream,
    handlers: Vec<signal_hook::SigId>,
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
        // makes a signal do nothing at all. These bring the default back.
        let over = Arc::new(AtomicBool::new(false));
        let mut handlers = Vec::new();
        // SIGHUP: the terminal was closed, or the connection to it. nohup(1) has it ignored.
        let hangs_up = (!is_ignored(SIGHUP)).then_some(SIGHUP);
        for signal in [SIGINT, SIGTERM].into_iter().chain(hangs_up) {
            flag::register_conditional_default(signal, Arc::clone(&over))?;
            handlers.push(pipe::register(signal, write.try_clone()?)?);
        }
        Ok(Interrupt { heard, handlers, over })
    }

    /// How many signals have come since this was asked last.
    pub(crate) fn take(&self) -> usize {
        let mut bytes = [0; 16];
        (&self.heard).read(&mut bytes).unwrap_or(0)
    }
}

/// Sees to it that this process's children can be waited for: a parent that ignores SIGCHLD leaves
/// that to its children, and then the kernel lets no child wait.
///
/// # Errors
/// The kernel's.
pub(crate) fn wait_for_children() -> io::Result<()> {
    if is_ignored(SIGCHLD) {
        // A handler that does nothing ends the ignoring, here and in what is started from here.
        flag::register(SIGCHLD, Arc::new(AtomicBool::new(false)))?;
    }
    Ok(())
}

/// Whether this process was started with the signal ignored. If that cannot be read, it was not.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

impl AsFd for Interrupt {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.heard.as_fd()
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        for handler in self.handlers.drain(..) {
            unregister(handler);
        }
    }
}
