//! A whole recording, and the reader of its file.

use std::path::{Path, PathBuf};

use super::{Line, Record, RecordingError, RecordingKind};

/// File name of a recording in an output folder.
pub const RECORDING_FILE: &str = "recording.jsonl";

/// The lines of a run or, as `Recording<ObservationRecord>`, of an observation, in the order of
/// recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording<L = Record> {
    /// The lines. The first is the start, unless the recording was cut before it.
    pub records: Vec<L>,
}

impl<L> Default for Recording<L> {
    fn default() -> Recording<L> {
        Recording { records: Vec::new() }
    }
}

impl<L: Line> Recording<L> {
    /// Reads a recording from its file or from the output folder that contains it.
    ///
    /// An incomplete last line is ignored: the writer was killed or the disk was full.
    ///
    /// # Errors
    /// The file cannot be read, has another kind or version, or has a line that is not a record.
    pub fn read(path: &Path) -> Result<Recording<L>, RecordingError> {
        Ok(Recording { records: read_lines(path)? })
    }

    /// The content of the first line; `None` if the recording was cut before it.
    pub fn start(&self) -> Option<&L::Start> {
        self.records.first().and_then(Line::start)
    }
}

fn read_lines<L: Line>(path: &Path) -> Result<Vec<L>, RecordingError> {
    let path: PathBuf = if path.is_dir() { path.join(RECORDING_FILE) } else { path.to_owned() };
    let bytes =
        std::fs::read(&path).map_err(|error| RecordingError::Read { path: path.clone(), error })?;
    let mut records = Vec::new();
    for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let cut = !line.ends_with(b"\n");
        let read = if index == 0 {
            parse_first(line, &path)
        } else {
            serde_json::from_slice(line).map_err(|error| at_line(index, &error, &path))
        };
        match read {
            Ok(record) => records.push(record),
            // A complete first line of another version is refused even without its newline.
            Err(RecordingError::Line { .. }) if cut => break,
            Err(error) => return Err(error),
        }
    }
    Ok(records)
}

/// Checks kind and version, which the first line carries, before parsing its other fields.
fn parse_first<L: Line>(line: &[u8], path: &Path) -> Result<L, RecordingError> {
    let value: serde_json::Value =
        serde_json::from_slice(line).map_err(|error| at_line(0, &error, path))?;
    let path_owned = || path.to_owned();
    let found = RecordingKind::ALL.into_iter().find(|kind| value["record"] == kind.first_tag());
    match found {
        Some(kind) if kind == L::KIND => {}
        Some(found) => {
            return Err(RecordingError::OtherKind { path: path_owned(), found, wanted: L::KIND });
        }
        None => return Err(RecordingError::NotARecording { path: path_owned() }),
    }
    if let Some(found) = value["version"].as_u64()
        && found != u64::from(L::VERSION)
    {
        return Err(RecordingError::OtherVersion { path: path_owned(), found, reads: L::VERSION });
    }
    serde_json::from_value(value).map_err(|error| at_line(0, &error, path))
}

fn at_line(index: usize, error: &serde_json::Error, path: &Path) -> RecordingError {
    // serde_json was given one line, so its own line number is useless.
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
    RecordingError::Line { path: path.to_owned(), line: index + 1, message }
}
