//! The processes that leakbench starts: how they begin, how their end is awaited, how they are
//! ended.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{self, ChildStdin, ChildStdout, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};

use crate::poll::poll_until;
use crate::sys::parent_death::kill_with_parent;

/// The process group of a [`Child`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessGroup {
    /// A new group. Signals go to the whole group, and when the child has ended, what is left of its
    /// group is killed.
    Own,
    /// The group of this process, as a command in a terminal needs it to read from the terminal and
    /// to get its Ctrl-C. Signals go to the child alone.
    Inherited,
}

/// A child process. The kernel kills it when the thread that started it ends; dropping it kills
/// and reaps it.
///
/// ```
/// use std::process::Command;
/// use std::time::Duration;
///
/// use leakbench_kernel::{Child, ProcessGroup};
///
/// let mut child = Child::spawn(Command::new("sleep").arg("60"), ProcessGroup::Own)?;
/// assert!(child.wait_for(Duration::from_millis(10))?.is_none());
/// let status = child.end(Duration::from_secs(1))?;
/// assert_eq!(status.to_string(), "signal: 15 (SIGTERM)");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Child {
    process: process::Child,
    /// Readable once the process has ended.
    pidfd: OwnedFd,
    group: ProcessGroup,
    /// `None` until it is reaped.
    status: Option<ExitStatus>,
}

impl Child {
    /// Starts `command`.
    ///
    /// # Errors
    /// The program cannot be started, or the kernel gives no pidfd (before Linux 5.3).
    pub fn spawn(command: &mut Command, group: ProcessGroup) -> io::Result<Child> {
        kill_with_parent(command);
        if group == ProcessGroup::Own {
            command.process_group(0);
        }
        let mut process = command.spawn()?;
        match pidfd_open(Pid::from_child(&process), PidfdFlags::empty()) {
            Ok(pidfd) => Ok(Child { process, pidfd, group, status: None }),
            Err(error) => {
                let _ = process.kill();
                let _ = process.wait();
                Err(error.into())
            }
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The pipe to its standard input, if the command asked for one; at the first call.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.process.stdin.take()
    }

    /// The pipe from its standard output, if the command asked for one; at the first call.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.process.stdout.take()
    }

    /// Its exit status, if it has ended.
    ///
    /// # Errors
    /// The kernel's.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.wait_for(Duration::ZERO)
    }

    /// Waits until it ends, at most for `limit`. `None`: it still runs.
    ///
    /// # Errors
    /// The kernel's.
    pub fn wait_for(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none() {
            let now = Instant::now();
            // A limit beyond the range of the clock: a year is as good.
            let deadline = now.checked_add(limit).unwrap_or(now + Duration::from_hours(24 * 365));
            if !poll_until(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], deadline)? {
                return Ok(None);
            }
            self.reap()?;
        }
        Ok(self.status)
    }

    /// Asks it to end, by SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends it in steps: SIGTERM, `grace` for it to end, SIGKILL. Returns its exit status, which is
    /// its own if it had ended before.
    ///
    /// # Errors
    /// The kernel's.
    pub fn end(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        if let Some(status) = self.try_wait()? {
            return Ok(status);
        }
        self.terminate();
        match self.wait_for(grace)? {
            Some(status) => Ok(status),
            None => self.kill(),
        }
    }

    /// Kills it and waits for its end.
    ///
    /// # Errors
    /// The kernel's.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::KILL);
        self.reap()
    }

    /// Until it is reaped, its number and that of its group cannot be another's. It may have ended
    /// meanwhile, so a failure needs no report.
    fn signal(&self, signal: Signal) {
        if self.status.is_some() {
            return;
        }
        let _ = match self.group {
            ProcessGroup::Own => kill_process_group(Pid::from_child(&self.process), signal),
            ProcessGroup::Inherited => pidfd_send_signal(&self.pidfd, signal),
        };
    }

    /// Waits for its end, and takes with it what is left of its own group.
    fn reap(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        if self.group == ProcessGroup::Own {
            self.signal(Signal::KILL);
        }
        let status = self.process.wait()?;
        self.status = Some(status);
        Ok(status)
    }
}

/// The pidfd: readable once the process has ended, also before it is reaped.
impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // An error leaves a process that the kernel ends with this one.
        let _ = self.kill();
    }
}
