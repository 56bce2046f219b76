//! `leakbench attach`: observes a running process.

use std::process::ExitCode;

use leakbench_scenarios::shell;

use super::observe_flags::ObserveFlags;
use crate::error::Error;
use crate::observer::Target;
use crate::output::Verbosity;

/// `leakbench attach`.
#[derive(Debug, clap::Args)]
pub(super) struct AttachArgs {
    #[command(flatten)]
    observe: ObserveFlags,

    /// The process to observe
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(i32::MAX)))]
    pid: u32,
}

impl AttachArgs {
    /// Observes the process. Returns the verdict's exit code.
    ///
    /// # Errors
    /// The process could not be observed, or a clean result could not be kept.
    pub(super) fn run(self, verbosity: Verbosity) -> Result<ExitCode, Error> {
        let mut words = self.observe.reproduce_words("attach");
        words.push(self.pid.to_string().into());
        let (target, reproduce) = (Target::Process(self.pid), shell::command(words));
        let (code, _) = self.observe.observe("attach", &target, reproduce, verbosity)?;
        Ok(code)
    }
}
