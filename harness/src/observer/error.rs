//! Why nothing is observed.

use std::io;

use leakbench_kernel::ReadError;

/// Why an observation could not begin. What happens later is in its recording.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// Nothing has this number.
    #[error("there is no process {pid}")]
    NoProcess {
        /// The number.
        pid: u32,
    },
    /// There is one, and `/proc` does not show it.
    #[error(
        "there is a process {pid}, but /proc does not show it: run as its user, or see hidepid in proc(5)"
    )]
    Hidden {
        /// The number.
        pid: u32,
    },
    /// A number that a thread has.
    #[error("{pid} is a thread of process {process}: attach to {process}")]
    Thread {
        /// The number.
        pid: u32,
        /// The process it belongs to.
        process: u32,
    },
    /// A zombie.
    #[error(
        "process {pid} ({name}) has ended already, and waits for its parent {parent} to take note"
    )]
    Ended {
        /// Its number.
        pid: u32,
        /// Its name.
        name: String,
        /// Its parent.
        parent: u32,
    },
    /// A thread of the kernel.
    #[error(
        "{pid} ({name}) is a thread of the kernel: it has no memory and no descriptors of its own"
    )]
    KernelThread {
        /// Its number.
        pid: u32,
        /// Its name.
        name: String,
    },
    /// leakbench, or who waits for it.
    #[error(
        "process {pid} ({name}) is leakbench itself or has started it: what it does here would be observed with it"
    )]
    Oneself {
        /// Its number.
        pid: u32,
        /// Its name.
        name: String,
    },
    /// The command does not start.
    #[error("cannot start {command}: {error}")]
    Start {
        /// Its first word.
        command: String,
        /// Why not.
        error: io::Error,
    },
    /// What `/proc` answers makes no sense.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// leakbench itself lacks something.
    #[error("cannot observe: {0}")]
    Own(#[from] io::Error),
}
