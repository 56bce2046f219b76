//! The flags of a run, which `compare` and `sweep` take too.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Parser;
use leakbench_scenarios::{BUILTIN, BuiltinScenario, Options};

use super::help::{RUNTIME, one_line};
use super::project_file::RunDefaults;
use crate::error::Error;
use crate::run::Run;

/// A run as its user asks for it.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct RunFlags {
    /// Scenario: a name, or a TOML file
    ///
    /// Its keys are the flags of a run; flags override it. `leakbench scenarios` lists the names
    #[arg(long, value_name = "NAME|FILE", help_heading = RUNTIME)]
    scenario: Option<PathBuf>,

    #[command(flatten)]
    pub(super) options: Options,

    /// Folder to search for the driver first
    ///
    /// Before leakbench's own folder and PATH
    #[arg(long, value_name = "DIR", help_heading = RUNTIME)]
    pub(super) driver_dir: Option<PathBuf>,
}

impl RunFlags {
    /// Parses `words`, which have no program name.
    ///
    /// # Errors
    /// [`Error::Usage`]: they cannot be parsed.
    pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<RunFlags, Error> {
        #[derive(Parser)]
        #[command(no_binary_name = true, disable_help_flag = true)]
        struct Flags {
            #[command(flatten)]
            flags: RunFlags,
        }
        match Flags::try_parse_from(words) {
            Ok(Flags { flags }) => Ok(flags),
            Err(error) => Err(Error::Usage(one_line(&error))),
        }
    }

    /// The options that the flags and the scenario give.
    ///
    /// # Errors
    /// The scenario does not exist, or cannot be read.
    pub(super) fn given(&self) -> Result<Options, Error> {
        let options = self.options.clone();
        match &self.scenario {
            None => Ok(options),
            Some(scenario) => Ok(options.or(read_scenario(scenario)?)),
        }
    }

    /// Completes the options and checks them.
    ///
    /// # Errors
    /// As [`RunFlags::given`] or [`Run::prepare`].
    pub(super) fn prepare(self, defaults: &RunDefaults) -> Result<Run, Error> {
        let options = defaults.complete(self.given()?);
        Run::prepare(options, self.driver_dir.as_deref(), defaults.no_config)
    }
}

/// Reads the file of this name if it exists, else the built-in scenario.
fn read_scenario(name: &Path) -> Result<Options, Error> {
    if name.is_file() {
        return Ok(Options::from_file(name)?);
    }
    let builtin = builtin_scenario(name)?;
    Ok(Options::from_toml(builtin.toml, builtin.name)?)
}

/// The scenario with this name.
///
/// # Errors
/// [`Error::UnknownScenario`].
pub(super) fn builtin_scenario(name: &Path) -> Result<&'static BuiltinScenario, Error> {
    let builtin = BUILTIN.iter().find(|scenario| Path::new(scenario.name) == name);
    builtin.ok_or_else(|| Error::UnknownScenario { name: name.display().to_string() })
}
