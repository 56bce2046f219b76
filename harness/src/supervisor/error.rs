//! Errors before the first cycle.

use std::io;

use leakbench_kernel::is_for_lack_of_resources;
use leakbench_recording::recording::Witness;

/// A run that could not begin.
#[derive(Debug, thiserror::Error)]
pub enum SuperviseError {
    /// The runtime or a guest cannot be set up as the scenario demands.
    #[error("{doing}: {error}")]
    SetUp {
        /// The step of the setup.
        doing: String,
        /// The runtime's message.
        error: String,
        /// The kernel refused memory, a descriptor or a process.
        lacks_resources: bool,
    },
    /// The machine does not allow the measurement.
    #[error("{what}")]
    CannotMeasure {
        /// The witness that does not work.
        witness: Witness,
        /// The reason.
        what: String,
    },
    /// A subject's process cannot be started.
    #[error("cannot start subject {subject}: {error}")]
    Spawn {
        /// Its index.
        subject: u32,
        /// The kernel's error.
        error: io::Error,
    },
    /// The supervisor's own system calls fail.
    #[error("cannot supervise the subjects: {0}")]
    Own(#[from] io::Error),
}

impl SuperviseError {
    /// Returns true if the machine's limits are the reason, and not the scenario.
    pub(crate) fn lacks_resources(&self) -> bool {
        match self {
            SuperviseError::SetUp { lacks_resources, .. } => *lacks_resources,
            SuperviseError::CannotMeasure { .. } => false,
            SuperviseError::Spawn { error, .. } | SuperviseError::Own(error) => {
                is_for_lack_of_resources(error)
            }
        }
    }
}
