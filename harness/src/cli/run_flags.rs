//! The flags of a run, which `compare` and `sweep` take too.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Parser;
use leakbench_scenarios::{BUILTIN, Options};

use super::help::one_line;
use crate::error::Error;
use crate::run::Run;

/// A run as its user asks for it.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct RunFlags {
    /// Scenario to run: a name, or a TOML file whose keys are the flags below; flags override it
    #[arg(long, value_name = "NAME|FILE")]
    scenario: Option<PathBuf>,

    #[command(flatten, next_help_heading = "The run")]
    pub(super) options: Options,

    /// Folder to search for the driver first, before leakbench's own folder and PATH
    #[arg(long, value_name = "DIR", help_heading = "The run")]
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

    /// Completes the options and checks them.
    ///
    /// # Errors
    /// The scenario does not exist, or as [`Run::prepare`].
    pub(super) fn prepare(self) -> Result<Run, Error> {
        let mut options = self.options;
        if let Some(scenario) = &self.scenario {
            options = options.or(read_scenario(scenario)?);
        }
        Run::prepare(options, self.driver_dir.as_deref())
    }
}

/// Reads the file of this name if it exists, else the built-in scenario.
fn read_scenario(name: &Path) -> Result<Options, Error> {
    if name.is_file() {
        return Ok(Options::from_file(name)?);
    }
    let builtin = BUILTIN.iter().find(|scenario| Path::new(scenario.name) == name);
    let Some(builtin) = builtin else {
        return Err(Error::UnknownScenario { name: name.display().to_string() });
    };
    Ok(Options::from_toml(builtin.toml, builtin.name)?)
}
