//! Runs of candidates: each a process of its own, as its user would start it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::outcome::Outcome;
use crate::error::Error;
use crate::interrupt::Interrupt;

/// This program.
const OWN_PROGRAM: &str = "/proc/self/exe";
/// Between two checks whether a run has ended.
const CHECK_INTERVAL: Duration = Duration::from_millis(5);

/// The reason why a search ends before its minimum, and its result is that of the time until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    /// The time is used up.
    TimeOver,
    /// The user's signal.
    Interrupted,
}

/// The end of a search by a run.
#[derive(Debug)]
pub(super) enum Break {
    /// The search has a result.
    Stop(Stop),
    /// It has none: a run could not be started, or a file not be written.
    Error(Error),
}

impl From<Error> for Break {
    fn from(error: Error) -> Break {
        Break::Error(error)
    }
}

/// Starts runs and reads their results.
#[derive(Debug)]
pub(super) struct Runner<'a> {
    /// Has the files of one run at a time.
    folder: TempDir,
    driver_dir: Option<PathBuf>,
    interrupt: &'a Interrupt,
    pub(super) deadline: Instant,
    /// Maximum time of a run. A run that takes longer counts as one that does not fail.
    pub(super) run_max: Duration,
    /// Runs so far.
    pub(super) runs: u64,
}

impl<'a> Runner<'a> {
    /// A runner whose runs must end by `deadline`.
    ///
    /// # Errors
    /// The folder for temporary files is not writable.
    pub(super) fn new(
        driver_dir: Option<PathBuf>,
        interrupt: &'a Interrupt,
        deadline: Instant,
    ) -> Result<Runner<'a>, Error> {
        let folder = tempfile::Builder::new().prefix("leakbench-shrink-").tempdir();
        let folder = folder.map_err(writing(&std::env::temp_dir()))?;
        let run_max = deadline.saturating_duration_since(Instant::now());
        Ok(Runner { folder, driver_dir, interrupt, deadline, run_max, runs: 0 })
    }

    /// Runs a scenario file. A run without a result has no findings, and so does one that takes too long.
    /// `watch` is called while it runs.
    ///
    /// # Errors
    /// The signal, the end of the time, or a run that cannot be started.
    pub(super) fn run(&mut self, toml: &str, watch: &mut dyn FnMut()) -> Result<Outcome, Break> {
        let path = |name: &str| self.folder.path().join(name);
        let (scenario, result) = (path("scenario.toml"), path("result.json"));
        std::fs::write(&scenario, toml).map_err(writing(&scenario))?;
        let stdout = File::create(&result).map_err(writing(&result))?;
        let mut command = Command::new(OWN_PROGRAM);
        command.args(["run", "--json", "--quiet", "--no-config", "--scenario"]).arg(&scenario);
        command
            .args(self.driver_dir.iter().flat_map(|it| ["--driver-dir".as_ref(), it.as_os_str()]));
        command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::null());
        let mut child = command.spawn().map_err(writing(Path::new(OWN_PROGRAM)))?;
        self.runs += 1;
        let ended = self.wait(&mut child, watch);
        if !matches!(ended, Ok(Some(_))) {
            // The subjects of a supervisor end with it. It may have ended meanwhile.
            let _ = child.kill();
            let _ = child.wait();
        }
        if ended?.is_none() {
            return Ok(Outcome::default());
        }
        let text =
            std::fs::read(&result).map_err(|error| Error::Read { path: result.clone(), error })?;
        Ok(serde_json::from_slice(&text).unwrap_or_default())
    }

    /// Waits for the end of a run; `None` after its maximum time.
    fn wait(
        &self,
        child: &mut std::process::Child,
        watch: &mut dyn FnMut(),
    ) -> Result<Option<ExitStatus>, Break> {
        let started = Instant::now();
        loop {
            let status = child
                .try_wait()
                .map_err(|error| Error::Read { path: OWN_PROGRAM.into(), error })?;
            // First, since a signal of the terminal ends the run too.
            if self.interrupt.take() > 0 {
                return Err(Break::Stop(Stop::Interrupted));
            }
            if status.is_some() {
                return Ok(status);
            }
            if Instant::now() >= self.deadline {
                return Err(Break::Stop(Stop::TimeOver));
            }
            if started.elapsed() >= self.run_max {
                return Ok(None);
            }
            watch();
            std::thread::sleep(CHECK_INTERVAL);
        }
    }
}

/// The error of writing the file.
fn writing(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |error| Error::Write { path: path.clone(), error }
}
