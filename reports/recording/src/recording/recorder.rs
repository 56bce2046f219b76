//! The recorder: takes lines one by one and keeps them within bounds.

use std::path::Path;

use super::file::Storage;
use super::repeats::Repeats;
use super::thinning::Thinning;
use super::{Line, Record, Recording, RecordingError};

/// Keeps a recording in memory and optionally in a folder.
///
/// Memory and file hold the same lines at any time. Each line reaches the kernel in one write, so
/// recorded lines survive when this process is killed. Size is bounded, however long the
/// recording: see the limits of each kind of [`Line`].
#[derive(Debug)]
pub struct Recorder<L: Line = Record> {
    recording: Recording<L>,
    storage: Storage,
    thinning: Thinning,
    repeats: Repeats<L::Repeat>,
}

impl<L: Line> Recorder<L> {
    /// Keeps the recording in memory only.
    pub fn in_memory() -> Recorder<L> {
        Recorder {
            recording: Recording::default(),
            storage: Storage::Memory,
            thinning: Thinning::new::<L>(),
            repeats: Repeats::new(),
        }
    }

    /// Keeps the recording in `folder` too and replaces an earlier one. Creates the folder if
    /// necessary.
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub fn create(folder: &Path) -> Result<Recorder<L>, RecordingError> {
        let storage = Storage::create(folder)?;
        Ok(Recorder { storage, ..Recorder::in_memory() })
    }

    /// Keeps one more line.
    ///
    /// # Errors
    /// The file cannot be written. This is reported once: that line and later ones are kept in
    /// memory without an error. [`Recorder::restore`] may write the file again.
    pub fn record(&mut self, line: L) -> Result<(), RecordingError> {
        if line.is_end() {
            let omitted = self.record_omitted();
            return omitted.and(self.push(line));
        }
        if let Some((sort, at_ms)) = line.repeat()
            && !self.repeats.admit(sort, at_ms, L::REPEATS_MAX)
        {
            return Ok(());
        }
        self.push(line)
    }

    /// True if the file has all lines so far. Always true without a folder.
    pub fn is_whole(&self) -> bool {
        !self.storage.is_cut()
    }

    /// Writes the whole file again after a failed write, when the disk may have room again. Later
    /// lines are then written to it as before. Does nothing if the file has all lines.
    ///
    /// # Errors
    /// The file cannot be written; it stays as it is.
    pub fn restore(&mut self) -> Result<(), RecordingError> {
        self.storage.restore(&self.recording.records)
    }

    /// The lines kept so far.
    pub fn recording(&self) -> &Recording<L> {
        &self.recording
    }

    /// The whole recording.
    pub fn finish(self) -> Recording<L> {
        self.recording
    }

    fn push(&mut self, mut line: L) -> Result<(), RecordingError> {
        line.shorten(self.recording.records.first());
        self.thinning.admit(&line);
        self.recording.records.push(line);
        let thinned = self.thinning.is_due::<L>();
        if thinned {
            self.thinning.thin(&mut self.recording.records);
        }
        self.storage.keep(&self.recording.records, thinned)
    }

    /// Writes the numbers of repeated lines that were not kept.
    fn record_omitted(&mut self) -> Result<(), RecordingError> {
        let mut result = Ok(());
        for (sort, count, at_ms) in self.repeats.take_omitted() {
            result = result.and(self.push(L::omitted(sort, count, at_ms)));
        }
        result
    }
}
