//! Failures to read a process.

use std::io;

/// The reason why something about a process could not be read. None of these means that the process
/// has nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The process has ended, or waits to be reaped and has no memory and no descriptors any more.
    #[error("process {pid} has ended")]
    Vanished {
        /// The process.
        pid: u32,
    },
    /// The process exists and has no folder under `/proc`: that is not mounted, is of another pid namespace, or
    /// hides processes of other users.
    #[error(
        "/proc has no folder of process {pid}, which exists: mount this namespace's (mount -t proc proc \
         /proc), or run as its user where /proc has hidepid"
    )]
    Hidden {
        /// The process.
        pid: u32,
    },
    /// `/proc` is that of another pid namespace, so its numbers are those of other processes.
    #[error(
        "/proc shows another pid namespace, where this process is {seen} and not {own}: mount this \
         namespace's (mount -t proc proc /proc)"
    )]
    OtherNamespace {
        /// The number of this process.
        own: u32,
        /// Its number there.
        seen: u32,
    },
    /// The kernel does not allow this user to read the file.
    #[error(
        "may not read {file} of process {pid} (permission denied): run as its user, or with CAP_SYS_PTRACE and \
         CAP_DAC_READ_SEARCH, and see that the process is dumpable"
    )]
    Forbidden {
        /// The process.
        pid: u32,
        /// The file under `/proc/PID`.
        file: &'static str,
    },
    /// The process exists and the file does not: this kernel does not have it.
    #[error("this kernel has no {file} for process {pid}")]
    Absent {
        /// The process.
        pid: u32,
        /// The file under `/proc/PID`, or the request.
        file: &'static str,
    },
    /// The file does not have the format that the kernel documents.
    #[error("{file} of process {pid} cannot be parsed: {reason}")]
    Malformed {
        /// The process.
        pid: u32,
        /// The file under `/proc/PID`.
        file: &'static str,
        /// The line from 1 with its text, shortened, or the parser's own words.
        reason: String,
    },
    /// Another answer of the kernel.
    #[error("cannot read {file} of process {pid}: {source}")]
    Io {
        /// The process.
        pid: u32,
        /// The file under `/proc/PID`.
        file: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// No memfd can be made to learn the device of memfds.
    #[error("cannot make a memfd to learn the device of memfds: {source}")]
    NoMemfd {
        /// The kernel's answer.
        source: io::Error,
    },
}

impl ReadError {
    /// A malformed line; the message quotes its beginning.
    pub(crate) fn malformed(pid: u32, file: &'static str, line: u64, text: &[u8]) -> Self {
        let shown = String::from_utf8_lossy(&text[..text.len().min(120)]);
        Self::Malformed { pid, file, reason: format!("line {line}: {shown:?}") }
    }
}
