//! A command that is started to be observed.
//!
//! It has the standard streams, the terminal and the process group of `leakbench exec`. So a Ctrl-C
//! reaches it as it would without leakbench, and it may read from the terminal. It ends with
//! leakbench.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use leakbench_kernel::{
    Child, CountFrom, Injector, ProcessGroup, command_found_in_path, poll_until,
};
use leakbench_model::{Fault, FaultCount};
use leakbench_recording::observation::ProcessExitKind;
use rustix::event::{PollFd, PollFlags};
use rustix::process::{getpid, set_child_subreaper};

use crate::interrupt::Interrupt;

/// Time between SIGTERM and SIGKILL.
const TERMINATE_WITHIN: Duration = Duration::from_secs(5);

/// A command that runs. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Started {
    child: Child,
    /// The processes that outlive it are left running.
    pub(super) leave_running: bool,
    /// Ends after the child. `None` without faults.
    injector: Option<Injector>,
}

impl Started {
    /// Starts the command. With `json` its standard output goes to standard error, because standard
    /// output is for the result.
    ///
    /// Calls of the command and its descendants fail by `faults`.
    ///
    /// From now on this process is the parent of the command's descendants that lose theirs.
    ///
    /// # Errors
    /// The kernel's: there is no such program, or it may not be run.
    pub(super) fn spawn(
        words: &[OsString],
        json: bool,
        leave_running: bool,
        faults: &[Fault],
    ) -> io::Result<Started> {
        let (program, args) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = match faults {
            [] => Command::new(program),
            _ => command_found_in_path(program),
        };
        command.args(args);
        if json {
            let stderr: OwnedFd = io::stderr().as_fd().try_clone_to_owned()?;
            command.stdout(Stdio::from(stderr));
        }
        set_child_subreaper(Some(getpid()))?;
        let injector = match faults {
            [] => None,
            faults => {
                let from = CountFrom::Execution;
                Some(Injector::attach(&mut command, faults, &[], from, false, ())?)
            }
        };
        let child =
            Child::spawn(&mut command, ProcessGroup::Inherited).map_err(
                |error| match &injector {
                    Some(injector) => injector.explain(error),
                    None => error,
                },
            )?;
        Ok(Started { child, leave_running, injector })
    }

    /// The calls of each fault until now.
    pub(super) fn fault_counts(&self) -> Vec<FaultCount> {
        self.injector.as_ref().map(Injector::counts).unwrap_or_default()
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// The way it ended, if it has.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn try_wait(&mut self) -> io::Result<Option<ProcessExitKind>> {
        self.wait_for(Duration::ZERO)
    }

    /// Waits until it ends, at most for `limit`.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn wait_for(&mut self, limit: Duration) -> io::Result<Option<ProcessExitKind>> {
        Ok(self.child.wait_for(limit)?.map(gone_kind))
    }

    /// Ends it: SIGTERM, then SIGKILL after some seconds, or when `interrupt` has a signal for which
    /// `insists` is true.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn stop(
        &mut self,
        interrupt: &Interrupt,
        mut insists: impl FnMut() -> bool,
    ) -> io::Result<()> {
        self.child.terminate();
        let deadline = Instant::now() + TERMINATE_WITHIN;
        while self.child.try_wait()?.is_none() {
            let mut fds =
                [PollFd::new(&self.child, PollFlags::IN), PollFd::new(interrupt, PollFlags::IN)];
            let is_late = !poll_until(&mut fds, deadline)?;
            if is_late || (interrupt.take() > 0 && insists()) {
                self.child.kill()?;
            }
        }
        Ok(())
    }
}

/// The pidfd: readable once the command has ended.
impl AsFd for Started {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.child.as_fd()
    }
}

fn gone_kind(status: ExitStatus) -> ProcessExitKind {
    match (status.code(), status.signal()) {
        (Some(code), _) => ProcessExitKind::Exited { code },
        (None, Some(signal)) => ProcessExitKind::Signaled { signal },
        (None, None) => ProcessExitKind::Vanished,
    }
}
