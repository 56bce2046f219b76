//! One run of a command, with faults or without.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use leakbench_kernel::{
    Child, CountFrom, Injector, ProcessGroup, children_by_parent, command_found_in_path, poll_until,
};
use leakbench_model::{Call, Fault, FaultCount};
use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::holdings::{AtExit, Holdings};

/// The variable by which the processes of a run are known: they may have left its process group.
const RUN_VARIABLE: &str = "LEAKBENCH_FAULTS_RUN";

/// Time for the command's descendants to end after it.
const DESCENDANTS_END_WITHIN: Duration = Duration::from_millis(500);

/// The exit code of a shell whose command cannot be executed.
const NOT_EXECUTED: i32 = 126;

/// Maximum time between two checks of the order to stop.
const STOP_CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Bytes of the output that are kept, from its end.
const OUTPUT_BYTES_MAX: u64 = 64 << 10;

/// A command that is run again and again.
#[derive(Clone, Debug)]
pub(super) struct Runs<'a> {
    pub(super) words: &'a [OsString],
    /// Maximum time of a run.
    pub(super) limit: Duration,
    /// Set when no result is of use any more: runs are killed.
    pub(super) stop: &'a AtomicBool,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Exited(i32),
    Signaled(i32),
    /// It was killed at the limit.
    Hung,
}

/// A run that ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) end: End,
    /// Standard output and error, their end.
    pub(super) output: String,
    /// At its exit. `None` if it did not exit by itself, or could not be read.
    pub(super) holdings: Option<Holdings>,
    /// Processes that were still there some time after it. They were killed.
    pub(super) left_processes: u64,
    pub(super) faults: Vec<FaultCount>,
    pub(super) calls: Vec<(Call, u64)>,
    pub(super) took: Duration,
}

impl Ended {
    /// The number of calls that failed on purpose.
    pub(super) fn injected(&self) -> u64 {
        self.faults.iter().map(|count| count.injected).sum()
    }
}

impl Runs<'_> {
    /// Makes a run in which calls fail by `faults`, and the calls of `counted` are counted. `number` is that of no other
    /// run.
    ///
    /// # Errors
    /// The command cannot be started, or its output cannot be kept.
    pub(super) fn make(
        &self,
        number: u64,
        faults: &[Fault],
        counted: &[Call],
    ) -> io::Result<Ended> {
        let output = tempfile::tempfile()?;
        let mark = format!("{}-{number}", std::process::id());
        let at_exit = AtExit::default();
        let began = Instant::now();
        let (child, injector) = self.start(&output, &mark, faults, counted, at_exit.clone())?;
        let mut left_processes = 0;
        let mut took = Duration::ZERO;
        let end = match child {
            Ok(mut child) => {
                let has_ended = wait_for_end(&child, began + self.limit, self.stop)?;
                took = began.elapsed();
                if has_ended && !injector.wait_for_end(DESCENDANTS_END_WITHIN) {
                    // Before it is reaped, with which its process group ends.
                    left_processes = end_left_processes(&mark)?;
                }
                match child.wait_for(Duration::ZERO)? {
                    Some(status) => end_of(status),
                    None => {
                        child.kill()?;
                        End::Hung
                    }
                }
            }
            Err(error) if injector.counts().iter().any(|count| count.injected > 0) => {
                // A shell would do the same.
                writeln!(&output, "cannot execute: {error}")?;
                End::Exited(NOT_EXECUTED)
            }
            Err(error) => {
                let program = self.words[0].to_string_lossy().into_owned();
                let error = injector.explain(error);
                return Err(io::Error::new(error.kind(), format!("{program}: {error}")));
            }
        };
        // Those that left the process group of a command that hung.
        if !injector.wait_for_end(DESCENDANTS_END_WITHIN) {
            end_left_processes(&mark)?;
        }
        if let Some(error) = injector.take_failure() {
            return Err(error);
        }
        Ok(Ended {
            end,
            output: tail(output)?,
            holdings: at_exit.take(),
            left_processes,
            faults: injector.counts(),
            calls: counted.iter().map(|call| (*call, injector.calls(*call))).collect(),
            took,
        })
    }

    fn start(
        &self,
        output: &File,
        mark: &str,
        faults: &[Fault],
        counted: &[Call],
        at_exit: AtExit,
    ) -> io::Result<(io::Result<Child>, Injector)> {
        let (program, args) = self.words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = command_found_in_path(program);
        command.args(args).env(RUN_VARIABLE, mark).stdin(Stdio::null());
        command.stdout(output.try_clone()?).stderr(output.try_clone()?);
        let from = CountFrom::Execution;
        let injector = Injector::attach(&mut command, faults, counted, from, true, at_exit)?;
        Ok((Child::spawn(&mut command, ProcessGroup::Own), injector))
    }
}

/// Waits until a child has ended, which is not reaped, or until the deadline. Returns whether it has.
///
/// # Errors
/// The kernel's, and `Interrupted` if `stop` is set meanwhile.
pub(super) fn wait_for_end(child: &Child, until: Instant, stop: &AtomicBool) -> io::Result<bool> {
    loop {
        let next = until.min(Instant::now() + STOP_CHECK_INTERVAL);
        if poll_until(&mut [PollFd::new(child, PollFlags::IN)], next)? {
            return Ok(true);
        }
        if stop.load(Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if next == until {
            return Ok(false);
        }
    }
}

fn end_of(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exited(code),
        (None, number) => End::Signaled(number.unwrap_or(0)),
    }
}

/// The end of an output.
pub(super) fn tail(mut output: File) -> io::Result<String> {
    let length = output.seek(SeekFrom::End(0))?;
    output.seek(SeekFrom::Start(length.saturating_sub(OUTPUT_BYTES_MAX)))?;
    let mut bytes = Vec::new();
    output.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Kills the processes of a run that are left, until none is, and returns their number.
fn end_left_processes(mark: &str) -> io::Result<u64> {
    let mut ended = 0;
    loop {
        // Whose parent has ended, it is a child of this process.
        let children = children_by_parent(Path::new("/proc"))?;
        let own = children.get(&std::process::id()).map_or(&[][..], Vec::as_slice);
        let is_of_run = |pid: &u32| has_mark(*pid, mark);
        let left: Vec<u32> = own.iter().copied().filter(is_of_run).collect();
        if left.is_empty() {
            return Ok(ended);
        }
        for pid in left.into_iter().filter_map(|pid| Pid::from_raw(pid.try_into().ok()?)) {
            // It is a child that nothing else reaps, so the number is its own.
            kill_process(pid, Signal::KILL)?;
            waitpid(Some(pid), WaitOptions::empty())?;
            ended += 1;
        }
    }
}

/// Returns whether the environment with which a process began has the mark of a run.
fn has_mark(pid: u32, mark: &str) -> bool {
    let variable = format!("{RUN_VARIABLE}={mark}");
    // That of a process that has ended is empty.
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes())
}
