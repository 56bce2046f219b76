//! A whole recording, and how one is read back.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

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
    /// The file cannot be read, is of another version, or has a line that is not a record.
    pub fn read(path: &Path) -> Result<Recording, RecordingError> {
        Ok(Recording { records: read_lines(path)? })
    }

    /// What was asked for, unless the recording was cut before it.
    pub fn start(&self) -> Option<&Start> {
        match self.records.first() {
            Some(Record::Start(start)) => Some(start),
            _ => None,
        }
    }
}

/// The lines of one kind of recording.
pub trait Line: DeserializeOwned {
    /// Version of the format that this leakbench writes, and the only one that it reads.
    const VERSION: u32;
    /// What it is a recording of.
    const KIND: RecordingKind;
}

impl Line for Record {
    const VERSION: u32 = RECORDING_VERSION;
    const KIND: RecordingKind = RecordingKind::Run;
}

/// What a recording is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingKind {
    /// A run of modules: [`Recording`].
    Run,
    /// A process that was observed: [`crate::observation::ObservationRecording`].
    Observation,
}

impl RecordingKind {
    const ALL: [RecordingKind; 2] = [RecordingKind::Run, RecordingKind::Observation];

    /// The kind of record that such a recording begins with.
    fn first(self) -> &'static str {
        match self {
            RecordingKind::Run => "start",
            RecordingKind::Observation => "observation-start",
        }
    }
}

impl std::fmt::Display for RecordingKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            RecordingKind::Run => "a run of modules",
            RecordingKind::Observation => "an observed process",
        })
    }
}

/// Reads the lines of a file, or of the recording in an output folder. A last line that was cut
/// is left out.
pub fn read_lines<L: Line>(path: &Path) -> Result<Vec<L>, RecordingError> {
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
            // A whole first line of another version is known for what it is even when cut.
            Err(RecordingError::Line { .. }) if cut => break,
            Err(error) => return Err(error),
        }
    }
    Ok(records)
}

/// The first line carries kind and version, which must be understood before the rest can be.
fn parse_first<L: Line>(line: &[u8], path: &Path) -> Result<L, RecordingError> {
    let value: serde_json::Value =
        serde_json::from_slice(line).map_err(|error| at_line(0, &error, path))?;
    let path_owned = || path.to_owned();
    let found = RecordingKind::ALL.into_iter().find(|kind| value["record"] == kind.first());
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
    // serde_json counts lines in what it was given, which is always one.
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
    RecordingError::Line { path: path.to_owned(), line: index + 1, message }
}
