//! A subject as a process: its birth, its conversation, its end.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::driver::Program;
use leakbench_kernel::ObjectId;
use leakbench_subject::channel::{Channel, ChannelError};
use leakbench_subject::protocol::Order;
use leakbench_subject::status_page::StatusPage;
use leakbench_subject::sys::SharedPage;

/// How long a subject that has closed its end may take to leave before it is killed.
const LEAVE_WITHIN: Duration = Duration::from_secs(10);

/// A subject's process. Dropping it kills it, with all that it started and that did not leave its
/// process group.
#[derive(Debug)]
pub(super) struct SubjectProcess {
    child: Child,
    group: Pid,
    page: SharedPage,
    pub(super) channel: Channel,
    reaped: bool,
}

impl SubjectProcess {
    /// Starts `program` as a subject.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn spawn(program: &Program) -> io::Result<SubjectProcess> {
        let (channel, theirs) = Channel::pair()?;
        let page = SharedPage::create()?;
        // What a guest prints must not mix with the result on standard output.
        let stdout: OwnedFd = io::stderr().as_fd().try_clone_to_owned()?;
        let mut command = match program {
            // By this link and not by its path: the file may have been replaced since.
            Program::Own(subcommand) => {
                let mut command = Command::new("/proc/self/exe");
                command.arg0("leakbench").arg(subcommand);
                command
            }
            Program::Other(path) => {
                let mut command = Command::new(path);
                command.arg("subject");
                command
            }
        };
        let child = command
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::from(stdout))
            .process_group(0)
            .spawn()?;
        let group = Pid::from_child(&child);
        Ok(SubjectProcess { child, group, page, channel, reaped: false })
    }

    /// Sends the first order, with the status page.
    pub(super) fn begin(&mut self, order: &Order) -> Result<(), ChannelError> {
        self.channel.send_with_fd(order, self.page.as_fd())
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The memfd that is its status page.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn page_object(&self) -> io::Result<ObjectId> {
        ObjectId::of(self.page.as_fd())
    }

    pub(super) fn page(&self) -> &StatusPage {
        &self.page
    }

    /// Ends it and whatever it started, now.
    pub(super) fn kill(&self) {
        if !self.reaped {
            // It may be gone already, which is what is wanted. Until it is reaped its number
            // cannot be another's.
            let _ = kill_process_group(self.group, Signal::KILL);
        }
    }

    /// Waits for its end, killing it when it does not leave by itself, and takes with it
    /// whatever it started.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn reap(&mut self) -> io::Result<End> {
        let until = Instant::now() + LEAVE_WITHIN;
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let mut left = waitid(WaitId::Pid(self.group), options)?.is_some();
        while !left && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
            left = waitid(WaitId::Pid(self.group), options)?.is_some();
        }
        self.kill();
        let status = self.child.wait()?;
        self.reaped = true;
        Ok(if left { End::Left(status) } else { End::Killed })
    }
}

/// How a process came to its end.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// By itself, or by another's hand.
    Left(ExitStatus),
    /// By ours, because it did not leave.
    Killed,
}

impl Drop for SubjectProcess {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill();
            // Its status is nobody's business any more.
            let _ = self.child.wait();
        }
    }
}
