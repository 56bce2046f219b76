//! `leakbench exec`: starts a command and observes it.

use std::ffi::OsString;
use std::process::ExitCode;

use leakbench_scenarios::shell;

use super::observe_flags::ObserveFlags;
use crate::error::Error;
use crate::observer::Target;
use crate::output::Verbosity;

/// `leakbench exec`.
#[derive(Debug, clap::Args)]
pub(super) struct ExecArgs {
    #[command(flatten)]
    observe: ObserveFlags,

    /// Leave the processes running that outlive the command, or the observation
    ///
    /// Without it leakbench ends them: SIGTERM, then SIGKILL
    #[arg(long)]
    leave_running: bool,

    /// The command and its arguments
    ///
    /// All words after the command's name are its own. It keeps its terminal, input and output,
    /// except that --json sends its output to standard error
    #[arg(trailing_var_arg = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl ExecArgs {
    /// Starts the command and observes it. Returns the verdict's exit code.
    ///
    /// # Errors
    /// The command could not be observed, or a clean result could not be kept.
    pub(super) fn run(self, verbosity: Verbosity) -> Result<ExitCode, Error> {
        let mut words = self.observe.reproduce_words("exec");
        if self.leave_running {
            words.push("--leave-running".into());
        }
        words.push("--".into());
        words.extend_from_slice(&self.command);
        let ExecArgs { command, leave_running, .. } = self;
        let target = Target::Command { words: command, leave_running };
        self.observe.observe("exec", &target, shell::command(words), verbosity)
    }
}
