//! Errors before the first sample.

use std::io;

use leakbench_kernel::ReadError;

/// An observation that could not begin. Later failures are lines of its recording.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// No process has this pid.
    #[error("there is no process {pid}")]
    NoProcess {
        /// The pid.
        pid: u32,
    },
    /// The pid of a thread.
    #[error("{pid} is a thread of process {process}: attach to {process}")]
    Thread {
        /// The pid.
        pid: u32,
        /// The process it belongs to.
        process: u32,
    },
    /// A zombie.
    #[error(
        "process {pid} ({name}) is a zombie: it has ended, and its parent {parent} has not reaped it"
    )]
    Ended {
        /// The pid.
        pid: u32,
        /// Its name.
        name: String,
        /// Its parent.
        parent: u32,
    },
    /// A kernel thread.
    #[error("{pid} ({name}) is a kernel thread, which has no memory and no descriptors of its own")]
    KernelThread {
        /// The pid.
        pid: u32,
        /// Its name.
        name: String,
    },
    /// leakbench or one of its ancestors.
    #[error(
        "process {pid} ({name}) is leakbench itself or an ancestor of it, which would observe itself"
    )]
    Oneself {
        /// The pid.
        pid: u32,
        /// Its name.
        name: String,
    },
    /// The command does not start.
    #[error("cannot start {command}: {error}")]
    Start {
        /// Its first word.
        command: String,
        /// The kernel's error.
        #[source]
        error: io::Error,
    },
    /// A file of `/proc` cannot be read or parsed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The observer's own system calls fail.
    #[error("cannot observe: {0}")]
    Own(#[from] io::Error),
}
