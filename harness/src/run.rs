//! One run: made ready, so that every mistake is found before anything starts, and then done.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use leakbench_recording::recording::Recorder;
use leakbench_scenarios::{GuestFile, GuestFileError, Options, Scenario};

use crate::command_line::Error;
use crate::driver::Driver;
use crate::interrupt::Interrupt;
use crate::output_folder;
use crate::report;
use crate::supervisor::{SuperviseError, supervise};

/// A run that can begin: the driver is there, and has what the scenario asks for.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) scenario: Scenario,
    driver: Driver,
    /// What does the same again.
    pub(crate) command: String,
}

impl Run {
    /// Decides what `options` leave open, and finds the driver, also in `driver_dir`.
    ///
    /// # Errors
    /// The driver or a module is not there, or choices do not go together.
    pub(crate) fn prepare(options: Options, driver_dir: Option<&Path>) -> Result<Run, Error> {
        let subject = options.subject.clone().unwrap_or_default();
        let driver = Driver::find(&subject, driver_dir)?;
        let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get());
        let cpus = NonZeroU32::new(cpus as u32).unwrap_or(NonZeroU32::MIN);
        let mut scenario = Scenario::new(options, &driver.offer, cpus)?;
        // Read here so that a mistake is found before anything starts, and so that subjects find
        // the files wherever they run.
        GuestFile::read_all(&scenario.wasm)?;
        for path in &mut scenario.wasm {
            *path = std::path::absolute(&*path)
                .map_err(|error| GuestFileError::Read { path: path.clone(), error })?;
        }
        let mut command = scenario.command_line();
        if let Some(folder) = driver_dir {
            let folder = folder.to_string_lossy();
            command += " --driver-dir ";
            command += &shlex::try_quote(&folder).unwrap_or_default();
        }
        Ok(Run { scenario, driver, command })
    }

    /// Does it, with progress on standard error, and keeps its recording in `out`.
    ///
    /// # Errors
    /// As [`Run::perform_one_of_several`].
    pub(crate) fn perform(
        &self,
        out: Option<&PathBuf>,
    ) -> Result<(Recorder, Result<(), Error>), Error> {
        let interrupt = Interrupt::listen().map_err(SuperviseError::Own)?;
        let progress = report::Progress::new(&self.scenario, "");
        self.perform_one_of_several(out, &interrupt, progress)
    }

    /// The same, where one listens for `interrupt` over several runs.
    ///
    /// # Errors
    /// The run could not begin. That the recording could not be kept is no such error: it is said
    /// beside it.
    pub(crate) fn perform_one_of_several(
        &self,
        out: Option<&PathBuf>,
        interrupt: &Interrupt,
        mut progress: report::Progress,
    ) -> Result<(Recorder, Result<(), Error>), Error> {
        let mut recorder = match out {
            Some(folder) => {
                let recorder = Recorder::create(folder)?;
                output_folder::forget_results(folder)?;
                recorder
            }
            None => Recorder::in_memory(),
        };
        let Run { scenario, driver, command } = self;
        let supervised =
            supervise(scenario, driver, command, &mut recorder, interrupt, &mut |glance| {
                progress.show(glance);
            });
        progress.clear();
        supervised?;
        // A disk that was full for a moment need not cost the recording.
        let kept = recorder.restore().map_err(Error::from);
        Ok((recorder, kept))
    }
}
