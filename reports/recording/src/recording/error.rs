//! What can go wrong with a recording, in words fit for one line.

use std::io;
use std::path::PathBuf;

use super::RecordingKind;

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
    /// The file begins with something that no recording begins with.
    #[error(
        "{} is not a recording: its first line is neither a start nor an observation-start record",
        path.display()
    )]
    NotARecording {
        /// The file.
        path: PathBuf,
    },
    /// It is a recording, of something else.
    #[error("{} is a recording of {found}, and not of {wanted}", path.display())]
    OtherKind {
        /// The file.
        path: PathBuf,
        /// What it is of.
        found: RecordingKind,
        /// What was looked for.
        wanted: RecordingKind,
    },
    /// The recording has another version of the format.
    #[error(
        "{} is a recording of version {found}, and this leakbench reads version {reads} only: {}",
        path.display(),
        if *found < u64::from(*reads) { "record it again" } else { "use the leakbench that wrote it" }
    )]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The version that is read.
        reads: u32,
    },
}
