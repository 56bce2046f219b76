//! `leakbench selftest`: tries the judges of runs and of observations against planted leaks.

use std::num::NonZeroU32;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;

use crate::error::Error;
use crate::output::{Verbosity, print};
use crate::selftest::{Plan, cases, cores};

const EXAMPLES: &str = "\
Examples:
  leakbench selftest                       each kind of leak, with five seeds: about two minutes
  leakbench selftest --case thread --seeds 100
                                           one kind, often
  leakbench selftest --seeds 100 --clean-runs 1000
                                           the figures of docs/trust.md
  leakbench --plant thread --cycles 3k     one run with a leak on purpose

A case is a run in which the built-in subject leaves objects behind on purpose, in cycles at random.
Those that begin with exec- are observations of a program that keeps objects of one kind, at random
moments. A case succeeds if the verdict is right, the finding names what leaks, and, of images, the
number is exact. Some cases resemble a leak and are none; these and runs without a plant must be
clean. A kind of object that the kernel refuses is skipped. exec-keys is made only if it is named,
since all observations of its user see its keys.

Exit codes:
  0 every trial succeeded   1 a leak was missed, or a false alarm   4 every trial was skipped
  130 interrupted";

/// `leakbench selftest`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SelftestArgs {
    /// Trials of each case, each with another seed
    #[arg(long, value_name = "N", default_value_t = 5)]
    seeds: u32,

    /// Runs without a plant
    #[arg(long, value_name = "N", default_value_t = 50)]
    clean_runs: u32,

    /// Case to try, in place of all
    ///
    /// May be given again
    #[arg(long = "case", value_name = "NAME", value_parser = case_names())]
    cases: Vec<String>,

    #[arg(long, value_name = "N", help = format!("Runs at the same time, and eight times as many observations [default: one a core, {}]", cores()))]
    jobs: Option<NonZeroU32>,

    /// Print the result as one JSON object
    #[arg(long)]
    json: bool,
}

impl SelftestArgs {
    /// Makes the runs and prints how many succeeded. Returns the exit code.
    ///
    /// # Errors
    /// A run cannot be started.
    pub(super) fn run(self, verbosity: Verbosity) -> Result<ExitCode, Error> {
        let plan = Plan {
            seeds: self.seeds,
            clean_runs: self.clean_runs,
            jobs: self.jobs.unwrap_or_else(cores),
            cases: self.cases,
        };
        let tally = plan.carry_out(verbosity)?;
        if self.json {
            print(&tally.to_json()?)?;
        } else {
            print(verbosity.of_summary(&tally.to_text()))?;
        }
        Ok(ExitCode::from(tally.exit_code()))
    }
}

fn case_names() -> PossibleValuesParser {
    PossibleValuesParser::new(cases().map(|case| case.name))
}
