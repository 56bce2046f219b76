//! Takes lines as a run makes them, and keeps them in bounds.

use std::collections::HashMap;
use std::path::Path;

use super::file::Kept;
use super::thinning::Thinning;
use super::{Record, Recording, RecordingError, Witness, WitnessFailure};

/// Keeps a recording in memory and, where asked to, in a folder.
///
/// Memory and file hold the same lines at any moment. Each line is handed to the kernel in one
/// write, so whatever was recorded outlives a killed supervisor.
#[derive(Debug)]
pub struct Recorder {
    recording: Recording,
    file: Kept,
    thinning: Thinning,
    troubles: HashMap<(u32, Witness), TroubleTally>,
}

/// Troubles of one witness of one subject.
#[derive(Debug, Default)]
struct TroubleTally {
    kept: usize,
    left_out: u64,
    latest_ms: u64,
}

impl Recorder {
    /// Troubles of one witness of one subject that are kept in words; more are counted.
    pub const WITNESS_FAILURES_MAX: usize = 20;

    /// Keeps the recording in memory alone.
    pub fn in_memory() -> Recorder {
        Recorder {
            recording: Recording::default(),
            file: Kept::InMemory,
            thinning: Thinning::new(),
            troubles: HashMap::new(),
        }
    }

    /// Keeps the recording in `folder` too, in place of any that is there. The folder is made
    /// where it is absent.
    ///
    /// # Errors
    /// The folder or the file in it cannot be written: to be said before a run is begun.
    pub fn create(folder: &Path) -> Result<Recorder, RecordingError> {
        let file = Kept::create(folder)?;
        Ok(Recorder { file, ..Recorder::in_memory() })
    }

    /// Keeps one more line.
    ///
    /// # Errors
    /// The file could not be written. This is said once: the line is kept in memory, and so are
    /// those that follow, without an error. [`Recorder::restore`] may bring the file back.
    pub fn record(&mut self, record: Record) -> Result<(), RecordingError> {
        match &record {
            Record::WitnessFailure(trouble) => self.record_trouble(trouble),
            // The last line, so the last chance to say what was left out.
            Record::End(_) => {
                let left_out = self.record_left_out();
                let end = self.push(record);
                left_out.and(end)
            }
            _ => self.push(record),
        }
    }

    /// Whether the folder has every line so far; always, where there is no folder.
    pub fn is_whole(&self) -> bool {
        !self.file.is_cut()
    }

    /// Writes the whole recording to its folder once more, if a write has failed: the disk may
    /// have room again. After that, lines are kept in the folder as before. Does nothing where
    /// the folder has every line, or there is none.
    ///
    /// # Errors
    /// The file could not be written this time either, and is as it was.
    pub fn restore(&mut self) -> Result<(), RecordingError> {
        self.file.restore(&self.recording.records)
    }

    /// What is kept so far.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// The recording, when no more lines will come.
    pub fn finish(self) -> Recording {
        self.recording
    }

    fn push(&mut self, mut record: Record) -> Result<(), RecordingError> {
        self.thinning.admit(&mut record);
        self.recording.records.push(record);
        let thinned = self.thinning.is_due();
        if thinned {
            self.thinning.thin(&mut self.recording.records);
        }
        self.file.keep(&self.recording.records, thinned)
    }

    fn record_trouble(&mut self, trouble: &WitnessFailure) -> Result<(), RecordingError> {
        let key = (trouble.subject, trouble.witness);
        let tally = self.troubles.entry(key).or_default();
        tally.latest_ms = trouble.at_ms;
        if tally.kept < Self::WITNESS_FAILURES_MAX {
            tally.kept += 1;
            return self.push(Record::WitnessFailure(trouble.clone()));
        }
        tally.left_out += 1;
        Ok(())
    }

    fn record_left_out(&mut self) -> Result<(), RecordingError> {
        let mut left_out: Vec<WitnessFailure> = self
            .troubles
            .drain()
            .filter(|(_, tally)| tally.left_out > 0)
            .map(|((subject, witness), tally)| WitnessFailure {
                at_ms: tally.latest_ms,
                subject,
                witness,
                what: format!("{} more troubles of this witness", tally.left_out),
            })
            .collect();
        left_out.sort_by_key(|trouble| (trouble.subject, trouble.at_ms));
        let mut result = Ok(());
        for trouble in left_out {
            let written = self.push(Record::WitnessFailure(trouble));
            result = result.and(written);
        }
        result
    }
}
