//! A whole observation, and how one is read back.

use std::path::Path;

use super::{OBSERVATION_VERSION, ObservationRecord, ObservationStart};
use crate::recording::{Line, RecordingError, RecordingKind, read_lines};

/// What was seen of a process, in the order in which it was seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObservationRecording {
    /// The lines; the first is [`ObservationRecord::Start`].
    pub records: Vec<ObservationRecord>,
}

impl Line for ObservationRecord {
    const VERSION: u32 = OBSERVATION_VERSION;
    const KIND: RecordingKind = RecordingKind::Observation;
}

impl ObservationRecording {
    /// Reads a recording from its file, or from the output folder that has one
    /// ([`crate::recording::RECORDING_FILE`]).
    ///
    /// A last line that was cut, by an observer killed or a disk full while writing it, is left
    /// out.
    ///
    /// # Errors
    /// The file cannot be read, is of another version, is the recording of a run, or has a line
    /// that is not a record.
    pub fn read(path: &Path) -> Result<ObservationRecording, RecordingError> {
        Ok(ObservationRecording { records: read_lines(path)? })
    }

    /// What was observed, unless the recording was cut before it.
    pub fn start(&self) -> Option<&ObservationStart> {
        match self.records.first() {
            Some(ObservationRecord::Start(observe)) => Some(observe),
            _ => None,
        }
    }
}
