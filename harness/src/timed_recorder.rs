//! A recorder with the clock of its recording.

use std::io::{self, Write};
use std::time::Instant;

use leakbench_recording::observation::{ObservationRecord, ObservationRecorder};
use leakbench_recording::recording::{Record, Recorder, RecordingError};

/// A recorder of lines.
pub(crate) trait RecordLine {
    type Line;

    /// Keeps one more line.
    ///
    /// # Errors
    /// The first failure of the file; later lines are kept in memory without an error.
    fn record(&mut self, line: Self::Line) -> Result<(), RecordingError>;
}

impl RecordLine for Recorder {
    type Line = Record;

    fn record(&mut self, line: Record) -> Result<(), RecordingError> {
        Recorder::record(self, line)
    }
}

impl RecordLine for ObservationRecorder {
    type Line = ObservationRecord;

    fn record(&mut self, line: ObservationRecord) -> Result<(), RecordingError> {
        ObservationRecorder::record(self, line)
    }
}

/// A recorder, and the time at which its recording began.
pub(crate) struct TimedRecorder<'a, R> {
    recorder: &'a mut R,
    began: Instant,
}

impl<R: RecordLine> TimedRecorder<'_, R> {
    /// The recording begins now.
    pub(crate) fn start(recorder: &mut R) -> TimedRecorder<'_, R> {
        TimedRecorder { recorder, began: Instant::now() }
    }

    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// Time since the recording began.
    pub(crate) fn now_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    /// Records a line. If its file fails, prints that once: the recording continues in memory, so
    /// the verdict does not depend on the file.
    pub(crate) fn write(&mut self, line: R::Line) {
        if let Err(error) = self.recorder.record(line) {
            let _ = writeln!(io::stderr(), "leakbench: {error}; the recording continues in memory");
        }
    }
}
