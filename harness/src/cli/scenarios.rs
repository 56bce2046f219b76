//! `leakbench scenarios`: the scenarios that come with leakbench.

use std::process::ExitCode;

use clap::Subcommand;
use leakbench_scenarios::BUILTIN;

use super::run_flags::builtin_scenario;
use crate::error::Error;
use crate::output::print;

const EXAMPLES: &str = "\
Examples:
  leakbench scenarios                             the name of each, and what it shows
  leakbench --scenario interleaved                runs one
  leakbench scenarios show interleaved > my.toml  a copy to change,
  leakbench --scenario my.toml                    and to run";

/// `leakbench scenarios`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ScenariosArgs {
    #[command(subcommand)]
    command: Option<ScenariosCommand>,
}

#[derive(Debug, Subcommand)]
enum ScenariosCommand {
    /// Print the name of each scenario and what it shows; the default
    List,
    /// Print a scenario as a TOML file for --scenario
    Show {
        /// Its name
        name: String,
    },
}

impl ScenariosArgs {
    /// Prints the list or a scenario.
    ///
    /// # Errors
    /// There is no such scenario, or it cannot be printed.
    pub(super) fn run(&self) -> Result<ExitCode, Error> {
        match &self.command {
            None | Some(ScenariosCommand::List) => print(&list())?,
            Some(ScenariosCommand::Show { name }) => {
                print(builtin_scenario(name.as_ref())?.toml)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn list() -> String {
    let width = BUILTIN.iter().map(|scenario| scenario.name.len()).max().unwrap_or(0);
    let lines = BUILTIN
        .iter()
        .map(|scenario| format!("{:width$}  {}\n", scenario.name, scenario.summary()));
    lines.collect()
}
