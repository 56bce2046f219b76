//! Why a look at a process did not give an answer.

use std::io;

/// Why something about a process could not be read. None of these means "nothing there".
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The process ended, or waits to be reaped and has no memory and no descriptors any more.
    #[error("process {pid} is gone")]
    Vanished {
        /// The process.
        pid: u32,
    },
    /// The kernel does not let this user look.
    #[error(
        "may not read {file} of process {pid}: run as its user, or with CAP_SYS_PTRACE and \
         CAP_DAC_READ_SEARCH, and see that the process is dumpable"
    )]
    Forbidden {
        /// The process.
        pid: u32,
        /// The file under `/proc/PID`.
        file: &'static str,
    },
    /// The process is there, the file is not: this kernel does not offer it.
    #[error("this kernel has no {file} for process {pid}")]
    Absent {
        /// The process.
        pid: u32,
        /// The file under `/proc/PID`, or the request.
        file: &'static str,
    },
    /// A line that does not read as the kernel documents it.
    #[error("{file} of process {pid}, line {line}: cannot make sense of {text:?}")]
    Malformed {
        /// The process.
        pid: u32,
        /// The file under `/proc/PID`.
        file: &'static str,
        /// The line, from 1.
        line: u64,
        /// The line itself, shortened.
        text: String,
    },
    /// Anything else that the kernel answered.
    #[error("cannot read {file} of process {pid}")]
    Io {
        /// The process.
        pid: u32,
        /// The file under `/proc/PID`.
        file: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The device that memfds live on could not be learnt, by making one.
    #[error("cannot make a memfd to learn which device memfds live on")]
    NoMemfd {
        /// The kernel's answer.
        source: io::Error,
    },
}

impl ReadError {
    /// A malformed line, shortened to what a message can carry.
    pub(crate) fn malformed(pid: u32, file: &'static str, line: u64, text: &[u8]) -> Self {
        let shown = &text[..text.len().min(120)];
        Self::Malformed { pid, file, line, text: String::from_utf8_lossy(shown).into_owned() }
    }
}
