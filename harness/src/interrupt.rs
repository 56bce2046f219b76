//! The signals by which a user ends a run: SIGINT, SIGTERM and SIGHUP, as bytes in a socket that a poll can
//! wait for.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use leakbench_kernel::Process;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::{pipe, unregister};

/// A second signal within this time of the first belongs to it: `timeout(1)` signals a process and
/// then its group.
pub(crate) const SIGNAL_ECHO: Duration = Duration::from_secs(1);

/// Receives signals until it is dropped. From then on they end the process again, as by default:
/// only the result is still to be written, which may block. So a process has one for all of its runs.
#[derive(Debug)]
pub(crate) struct Interrupt {
    received: UnixStream,
    handlers: Vec<signal_hook::SigId>,
    /// True once the signals have their default effect: see [`Interrupt::listen`].
    over: Arc<AtomicBool>,
}

impl Interrupt {
    /// # Errors
    /// The kernel's.
    pub(crate) fn listen() -> io::Result<Interrupt> {
        let (received, write) = UnixStream::pair()?;
        received.set_nonblocking(true)?;
        // signal-hook never removes its own handler, so after an action is unregistered the signal
        // would have no effect. These actions restore the default.
        let over = Arc::new(AtomicBool::new(false));
        let mut handlers = Vec::new();
        // SIGHUP: the terminal or the connection to it was closed. Under nohup(1) it is ignored.
        let hangup = (!is_ignored(SIGHUP)).then_some(SIGHUP);
        for signal in [SIGINT, SIGTERM].into_iter().chain(hangup) {
            flag::register_conditional_default(signal, Arc::clone(&over))?;
            handlers.push(pipe::register(signal, write.try_clone()?)?);
        }
        Ok(Interrupt { received, handlers, over })
    }

    /// The number of signals since the last call.
    pub(crate) fn take(&self) -> usize {
        let mut bytes = [0; 16];
        (&self.received).read(&mut bytes).unwrap_or(0)
    }
}

/// Enables this process to wait for its children. A process inherits from its parent that SIGCHLD is
/// ignored, and then the kernel reaps its children at once.
///
/// # Errors
/// The kernel's.
pub(crate) fn wait_for_children() -> io::Result<()> {
    if is_ignored(SIGCHLD) {
        // With a handler that does nothing, the signal is no longer ignored, here and in children.
        flag::register(SIGCHLD, Arc::new(AtomicBool::new(false)))?;
    }
    Ok(())
}

/// Returns true if this process was started with the signal ignored, and false if that is unknown.
fn is_ignored(signal: i32) -> bool {
    let own = Process::open(std::process::id());
    let ignored = own.and_then(|mut own| own.ignored_signals()).ok().flatten();
    ignored.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

impl AsFd for Interrupt {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.received.as_fd()
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
