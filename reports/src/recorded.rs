//! Output folders, read and judged: a run, an observation or a comparison.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::comparison::{
    COMPARISON_FILE, COMPARISON_VERSION, Comparison, ComparisonFile, Row, RunSummary,
};
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::{Ledger, NoStart};
use leakbench_recording::observation::{Diagnosis, ObservationRecording};
use leakbench_recording::recording::{RECORDING_FILE, Recording, RecordingError, RecordingKind};

/// A folder, read and judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The folder; empty if nothing is kept on disk.
    pub folder: PathBuf,
    /// The file of the recording or the comparison.
    pub file: PathBuf,
    /// Its content.
    pub what: RecordedKind,
}

/// The content of a folder.
#[derive(Clone, Debug, PartialEq)]
pub enum RecordedKind {
    /// A run of modules.
    Run(Box<RecordedRun>),
    /// An observation.
    Observation(Box<Diagnosis>),
    /// A comparison.
    Comparison(Box<RecordedComparison>),
}

/// A run, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedRun {
    /// Its ledger.
    pub ledger: Ledger,
    /// Its judgement.
    pub judgement: Judgement,
}

/// A comparison with its runs, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedComparison {
    /// The comparison, with summaries of its runs.
    pub comparison: Comparison,
    /// Each run with its folder's name, in the order of rows and rounds.
    pub runs: Vec<(String, RecordedRun)>,
}

/// A folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordedError {
    /// The folder has no recording and no comparison.
    #[error(
        "{} has neither {RECORDING_FILE} nor {COMPARISON_FILE}: name the output folder of a run, an \
         observation or a comparison",
        path.display()
    )]
    Nothing {
        /// The folder.
        path: PathBuf,
    },
    /// The folder has a recording and a comparison.
    #[error(
        "{} has both {RECORDING_FILE} and {COMPARISON_FILE}: name one of these files",
        path.display()
    )]
    Both {
        /// The folder.
        path: PathBuf,
    },
    /// A recording cannot be read.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// A recording has no start.
    #[error("{}: {error}", path.display())]
    NoStart {
        /// The recording.
        path: PathBuf,
        /// The error.
        error: NoStart,
    },
    /// The file of a comparison cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error.
        error: io::Error,
    },
    /// The file of a comparison has another content.
    #[error("{} is not a comparison: {message}", path.display())]
    NoComparison {
        /// The file.
        path: PathBuf,
        /// The reason.
        message: String,
    },
    /// The comparison has another version of the format.
    #[error(
        "{} is a comparison of version {found}, and this leakbench reads version {} only: {}",
        path.display(), COMPARISON_VERSION,
        if *found < u64::from(COMPARISON_VERSION) { "run the comparison again" } else { "use the leakbench that wrote it" }
    )]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// A run of a comparison is missing.
    #[error(
        "the run of {row} is not in {}: keep the folders of a comparison's runs beside \
         {COMPARISON_FILE}",
        path.display()
    )]
    RunMissing {
        /// The row of the run.
        row: String,
        /// Its expected folder.
        path: PathBuf,
    },
}

impl RecordedRun {
    /// Judges a recording.
    ///
    /// # Errors
    /// The recording has no start.
    pub fn of(recording: &Recording) -> Result<RecordedRun, NoStart> {
        let ledger = Ledger::of(recording)?;
        let judgement = Judgement::of(&ledger);
        Ok(RecordedRun { ledger, judgement })
    }
}

impl Recorded {
    /// The recording's file in `folder`.
    pub fn file(folder: &Path) -> PathBuf {
        folder.join(RECORDING_FILE)
    }

    /// The path that names it to a command of leakbench: its folder or, if the file has another name than
    /// leakbench's own, the file. `None` if nothing is kept on disk.
    pub fn path(&self) -> Option<&Path> {
        let own = [RECORDING_FILE, COMPARISON_FILE].map(|name| self.folder.join(name));
        let path = if own.contains(&self.file) { &self.folder } else { &self.file };
        (!path.as_os_str().is_empty()).then_some(path)
    }

    /// Reads the folder of a run, an observation or a comparison, or its file, and judges it.
    ///
    /// # Errors
    /// The folder has none of these or more than one, or its content cannot be read. Every run of a
    /// comparison must exist.
    pub fn read(path: &Path) -> Result<Recorded, RecordedError> {
        if !path.is_dir() {
            let folder = path.parent().unwrap_or(Path::new("")).to_owned();
            let is_comparison = path.file_name().is_some_and(|name| name == COMPARISON_FILE);
            return if is_comparison {
                read_comparison(folder)
            } else {
                read_recording(path, folder)
            };
        }
        let has = |name: &str| path.join(name).exists();
        match (has(RECORDING_FILE), has(COMPARISON_FILE)) {
            (true, false) => read_recording(&Recorded::file(path), path.to_owned()),
            (false, true) => read_comparison(path.to_owned()),
            (true, true) => Err(RecordedError::Both { path: path.to_owned() }),
            (false, false) => Err(RecordedError::Nothing { path: path.to_owned() }),
        }
    }

    /// A run in memory that is kept in `folder`.
    ///
    /// # Errors
    /// The recording has no start.
    pub fn of_run(folder: &Path, recording: &Recording) -> Result<Recorded, NoStart> {
        let run = RecordedRun::of(recording)?;
        let what = RecordedKind::Run(Box::new(run));
        Ok(Recorded { folder: folder.to_owned(), file: Recorded::file(folder), what })
    }

    /// An observation in memory that is kept in `folder`.
    pub fn of_observation(folder: &Path, diagnosis: Diagnosis) -> Recorded {
        let what = RecordedKind::Observation(Box::new(diagnosis));
        Recorded { folder: folder.to_owned(), file: Recorded::file(folder), what }
    }

    /// A comparison in memory whose runs are kept in folders of `folder`. Their recordings are read
    /// and judged again.
    ///
    /// # Errors
    /// A run is not in its folder, or cannot be read.
    pub fn of_comparison(
        folder: &Path,
        mut comparison: Comparison,
    ) -> Result<Recorded, RecordedError> {
        let mut runs = Vec::new();
        for row in &mut comparison.rows {
            for summary in &mut row.runs {
                let name = summary.folder.clone();
                let run = read_run(folder, &name, &row.name)?;
                *summary =
                    RunSummary::new(summary.round, name.clone(), &run.ledger, &run.judgement);
                runs.push((name, run));
            }
        }
        let what = RecordedKind::Comparison(Box::new(RecordedComparison { comparison, runs }));
        Ok(Recorded { folder: folder.to_owned(), file: folder.join(COMPARISON_FILE), what })
    }
}

fn read_recording(file: &Path, folder: PathBuf) -> Result<Recorded, RecordedError> {
    let no_start = |error| RecordedError::NoStart { path: file.to_owned(), error };
    let recorded = match Recording::read(file) {
        Ok(recording) => Recorded::of_run(&folder, &recording).map_err(no_start)?,
        Err(RecordingError::OtherKind { found: RecordingKind::Observation, .. }) => {
            let recording = ObservationRecording::read(file)?;
            Recorded::of_observation(&folder, Diagnosis::of(&recording).map_err(no_start)?)
        }
        Err(error) => return Err(error.into()),
    };
    // The file may have another name than leakbench's own.
    Ok(Recorded { file: file.to_owned(), ..recorded })
}

fn read_comparison(folder: PathBuf) -> Result<Recorded, RecordedError> {
    let path = folder.join(COMPARISON_FILE);
    let text =
        std::fs::read(&path).map_err(|error| RecordedError::Read { path: path.clone(), error })?;
    let no_comparison = |message| RecordedError::NoComparison { path: path.clone(), message };
    let value: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| no_comparison(error.to_string()))?;
    match value["version"].as_u64() {
        Some(found) if found != u64::from(COMPARISON_VERSION) => {
            return Err(RecordedError::OtherVersion { path, found });
        }
        Some(_) => {}
        None => return Err(no_comparison("it has no version".to_owned())),
    }
    let file: ComparisonFile =
        serde_json::from_value(value).map_err(|error| no_comparison(error.to_string()))?;

    let mut rows = Vec::new();
    let mut runs = Vec::new();
    for row in file.rows {
        if row.settings.len() != file.swept.len() {
            let (has, swept) = (row.settings.len(), file.swept.len());
            return Err(no_comparison(format!(
                "row {} has {has} settings where {swept} flags are swept",
                row.name
            )));
        }
        let mut summaries = Vec::new();
        for kept in row.runs {
            let run = read_run(&folder, &kept.folder, &row.name)?;
            let (ledger, judgement) = (&run.ledger, &run.judgement);
            summaries.push(RunSummary::new(kept.round, kept.folder.clone(), ledger, judgement));
            runs.push((kept.folder, run));
        }
        rows.push(Row {
            name: row.name,
            subject: row.subject,
            values: row.settings.into_iter().map(|setting| setting.value).collect(),
            runs: summaries,
            refusal: row.refusal,
        });
    }
    let comparison = Comparison {
        kind: file.kind,
        command: file.command,
        rounds: file.rounds,
        swept: file.swept,
        rows,
        interrupted: file.interrupted,
    };
    let what = RecordedKind::Comparison(Box::new(RecordedComparison { comparison, runs }));
    Ok(Recorded { folder, file: path, what })
}

/// A run of a comparison. Its folder must be directly in the comparison's folder.
fn read_run(folder: &Path, name: &str, row: &str) -> Result<RecordedRun, RecordedError> {
    let path = folder.join(name);
    let mut parts = Path::new(name).components();
    let is_inside = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
    if !is_inside || !Recorded::file(&path).exists() {
        return Err(RecordedError::RunMissing { row: row.to_owned(), path });
    }
    let recording = Recording::read(&path)?;
    RecordedRun::of(&recording).map_err(|error| RecordedError::NoStart { path, error })
}
