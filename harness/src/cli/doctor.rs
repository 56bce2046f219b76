//! `leakbench doctor`: reports the measurements that this machine allows, and the settings to change.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::doctor::Diagnosis;
use crate::error::Error;
use crate::output::{Stream, Verbosity, print};

/// `leakbench doctor`.
#[derive(Debug, clap::Args)]
pub(super) struct DoctorArgs {
    /// Print the diagnosis as one JSON object
    #[arg(long)]
    json: bool,

    /// Folder to search for drivers first
    ///
    /// Before leakbench's own folder and PATH
    #[arg(long, value_name = "DIR")]
    driver_dir: Option<PathBuf>,
}

impl DoctorArgs {
    /// Examines the machine and prints the diagnosis. Returns 0 if the machine can measure, else 4.
    ///
    /// # Errors
    /// The diagnosis cannot be printed.
    pub(super) fn run(self, verbosity: Verbosity) -> Result<ExitCode, Error> {
        let diagnosis = Diagnosis::of_this_machine(self.driver_dir.as_deref());
        let text = if self.json {
            diagnosis.to_json()?
        } else {
            diagnosis.to_text(Stream::Stdout.appearance().colour)
        };
        print(if self.json { &text } else { verbosity.of_summary(&text) })?;
        Ok(ExitCode::from(diagnosis.exit_code()))
    }
}
