//! A whole recording, and how one is read back.

use std::path::{Path, PathBuf};

use super::{RECORDING_VERSION, Record, RecordingError, Start};

/// Name of the recording in an output folder.
pub const RECORDING_FILE: &str = "recording.jsonl";

/// What a run observed, in the order in which it was observed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// The lines; the first is [`Record::Start`].
    pub records: Vec<Record>,
}

impl Recording {
    /// Reads a recording from its file, or from the output folder that has one.
    ///
    /// A last line that was cut, by a supervisor killed or a disk full while writing it, is left
    /// out.
    ///
    /// # Errors
    /// The file cannot be read, is of a later version, or has a line that is not a record.
    pub fn read(path: &Path) -> Result<Recording, RecordingError> {
        let path: PathBuf = if path.is_dir() { path.join(RECORDING_FILE) } else { path.to_owned() };
        let bytes = std::fs::read(&path)
            .map_err(|error| RecordingError::Read { path: path.clone(), error })?;
        Recording::parse(&bytes, &path)
    }

    /// What was asked for, unless the recording was cut before it.
    pub fn start(&self) -> Option<&Start> {
        match self.records.first() {
            Some(Record::Start(start)) => Some(start),
            _ => None,
        }
    }

    fn parse(bytes: &[u8], path: &Path) -> Result<Recording, RecordingError> {
        let mut records = Vec::new();
        for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
            let cut = !line.ends_with(b"\n");
            let read = if index == 0 {
                parse_first(line, path)
            } else {
                serde_json::from_slice(line).map_err(|error| at_line(index, &error, path))
            };
            match read {
                Ok(record) => records.push(record),
                // A whole first line of a later version is known for what it is even when cut.
                Err(RecordingError::Line { .. }) if cut => break,
                Err(error) => return Err(error),
            }
        }
        Ok(Recording { records })
    }
}

/// The first line carries the version, which must be understood before the rest can be.
fn parse_first(line: &[u8], path: &Path) -> Result<Record, RecordingError> {
    let value: serde_json::Value =
        serde_json::from_slice(line).map_err(|error| at_line(0, &error, path))?;
    let path_owned = || path.to_owned();
    if value["record"] != "start" {
        return Err(RecordingError::NotARecording { path: path_owned() });
    }
    if let Some(found) = value["version"].as_u64()
        && found > u64::from(RECORDING_VERSION)
    {
        return Err(RecordingError::Newer { path: path_owned(), found });
    }
    serde_json::from_value(value).map_err(|error| at_line(0, &error, path))
}

fn at_line(index: usize, error: &serde_json::Error, path: &Path) -> RecordingError {
    // serde_json counts lines in what it was given, which is always one.
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
    RecordingError::Line { path: path.to_owned(), line: index + 1, message }
}
