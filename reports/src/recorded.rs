//! What an output folder has, read and judged: a run, an observed process, or several runs set
//! beside each other.

use std::path::{Path, PathBuf};

use crate::comparison::Comparison;
use crate::judge::Judgement;
use crate::ledger::{Ledger, NoStart};
use crate::observation::Diagnosis;
use crate::recording::{RECORDING_FILE, Recording};

/// A folder, read and judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The folder; empty of what is in memory alone.
    pub folder: PathBuf,
    /// What it has.
    pub what: RecordedKind,
}

/// What was recorded.
#[derive(Clone, Debug, PartialEq)]
pub enum RecordedKind {
    /// A run of modules.
    Run(Box<RecordedRun>),
    /// An observed process.
    Observation(Box<Diagnosis>),
    /// Several runs.
    Comparison(Box<RecordedComparison>),
}

/// A run, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedRun {
    /// Everything that is known of it.
    pub ledger: Ledger,
    /// What it came to.
    pub judgement: Judgement,
}

/// Several runs, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedComparison {
    /// What is compared, with the summaries of its runs.
    pub comparison: Comparison,
    /// Each run with the folder that it has in the comparison's own, in the order of rows and
    /// rounds.
    pub runs: Vec<(String, RecordedRun)>,
}

impl RecordedRun {
    /// Judges a recording.
    ///
    /// # Errors
    /// The recording does not say what was run.
    pub fn of(recording: &Recording) -> Result<RecordedRun, NoStart> {
        let ledger = Ledger::of(recording)?;
        let judgement = Judgement::of(&ledger);
        Ok(RecordedRun { ledger, judgement })
    }
}

impl Recorded {
    /// The file that a recording's lines are in, in `folder`.
    pub fn file(folder: &Path) -> PathBuf {
        folder.join(RECORDING_FILE)
    }
}
