//! One trial: a run or an observation in a process of its own, and its result beside the truth.

mod locks;
mod observation;
mod run;

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use leakbench_model::Verdict;
use leakbench_scenarios::shell;
use serde::Deserialize;
use tempfile::TempDir;

use self::locks::Locks;
use self::observation::ObservationResult;
use self::run::RunResult;
use super::case::{Beside, Case, Expected, TrialKind};
use super::clean;
use crate::subjects::{TRUTH_FILE, Truth};

/// The name of the trials without a plant.
const CLEAN: &str = "no plant";

/// A module with WASI. Its data make an image; it has its folder open from the start.
const GUEST: &str = r#"(module (memory (export "memory") 1) (data (i32.const 0) "image") (func (export "_start")))"#;

/// A run or an observation to be made, and what it must find.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) name: &'static str,
    /// What the subject leaves behind, in words.
    pub(super) what: &'static str,
    pub(super) expected: Expected,
    seed: u64,
    flags: Vec<String>,
    /// Of an observation: those that may be made beside it.
    beside: Option<Beside>,
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Judged(Score),
    /// The kernel refused the object that a habit keeps, for this reason.
    Refused(String),
    Interrupted,
}

/// The result of a trial beside the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Score {
    /// The verdict is that of the truth.
    pub(super) is_right: bool,
    /// The finding names what leaks.
    pub(super) is_named: bool,
    /// The number of images is that of the truth; `None` where none is expected to stay.
    pub(super) is_exact: Option<bool>,
    /// The result in words.
    pub(super) headline: String,
    /// The command of the trial.
    pub(super) command: String,
}

impl Score {
    pub(super) fn has_failed(&self) -> bool {
        !self.is_right || !self.is_named || self.is_exact == Some(false)
    }
}

/// A score without its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Marks {
    is_right: bool,
    is_named: bool,
    is_exact: Option<bool>,
}

/// The part of the result of a run or of an observation that is compared with the truth.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Judged {
    Run(RunResult),
    Observation(ObservationResult),
}

impl Judged {
    fn verdict(&self) -> Verdict {
        match self {
            Judged::Run(run) => run.verdict,
            Judged::Observation(observation) => observation.verdict,
        }
    }

    fn headline(&self) -> &str {
        match self {
            Judged::Run(run) => &run.headline,
            Judged::Observation(observation) => &observation.headline,
        }
    }

    fn marks(&self, expected: Expected, truth: &Truth) -> Marks {
        match self {
            Judged::Run(run) => run.marks(expected, truth),
            Judged::Observation(observation) => observation.marks(expected, truth),
        }
    }
}

#[derive(Debug, Deserialize)]
struct FindingLine {
    policy: String,
    level: String,
    message: String,
}

/// The files that trials need, in a folder that ends with this value, and the locks of those that may not be
/// made beside others.
#[derive(Debug)]
pub(super) struct Workplace {
    folder: TempDir,
    locks: Locks,
}

impl Workplace {
    /// # Errors
    /// The folder for temporary files is not writable.
    pub(super) fn create() -> io::Result<Workplace> {
        let folder = tempfile::Builder::new().prefix("leakbench-selftest-").tempdir()?;
        std::fs::create_dir(folder.path().join("data"))?;
        std::fs::write(folder.path().join("guest.wat"), GUEST)?;
        Ok(Workplace { folder, locks: Locks::default() })
    }

    /// Leaves the folder, so that the command of a failed trial finds its files.
    pub(super) fn keep(self) {
        let _path = self.folder.keep();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Trial {
    pub(super) fn of_case(case: &Case, seed: u64) -> Trial {
        let (flags, beside) = match case.trial {
            TrialKind::Run { slots, flags } => (run::flags(slots, flags), None),
            TrialKind::Observation { habit, beside } => {
                (observation::words(habit, seed), Some(beside))
            }
        };
        let Case { name, what, expected, .. } = *case;
        Trial { name, what, expected, seed, flags, beside }
    }

    /// The first trial of the case of this name.
    #[cfg(test)]
    pub(super) fn named(name: &str) -> Trial {
        let case = super::cases().find(|case| case.name == name);
        Trial::of_case(case.expect("a case"), 0)
    }

    pub(super) fn without_plant(seed: u64) -> Trial {
        let mut flags = clean::flags(seed);
        flags.extend(["--processes", "1"].map(str::to_owned));
        Trial {
            name: CLEAN,
            what: "strategies, threads, modes and sizes at random",
            expected: Expected::Nothing,
            seed,
            flags,
            beside: None,
        }
    }

    /// True for an observation, which sleeps most of the time.
    pub(super) fn is_observation(&self) -> bool {
        self.beside.is_some()
    }

    /// True for an observation that must be made alone.
    pub(super) fn is_alone(&self) -> bool {
        self.beside == Some(Beside::None)
    }

    /// Makes the run or the observation, once all have ended that may not be beside it. `job` is a number that
    /// no other trial has meanwhile. Nothing is made once `stop` is set.
    ///
    /// # Errors
    /// It cannot be started, or its truth cannot be read.
    pub(super) fn perform(
        &self,
        workplace: &Workplace,
        job: u32,
        stop: &AtomicBool,
    ) -> io::Result<Outcome> {
        let _lock = self.beside.map(|beside| workplace.locks.hold(beside));
        if stop.load(Relaxed) {
            return Ok(Outcome::Interrupted);
        }
        let truth_file = workplace.path(&format!("truth-{job}"));
        remove(&truth_file).map_err(naming(&truth_file))?;
        let words = self.words(workplace);
        let mut command = Command::new("/proc/self/exe");
        command.args(&words).env(TRUTH_FILE, &truth_file).stdin(Stdio::null());
        if !self.is_observation() {
            command.arg("--json");
        }
        let output = command.output().map_err(naming(Path::new("/proc/self/exe")))?;
        let truth = read_truth(&truth_file).map_err(naming(&truth_file))?;
        let command = shell::command(std::iter::once("leakbench".to_owned()).chain(words));
        let (marks, headline) = match serde_json::from_slice::<Judged>(&output.stdout) {
            Ok(judged) if judged.verdict() == Verdict::Interrupted => {
                return Ok(Outcome::Interrupted);
            }
            Ok(_) if let Some(reason) = truth.refused => return Ok(Outcome::Refused(reason)),
            Ok(judged) => (judged.marks(self.expected, &truth), judged.headline().to_owned()),
            Err(_) => {
                let stderr = String::from_utf8_lossy(&output.stderr);
                let last = stderr.lines().last().unwrap_or("it printed nothing");
                let marks = Marks { is_right: false, is_named: false, is_exact: None };
                (marks, format!("no result ({}): {last}", output.status))
            }
        };
        let Marks { is_right, is_named, is_exact } = marks;
        Ok(Outcome::Judged(Score { is_right, is_named, is_exact, headline, command }))
    }

    fn words(&self, workplace: &Workplace) -> Vec<String> {
        let mut words = self.flags.clone();
        if self.is_observation() {
            return words;
        }
        words.extend(["--no-config".to_owned(), "--seed".to_owned(), self.seed.to_string()]);
        if self.expected.needs_wasi() && !self.flags.iter().any(|flag| flag == "--wasm") {
            words.extend(["--wasm".to_owned(), workplace.path("guest.wat").display().to_string()]);
            let data = workplace.path("data");
            words.extend(["--dir".to_owned(), format!("{}::/data", data.display())]);
        }
        words
    }
}

/// The same error with the name of the file.
fn naming(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The truth of a trial; nothing was kept if there is no file.
fn read_truth(path: &Path) -> io::Result<Truth> {
    match std::fs::read(path) {
        Ok(line) => Ok(serde_json::from_slice(&line)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Truth::default()),
        Err(error) => Err(error),
    }
}
