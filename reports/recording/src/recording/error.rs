//! Errors of writing and reading recordings, each in one line.

use std::io;
use std::path::PathBuf;

use super::RecordingKind;

/// An error of writing or reading a recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The output folder cannot be created.
    #[error("cannot create output folder {}: {error}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        error: io::Error,
    },
    /// The file cannot be created.
    #[error("cannot write to {}: {error}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: io::Error,
    },
    /// A line cannot be written. This is reported once; later lines are kept in memory only.
    #[error(
        "cannot write more lines to {}: {error}; the file ends here, and later lines are kept in memory only",
        path.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: io::Error,
    },
    /// A file that a failed write has cut cannot be written again.
    #[error(
        "{} ends at its first failed write, and writing it again failed too: {error}; free space \
         and run again",
        path.display()
    )]
    Restore {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: io::Error,
    },
    /// The recording cannot be read.
    #[error("cannot read recording {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: io::Error,
    },
    /// A line is not a record.
    #[error("{}, line {line}: {message}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// The error in it.
        message: String,
    },
    /// The first line is not that of a recording.
    #[error(
        "{} is not a recording: its first line is neither a start nor an observation-start record",
        path.display()
    )]
    NotARecording {
        /// The file.
        path: PathBuf,
    },
    /// The recording is of another kind.
    #[error("{} is a recording of {found}, not of {wanted}", path.display())]
    OtherKind {
        /// The file.
        path: PathBuf,
        /// The kind found.
        found: RecordingKind,
        /// The kind expected.
        wanted: RecordingKind,
    },
    /// The recording has another version of the line format.
    #[error(
        "{} is a recording of version {found}, but this leakbench reads only version {reads}: {}",
        path.display(),
        if *found < u64::from(*reads) { "record it again" } else { "use the leakbench that wrote it" }
    )]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// The version found.
        found: u64,
        /// The only version that can be read.
        reads: u32,
    },
}
