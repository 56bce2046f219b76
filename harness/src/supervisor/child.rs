//! A subject as a process, with its end of the conversation and its status page.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use leakbench_kernel::{CallObserver, Child, CountFrom, Injector, ProcessGroup, object_of};
use leakbench_model::{Fault, ObjectId};
use leakbench_subject::wire::{Channel, ChannelError, Request, SharedPage, StatusPage};

use crate::driver::Program;

/// Time for a subject to exit after it has closed its end of the conversation.
const EXIT_WITHIN: Duration = Duration::from_secs(10);

/// Time between SIGTERM and SIGKILL.
const TERMINATE_WITHIN: Duration = Duration::from_millis(200);

/// A subject's process. Dropping it kills it, with all processes of its group.
#[derive(Debug)]
pub(super) struct SubjectProcess {
    child: Child,
    page: Arc<SharedPage>,
    pub(super) channel: Channel,
    /// Ends after the child. `None` in a run without faults.
    pub(super) injector: Option<Injector>,
}

/// Counts faults on the status page, where the subject reads the number.
struct FaultsOnPage(Arc<SharedPage>);

impl CallObserver for FaultsOnPage {
    fn injects(&mut self, _: Fault) {
        self.0.count_fault();
    }
}

impl SubjectProcess {
    /// Starts `program` as a subject whose calls may fail by `faults` once the injector is armed.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn spawn(program: &Program, faults: &[Fault]) -> io::Result<SubjectProcess> {
        let (channel, theirs) = Channel::pair()?;
        let page = Arc::new(SharedPage::create()?);
        // Output of a guest must not mix with the result on standard output.
        let stdout: OwnedFd = io::stderr().as_fd().try_clone_to_owned()?;
        let mut command = match program {
            // By this link and not by its path, at which another file may lie by now.
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
        command.stdin(Stdio::from(theirs)).stdout(Stdio::from(stdout));
        let mut injector = None;
        if !faults.is_empty() {
            let observer = FaultsOnPage(Arc::clone(&page));
            let from = CountFrom::Arming;
            injector = Some(Injector::attach(&mut command, faults, &[], from, false, observer)?);
        }
        let child =
            Child::spawn(&mut command, ProcessGroup::Own).map_err(|error| match &injector {
                Some(injector) => injector.explain(error),
                None => error,
            })?;
        Ok(SubjectProcess { child, page, channel, injector })
    }

    /// Sends the first request, with the status page.
    pub(super) fn begin(&mut self, request: &Request) -> Result<(), ChannelError> {
        self.channel.send_with_fd(request, self.page.as_fd())
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// The memfd that is its status page.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn page_object(&self) -> io::Result<ObjectId> {
        object_of(self.page.as_fd())
    }

    pub(super) fn page(&self) -> &StatusPage {
        &self.page
    }

    /// The pidfd: readable once it has ended.
    pub(super) fn pidfd(&self) -> BorrowedFd<'_> {
        self.child.as_fd()
    }

    /// Ends it and all processes of its group.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn end(&mut self) -> io::Result<ExitStatus> {
        self.child.end(TERMINATE_WITHIN)
    }

    /// Waits for it to exit, and ends it if it does not exit in time. `None`: it did not.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let exited = self.child.wait_for(EXIT_WITHIN)?;
        if exited.is_none() {
            self.end()?;
        }
        Ok(exited)
    }
}
