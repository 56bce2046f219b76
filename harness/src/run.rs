//! One run: prepared, so that every mistake is found before anything starts, and then made.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::Path;

use leakbench_recording::recording::Recorder;
use leakbench_reports::render::{RunProgress, RunSample};
use leakbench_scenarios::{GuestFile, GuestFileError, Options, Scenario, shell};

use crate::driver::Driver;
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::output::{ProgressDisplay, Verbosity, folder};
use crate::supervisor::{SuperviseError, supervise};

/// A run that can begin: its driver exists and offers what the scenario needs.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) scenario: Scenario,
    driver: Driver,
    /// The reproduce command.
    command: String,
}

impl Run {
    /// Completes `options` and finds the driver, first in `driver_dir`. With `no_config`, the
    /// reproduce command ignores the defaults of its folder.
    ///
    /// # Errors
    /// The driver or a module's file does not exist, or the options contradict each other.
    pub(crate) fn prepare(
        options: Options,
        driver_dir: Option<&Path>,
        no_config: bool,
    ) -> Result<Run, Error> {
        let subject = options.subject.clone().unwrap_or_default();
        let driver = Driver::find(&subject, driver_dir)?;
        let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get());
        let cpus = NonZeroU32::new(cpus as u32).unwrap_or(NonZeroU32::MIN);
        let mut scenario = Scenario::new(options, &driver.offer, cpus)?;
        // Read here to find mistakes before anything starts. The subject reads them again, maybe
        // from another folder, so their paths become absolute.
        GuestFile::read_all(&scenario.wasm)?;
        for path in scenario.wasm.iter_mut().filter(|path| !GuestFile::is_builtin(path)) {
            *path = std::path::absolute(&*path)
                .map_err(|error| GuestFileError::Read { path: path.clone(), error })?;
        }
        let words = scenario.command_words();
        let mut words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
        if let Some(folder) = driver_dir {
            words.extend(["--driver-dir".into(), folder.into()]);
        }
        if no_config {
            words.push("--no-config".into());
        }
        let command = shell::command(words);
        Ok(Run { scenario, driver, command })
    }

    /// Makes the run, with progress on standard error, and keeps its recording in `out`. Returns
    /// the recording, and the error of keeping it.
    ///
    /// # Errors
    /// The run could not begin.
    pub(crate) fn perform(
        &self,
        out: Option<&Path>,
        verbosity: Verbosity,
    ) -> Result<(Recorder, Result<(), Error>), Error> {
        let interrupt = Interrupt::listen().map_err(SuperviseError::Own)?;
        self.perform_one_of_several(out, &interrupt, ProgressDisplay::new(verbosity))
    }

    /// The same for one of several runs, which share `interrupt`.
    ///
    /// # Errors
    /// As [`Run::perform`].
    pub(crate) fn perform_one_of_several(
        &self,
        out: Option<&Path>,
        interrupt: &Interrupt,
        mut display: ProgressDisplay,
    ) -> Result<(Recorder, Result<(), Error>), Error> {
        let mut recorder = folder::create_recorder(out)?;
        let Run { scenario, driver, command } = self;
        let mut progress = RunProgress::new(scenario.cycles.get());
        let supervised =
            supervise(scenario, driver, command, &mut recorder, interrupt, &mut |totals| {
                progress.see(RunSample {
                    at_ms: totals.since_start.as_millis() as u64,
                    running_us: totals.running.as_micros() as u64,
                    counts: totals.counts,
                    footprint: totals.footprint,
                });
                display.show(&progress);
            });
        display.clear();
        supervised?;
        // A write may have failed because the disk was full; it may have room now.
        let kept = recorder.restore().map_err(Error::from);
        Ok((recorder, kept))
    }
}
