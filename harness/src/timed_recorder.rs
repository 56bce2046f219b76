//! A recorder with the clock of its recording.

use std::io::{self, Write};
use std::time::Instant;

use leakbench_recording::recording::{Line, Recorder};

/// A recorder, and the time at which its recording began.
pub(crate) struct TimedRecorder<'a, L: Line> {
    recorder: &'a mut Recorder<L>,
    began: Instant,
}

impl<L: Line> TimedRecorder<'_, L> {
    /// The recording begins now.
    pub(crate) fn start(recorder: &mut Recorder<L>) -> TimedRecorder<'_, L> {
        TimedRecorder { recorder, began: Instant::now() }
    }

    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// Time since the recording began.
    pub(crate) fn now_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    /// Records a line. The first failure of the file is printed; the recording continues in
    /// memory, so the verdict does not depend on the file.
    pub(crate) fn write(&mut self, line: L) {
        if let Err(error) = self.recorder.record(line) {
            let _ = writeln!(io::stderr(), "leakbench: {error}; the recording continues in memory");
        }
    }
}
