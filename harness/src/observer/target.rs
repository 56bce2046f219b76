//! The process that is observed, and the checks that it can be.

use std::ffi::OsString;
use std::path::Path;

use leakbench_model::Fault;

use super::error::ObserveError;
use leakbench_kernel::{Process, ReadError, Stat};

/// Characters of a command line that are kept.
const COMMAND_CHARS_MAX: usize = 300;

/// The target of an observation.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A command to start.
    Command {
        /// Its name and arguments.
        words: Vec<OsString>,
        /// Do not end the processes that it leaves behind.
        leave_running: bool,
        /// Calls of it and of its descendants that fail on purpose.
        faults: Vec<Fault>,
    },
    /// A running process.
    Process(u32),
}

/// Opens a running process, if it can be observed.
///
/// # Errors
/// See [`ObserveError`].
pub(super) fn open(pid: u32) -> Result<(Process, Stat), ObserveError> {
    let mut process = Process::open(pid).map_err(|error| or_none(pid, error))?;
    let stat = process.stat().map_err(|error| or_none(pid, error))?;
    let name = stat.name.clone();
    if stat.has_ended {
        return Err(ObserveError::Ended { pid, name, parent: stat.parent });
    }
    if stat.is_kernel_thread {
        return Err(ObserveError::KernelThread { pid, name });
    }
    let ids = process.ids().map_err(|error| or_none(pid, error))?;
    if ids.process != pid {
        return Err(ObserveError::Thread { pid, process: ids.process });
    }
    if is_own_or_above(pid) {
        return Err(ObserveError::Oneself { pid, name });
    }
    Ok((process, stat))
}

fn or_none(pid: u32, error: ReadError) -> ObserveError {
    match error {
        ReadError::Vanished { .. } => ObserveError::NoProcess { pid },
        error => ObserveError::Read(error),
    }
}

/// Returns true for this process and its ancestors.
fn is_own_or_above(pid: u32) -> bool {
    let mut above = std::process::id();
    while above != pid {
        match Stat::of(Path::new("/proc"), above) {
            // A number that is reused meanwhile could lead into a cycle.
            Ok(stat) if stat.parent != 0 && stat.parent != above => above = stat.parent,
            _ => return false,
        }
    }
    true
}

/// The command line of a process: as it is now, else as it was started, else its name.
pub(super) fn command_of(process: &Process, stat: &Stat, target: &Target) -> String {
    let mut words = process.command_line().unwrap_or_default();
    if let (true, Target::Command { words: started, .. }) = (words.is_empty(), target) {
        words = started.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    }
    let text = match words.is_empty() {
        true => stat.name.clone(),
        false => words.join(" "),
    };
    match text.char_indices().nth(COMMAND_CHARS_MAX) {
        Some((end, _)) => text[..end].to_owned() + "…",
        None => text,
    }
}
