//! Processes that outlive the command that started them.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use leakbench_kernel::poll_until;
use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::observed_process::ObservedProcess;
use super::process_tree::ProcessTree;
use super::remarks::Remarks;

/// Time for survivors to end after SIGTERM, and after SIGKILL.
const END_WITHIN: Duration = Duration::from_secs(2);

/// A process may start others while it is ended. They are ended in further rounds.
const ROUNDS_MAX: u32 = 10;

/// Ends the descendants that still run, or with `leave_running` only reports them.
///
/// # Errors
/// The kernel's.
pub(super) fn end(
    tree: &mut ProcessTree,
    at_ms: u64,
    leave_running: bool,
    remarks: &mut Remarks,
) -> io::Result<()> {
    tree.root_ended(at_ms);
    let mut found: Option<String> = None;
    for round in 0..ROUNDS_MAX {
        // It has nothing to report but that all have ended.
        let _ = tree.update(at_ms, &mut Remarks::default());
        let running: Vec<&ObservedProcess> =
            tree.descendants.values().filter(|process| process.runs()).collect();
        let Some(first) = running.first() else { break };
        let described = found.get_or_insert_with(|| {
            let (pid, name) = (first.pid(), &first.name);
            match running.len() {
                1 => format!("process {pid} ({name}), which the command started, outlived it"),
                count => format!(
                    "{count} processes that the command started outlived it, the first is {pid} \
                     ({name})"
                ),
            }
        });
        if leave_running {
            remarks.note(format!("{described}: left running"));
            return Ok(());
        }
        let signal = if round == 0 { Signal::TERM } else { Signal::KILL };
        end_all(&running, signal)?;
    }
    if let Some(found) = found {
        let outcome = match tree.descendants.values().any(ObservedProcess::runs) {
            true => "could not be ended",
            false => "ended by leakbench",
        };
        remarks.note(format!(
            "{found}: {outcome} (--duration observes it longer, --leave-running leaves it)"
        ));
    }
    Ok(())
}

/// Sends a signal to each and waits for their ends.
fn end_all(running: &[&ObservedProcess], signal: Signal) -> io::Result<()> {
    let mut waiting: Vec<OwnedFd> = running.iter().filter_map(|process| pidfd(process)).collect();
    for pidfd in &waiting {
        // It may have ended meanwhile.
        let _ = pidfd_send_signal(pidfd, signal);
    }
    let deadline = Instant::now() + END_WITHIN;
    while !waiting.is_empty() {
        let mut fds: Vec<PollFd> =
            waiting.iter().map(|pidfd| PollFd::new(pidfd, PollFlags::IN)).collect();
        if !poll_until(&mut fds, deadline)? {
            break;
        }
        let ended: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        let mut ended = ended.into_iter();
        waiting.retain(|_| !ended.next().unwrap_or(false));
    }
    Ok(())
}

/// The pidfd of this process and of no later one with its number.
fn pidfd(process: &ObservedProcess) -> Option<OwnedFd> {
    let pid = i32::try_from(process.pid()).ok().and_then(Pid::from_raw)?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    process.runs().then_some(pidfd)
}
