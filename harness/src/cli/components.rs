//! `leakbench components`: prints the plan of a component, and what it costs.

use std::path::PathBuf;
use std::process::ExitCode;

use super::help::RESULT;
use crate::components::Survey;
use crate::error::Error;
use crate::output::{Stream, Verbosity, print};

const EXAMPLES: &str = "\
Examples:
  leakbench components app.wasm         its components, core modules and memories, and how many
                                        instances fit into a process of this machine
  leakbench components app.wasm --json  the same as one JSON object
  leakbench components app.wasm -q      the conclusion only

Exit codes:
  0 the plan is printed   2 the file has none: it is a core module, damaged, or needs a feature that the
  message names";

/// `leakbench components`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ComponentsArgs {
    /// The component, `.wasm` or `.wat`
    #[arg(value_name = "FILE")]
    component: PathBuf,

    /// Print the plan as one JSON object
    #[arg(long, help_heading = RESULT)]
    json: bool,
}

impl ComponentsArgs {
    /// Prints the plan.
    ///
    /// # Errors
    /// The file has no plan, or it cannot be printed.
    pub(super) fn run(self, verbosity: Verbosity) -> Result<ExitCode, Error> {
        let survey = Survey::of_file(&self.component)?;
        match self.json {
            true => print(&survey.to_json()?)?,
            false => {
                let text = survey.to_text(Stream::Stdout.appearance().colour);
                print(verbosity.of_summary(&text))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
