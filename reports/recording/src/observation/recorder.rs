//! Takes lines as an observation makes them, and keeps them in bounds: a day of looks stays below
//! two megabytes.
//!
//! Of looks, the first in each stretch of time stays, and the latest; stretches double in length
//! whenever there are too many, so that what stays is even over the observation, and looks since
//! the last thinning are all there. Of examples the latest stay.

use std::path::Path;

use super::{Example, Examples, ObservationRecord, ObservationRecording, Remark};
use crate::recording::{Kept, RecordingError};

/// Looks that are kept at most: about a kilobyte each.
const LOOKS_MAX: usize = 1_600;
/// Lines of examples that are kept until the file is written anew without them: a later one
/// replaces them all.
const EXAMPLES_MAX: usize = 8;
/// Characters of a text from the process that are kept: a path may have 4,096.
const TEXT_CHARS_MAX: usize = 300;
/// Holders of an example that are kept by name; of more, how many they are.
const HOLDERS_MAX: usize = 8;

/// Keeps an observation in memory and, where asked to, in a folder.
///
/// Memory and file hold the same lines at any moment. Each line is handed to the kernel in one
/// write, so whatever was recorded outlives a killed observer.
#[derive(Debug)]
pub struct ObservationRecorder {
    recording: ObservationRecording,
    file: Kept,
    looks: usize,
    examples: usize,
    /// Of each stretch of this many ms the first look stays.
    stretch_ms: u64,
    /// Remarks that do not spoil, and those that do.
    remarks: [Tally; 2],
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    kept: usize,
    left_out: u64,
    latest_ms: u64,
}

impl ObservationRecorder {
    /// Remarks that are kept in words, of those that spoil an observation and of those that do
    /// not; more are counted.
    pub const REMARKS_MAX: usize = 50;

    /// Keeps the recording in memory alone.
    pub fn in_memory() -> ObservationRecorder {
        ObservationRecorder {
            recording: ObservationRecording::default(),
            file: Kept::InMemory,
            looks: 0,
            examples: 0,
            stretch_ms: 1,
            remarks: [Tally::default(); 2],
        }
    }

    /// Keeps the recording in `folder` too, in place of any that is there. The folder is made
    /// where it is absent.
    ///
    /// # Errors
    /// The folder or the file in it cannot be written: to be said before anything is observed.
    pub fn create(folder: &Path) -> Result<ObservationRecorder, RecordingError> {
        let file = Kept::create(folder)?;
        Ok(ObservationRecorder { file, ..ObservationRecorder::in_memory() })
    }

    /// Keeps one more line.
    ///
    /// # Errors
    /// The file could not be written. This is said once: the line is kept in memory, and so are
    /// those that follow, without an error. [`ObservationRecorder::restore`] may bring the file
    /// back.
    pub fn record(&mut self, record: ObservationRecord) -> Result<(), RecordingError> {
        match record {
            ObservationRecord::Remark(remark) => self.record_remark(remark),
            ObservationRecord::Examples(examples) => {
                self.examples += 1;
                self.push(ObservationRecord::Examples(in_bounds(examples)))
            }
            // The last line, so the last chance to say what was left out.
            ObservationRecord::End(_) => {
                let left_out = self.record_left_out();
                let end = self.push(record);
                left_out.and(end)
            }
            ObservationRecord::Sample(_) => {
                self.looks += 1;
                self.push(record)
            }
            ObservationRecord::Start(_) | ObservationRecord::Exit(_) => self.push(record),
        }
    }

    /// Whether the folder has every line so far; always, where there is no folder.
    pub fn is_whole(&self) -> bool {
        !self.file.is_cut()
    }

    /// Writes the whole recording to its folder once more, if a write has failed. Does nothing
    /// where the folder has every line, or there is none.
    ///
    /// # Errors
    /// The file could not be written this time either, and is as it was.
    pub fn restore(&mut self) -> Result<(), RecordingError> {
        self.file.restore(&self.recording.records)
    }

    /// What is kept so far.
    pub fn recording(&self) -> &ObservationRecording {
        &self.recording
    }

    /// The recording, when no more lines will come.
    pub fn finish(self) -> ObservationRecording {
        self.recording
    }

    fn push(&mut self, record: ObservationRecord) -> Result<(), RecordingError> {
        self.recording.records.push(record);
        let thinned = self.looks > LOOKS_MAX || self.examples > EXAMPLES_MAX;
        if self.looks > LOOKS_MAX {
            self.thin_looks();
        }
        if self.examples > EXAMPLES_MAX {
            self.thin_examples();
        }
        self.file.keep(&self.recording.records, thinned)
    }

    /// Drops looks until at most half of the limit is used, so that the next time is far off.
    fn thin_looks(&mut self) {
        let records = &mut self.recording.records;
        let times = || {
            records.iter().filter_map(|record| match record {
                ObservationRecord::Sample(look) => Some(look.at_ms),
                _ => None,
            })
        };
        let latest_ms = times().next_back().unwrap_or(0);
        loop {
            let mut last_stretch = None;
            let stretches = times().map(|at_ms| at_ms / self.stretch_ms);
            let kept = stretches.filter(|&s| last_stretch.replace(s) != Some(s)).count();
            if kept <= LOOKS_MAX / 2 || self.stretch_ms > latest_ms {
                break;
            }
            self.stretch_ms = self.stretch_ms.saturating_mul(2);
        }
        let (stretch_ms, mut last_stretch, mut seen) = (self.stretch_ms, None, 0);
        let total = self.looks;
        records.retain(|record| {
            let ObservationRecord::Sample(look) = record else { return true };
            seen += 1;
            let stretch = look.at_ms / stretch_ms;
            last_stretch.replace(stretch) != Some(stretch) || seen == total
        });
        self.looks = self.recording.records.iter().filter(|record| is_look(record)).count();
    }

    fn thin_examples(&mut self) {
        let records = &mut self.recording.records;
        let is_examples =
            |record: &ObservationRecord| matches!(record, ObservationRecord::Examples(_));
        let latest = records.iter().rposition(is_examples);
        let mut index = 0;
        records.retain(|record| {
            let keep = !is_examples(record) || Some(index) == latest;
            index += 1;
            keep
        });
        self.examples = 1;
    }

    fn record_remark(&mut self, remark: Remark) -> Result<(), RecordingError> {
        let tally = &mut self.remarks[usize::from(remark.prevents_clean)];
        tally.latest_ms = remark.at_ms;
        if tally.kept < Self::REMARKS_MAX {
            tally.kept += 1;
            let what = shortened(remark.what);
            return self.push(ObservationRecord::Remark(Remark { what, ..remark }));
        }
        tally.left_out += 1;
        Ok(())
    }

    fn record_left_out(&mut self) -> Result<(), RecordingError> {
        let mut result = Ok(());
        for spoils in [false, true] {
            let tally = std::mem::take(&mut self.remarks[usize::from(spoils)]);
            if tally.left_out > 0 {
                let what = format!("{} more remarks, left out", tally.left_out);
                let at_ms = tally.latest_ms;
                let written = self.push(ObservationRecord::Remark(Remark {
                    at_ms,
                    prevents_clean: spoils,
                    what,
                }));
                result = result.and(written);
            }
        }
        result
    }
}

fn is_look(record: &ObservationRecord) -> bool {
    matches!(record, ObservationRecord::Sample(_))
}

/// The examples as far as there is room for them.
fn in_bounds(mut examples: Examples) -> Examples {
    for objects in examples.objects.values_mut() {
        objects.truncate(Examples::OF_EACH_MAX);
        for Example { what, holders, .. } in objects {
            *what = shortened(std::mem::take(what));
            if holders.len() > HOLDERS_MAX {
                let more = holders.len() - HOLDERS_MAX;
                holders.truncate(HOLDERS_MAX);
                holders.push(format!("{more} more"));
            }
            for holder in holders {
                *holder = shortened(std::mem::take(holder));
            }
        }
    }
    examples
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => text[..end].to_owned() + "…",
        None => text,
    }
}
