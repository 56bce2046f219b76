//! What can go wrong with a recording, in words fit for one line.

use std::io;
use std::path::PathBuf;

use super::RECORDING_VERSION;

/// Why a recording cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The output folder is absent and cannot be made.
    #[error("cannot make output folder {}: {error}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The recording cannot be begun.
    #[error("cannot write to {}: {error}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A line could not be kept: said once, after which lines are kept in memory alone.
    #[error(
        "cannot go on writing {}: {error}; it ends here, and the rest of the run is kept in memory only",
        path.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A recording that a failed write has cut could not be written once more.
    #[error(
        "{} ends where writing it first failed, and could not be written once more: {error}; \
         make room and run again",
        path.display()
    )]
    Restore {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The recording cannot be read.
    #[error("cannot read recording {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A line is not one of a recording.
    #[error("{}, line {line}: {message}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// The file begins with something else than [`super::Start`].
    #[error("{} is not a recording: its first line is not a start record", path.display())]
    NotARecording {
        /// The file.
        path: PathBuf,
    },
    /// The recording is of a later leakbench.
    #[error(
        "{} has recording format {found}, and this leakbench reads up to format {RECORDING_VERSION}: \
         use the leakbench that wrote it, or a later one",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
}
