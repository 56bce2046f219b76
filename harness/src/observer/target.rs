//! Which process is observed, and whether it may be.

use std::ffi::OsString;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::error::ObserveError;
use leakbench_kernel::{Process, ReadError, Stat};

/// Characters of a command line that are kept.
const COMMAND_CHARS_MAX: usize = 300;

/// What is to be observed.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A command that is started.
    Command(Vec<OsString>),
    /// A process that runs.
    Process(u32),
}

/// Opens a process that somebody else started, if it can be observed at all.
///
/// # Errors
/// See [`ObserveError`].
pub(super) fn open(pid: u32) -> Result<(Process, Stat), ObserveError> {
    let mut process = match Process::open(pid) {
        Ok(process) => process,
        Err(ReadError::Vanished { .. }) if exists(pid) => {
            return Err(ObserveError::Hidden { pid });
        }
        Err(error) => return Err(or_none(pid, error)),
    };
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

/// Whether a signal would find a process of this number.
fn exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| matches!(test_kill_process(pid), Ok(()) | Err(Errno::PERM)))
}

/// Whether it is this process, its parent, or one further up.
fn is_own_or_above(pid: u32) -> bool {
    let mut above = std::process::id();
    while above != pid {
        match Stat::of(Path::new("/proc"), above) {
            // A number that was reused while one looked could lead round in a circle.
            Ok(stat) if stat.parent != 0 && stat.parent != above => above = stat.parent,
            _ => return false,
        }
    }
    true
}

/// How the process was started, as far as that can be read; else what it calls itself.
pub(super) fn command_of(process: &Process, stat: &Stat) -> String {
    let words = process.command_line().unwrap_or_default();
    let text = match words.is_empty() {
        true => format!("({})", stat.name),
        false => words.join(" "),
    };
    match text.char_indices().nth(COMMAND_CHARS_MAX) {
        Some((end, _)) => text[..end].to_owned() + "…",
        None => text,
    }
}
