//! `leakbench.toml` of the working folder: the gate's budget, and defaults of runs in `[run]`.

use std::io::ErrorKind;
use std::path::Path;

use leakbench_scenarios::Options;

use super::help::RUNTIME;
use crate::error::Error;
use crate::output::{Verbosity, print_note};

/// The file's name.
pub(super) const PROJECT_FILE: &str = "leakbench.toml";

/// The flag of the commands that make runs.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct ConfigFlag {
    /// Ignore the [run] table of leakbench.toml
    ///
    /// Its keys are flags of a run, and its values replace their defaults
    #[arg(long, help_heading = RUNTIME)]
    no_config: bool,
}

/// The `[run]` table. Flags and the scenario go before it.
#[derive(Debug, Default)]
pub(super) struct RunDefaults {
    pub(super) options: Options,
    /// The reproduce command must ignore the file of its folder.
    pub(super) no_config: bool,
}

impl ConfigFlag {
    /// Reads the table; it is empty if there is none, or if it is to be ignored.
    ///
    /// # Errors
    /// The file cannot be read, or has an unknown key or a wrong value.
    pub(super) fn read(self) -> Result<RunDefaults, Error> {
        if self.no_config {
            return Ok(RunDefaults { options: Options::default(), no_config: true });
        }
        let text = match std::fs::read_to_string(PROJECT_FILE) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(RunDefaults::default()),
            Err(error) => {
                return Err(Error::Read { path: Path::new(PROJECT_FILE).to_owned(), error });
            }
        };
        let options = Options::from_run_table(&text, PROJECT_FILE)?;
        let no_config = !options.given().is_empty();
        Ok(RunDefaults { options, no_config })
    }
}

impl RunDefaults {
    /// `options` with the defaults.
    pub(super) fn complete(&self, options: Options) -> Options {
        options.or(self.options.clone())
    }

    /// The flags, with their values, that `options` leaves to these defaults.
    pub(super) fn used_by(&self, options: &Options) -> Vec<(String, Vec<String>)> {
        let own = options.given();
        let is_open = |flag: &String| own.iter().all(|(other, _)| other != flag);
        self.options.given().into_iter().filter(|(flag, _)| is_open(flag)).collect()
    }

    /// Reports on standard error which defaults a run with `options` uses.
    pub(super) fn report(&self, options: &Options, verbosity: Verbosity) {
        let used = self.used_by(options);
        if used.is_empty() || verbosity == Verbosity::Quiet {
            return;
        }
        let used = used.iter().map(|(flag, values)| format!("{flag} = {}", values.join(", ")));
        let used = used.collect::<Vec<String>>().join(", ");
        print_note(&format!(
            "leakbench: defaults of [run] in {PROJECT_FILE}: {used} (--no-config ignores them)"
        ));
    }
}
