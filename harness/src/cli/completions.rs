//! `leakbench completions`: made from the command line's own definition, so that no flag is missing.

use std::process::ExitCode;

use clap::Command;
use clap_complete::Shell;

use crate::error::Error;
use crate::output::print;

const EXAMPLES: &str = "\
Examples:
  leakbench completions bash > ~/.local/share/bash-completion/completions/leakbench
  leakbench completions zsh > ~/.zfunc/_leakbench
  leakbench completions fish > ~/.config/fish/completions/leakbench.fish";

/// `leakbench completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

impl CompletionsArgs {
    /// Prints the shell's completion script for `command`.
    ///
    /// # Errors
    /// It cannot be printed.
    pub(super) fn run(&self, mut command: Command) -> Result<ExitCode, Error> {
        let mut script = Vec::new();
        let name = command.get_name().to_owned();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        print(&String::from_utf8_lossy(&script))?;
        Ok(ExitCode::SUCCESS)
    }
}
