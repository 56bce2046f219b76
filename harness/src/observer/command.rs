//! A command that is started to be observed.
//!
//! It keeps what `exec` was given: standard streams, terminal, process group. So a Ctrl-C reaches
//! it as it would without leakbench, and it may read the terminal. It does not outlive leakbench.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use leakbench_recording::observation::ProcessExitKind;
use rustix::process::{Pid, Signal, kill_process};

use super::sys::die_with_parent;

/// Between SIGTERM and SIGKILL.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

/// Between two looks at whether it has left.
const ASK_EVERY: Duration = Duration::from_millis(5);

/// A command that runs. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Started {
    child: Child,
    left: Option<ExitStatus>,
}

impl Started {
    /// Starts the command; with `json`, what it prints goes to standard error, because standard
    /// output is the result's.
    ///
    /// # Errors
    /// The kernel's: there is no such program, or it may not be run.
    pub(super) fn spawn(words: &[OsString], json: bool) -> io::Result<Started> {
        let (program, args) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command.args(args);
        if json {
            let stderr: OwnedFd = io::stderr().as_fd().try_clone_to_owned()?;
            command.stdout(Stdio::from(stderr));
        }
        die_with_parent(&mut command);
        Ok(Started { child: command.spawn()?, left: None })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it left, once it has.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn try_wait(&mut self) -> io::Result<Option<ProcessExitKind>> {
        if self.left.is_none() {
            self.left = self.child.try_wait()?;
        }
        Ok(self.left.map(gone_kind))
    }

    /// Waits for it to leave, at most so long.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn wait(&mut self, at_most: Duration) -> io::Result<Option<ProcessExitKind>> {
        let until = Instant::now() + at_most;
        loop {
            let left = self.try_wait()?;
            if left.is_some() || Instant::now() >= until {
                return Ok(left);
            }
            std::thread::sleep(ASK_EVERY);
        }
    }

    /// Ends it: asks, waits as long as nobody insists, kills.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn stop(&mut self, mut insists: impl FnMut() -> bool) -> io::Result<()> {
        if self.try_wait()?.is_none() {
            self.signal(Signal::TERM);
        }
        let until = Instant::now() + LEAVE_WITHIN;
        while self.try_wait()?.is_none() {
            if Instant::now() >= until || insists() {
                self.signal(Signal::KILL);
                self.left = Some(self.child.wait()?);
            }
            std::thread::sleep(ASK_EVERY);
        }
        Ok(())
    }

    /// It has not been waited for, so its number cannot be another's.
    fn signal(&self, signal: Signal) {
        // It may have left by itself meanwhile, which is as well.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }
}

fn gone_kind(status: ExitStatus) -> ProcessExitKind {
    match (status.code(), status.signal()) {
        (Some(code), _) => ProcessExitKind::Exited { code },
        (None, Some(signal)) => ProcessExitKind::Signaled { signal },
        (None, None) => ProcessExitKind::Vanished,
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if self.left.is_none() {
            self.signal(Signal::KILL);
            // Its status is nobody's business any more.
            let _ = self.child.wait();
        }
    }
}
