//! `leakbench exec`: starts a command and observes it.

use std::ffi::OsString;
use std::process::ExitCode;

use leakbench_model::Fault;
use leakbench_recording::observation::ProcessExitKind;
use leakbench_scenarios::shell;

use super::help::RESULT;
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

    /// Exit with the command's own code instead of the verdict's
    ///
    /// 128 and the signal's number if a signal killed it. The verdict's code if leakbench stopped it
    #[arg(long, help_heading = RESULT)]
    passthrough: bool,

    /// System calls of the command that fail on purpose
    ///
    /// Also those of its descendants, such as openat=EMFILE@5+. The choice of calls is 5 (the fifth alone), 5+ (all from the fifth on), every:5, or
    /// never (they are only counted). The command cannot gain privileges then. May be given again
    #[arg(long, value_name = "FAULT", conflicts_with = "leave_running")]
    inject: Vec<Fault>,

    /// The command and its arguments
    ///
    /// All words after the command's name are its own. It keeps its terminal, input and output,
    /// except that --json sends its output to standard error
    #[arg(trailing_var_arg = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl ExecArgs {
    /// Starts the command and observes it. Returns the verdict's exit code or, with `--passthrough`, the
    /// command's.
    ///
    /// # Errors
    /// The command could not be observed, or a clean result could not be kept.
    pub(super) fn run(self, verbosity: Verbosity) -> Result<ExitCode, Error> {
        let mut words = self.observe.reproduce_words("exec");
        if self.leave_running {
            words.push("--leave-running".into());
        }
        if self.passthrough {
            words.push("--passthrough".into());
        }
        for fault in &self.inject {
            words.extend(["--inject".into(), fault.to_string().into()]);
        }
        words.push("--".into());
        words.extend_from_slice(&self.command);
        let ExecArgs { observe, command, leave_running, passthrough, inject: faults } = self;
        let target = Target::Command { words: command, leave_running, faults };
        let (code, exit) = observe.observe("exec", &target, shell::command(words), verbosity)?;
        Ok(exit.filter(|_| passthrough).and_then(|exit| own_code(&exit)).unwrap_or(code))
    }
}

/// The exit code that a shell would report; `None` if the command did not end by itself.
fn own_code(exit: &ProcessExitKind) -> Option<ExitCode> {
    let code = match *exit {
        ProcessExitKind::Exited { code } => code,
        ProcessExitKind::Signaled { signal } => 128 + signal,
        ProcessExitKind::Stopped | ProcessExitKind::Vanished => return None,
    };
    u8::try_from(code).ok().map(ExitCode::from)
}
