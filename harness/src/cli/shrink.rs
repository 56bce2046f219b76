//! `leakbench shrink`: the smallest run that still fails as a recorded one does.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use leakbench_model::exit_code;
use leakbench_model::text::counted;

use super::help::RESULT;
use super::replay::RecordingArgs;
use crate::error::Error;
use crate::output::{Verbosity, print, print_note};
use crate::shrink::{Found, Plan};

const EXAMPLES: &str = "\
Examples:
  leakbench --decommit-batch 16 --cycles 3k --out out   a run that leaks,
  leakbench shrink out                                  its smallest form: out/shrunk.toml,
  leakbench --scenario out/shrunk.toml                  and a run of it
  leakbench shrink out --policy growth --minutes 30     another of its errors, with more time

Each option becomes smaller in turn: sizes such as cycles, slots, threads and image bytes by
bisection, lists element by element, others by their default. A run that fails by another policy or
for another cause does not count. The recorded options are first run several times. If some runs
pass, or a candidate has several threads, it must fail in most of its runs, by a sequential test.

The scenario file is written at each improvement, so Ctrl-C keeps the smallest one so far. Beside
it, for a run of Wasmtime 36 or later, stands a Rust program that needs only Wasmtime.

Exit codes:
  0 a scenario that fails is kept   2 no recording of a run that failed
  4 the failure does not happen again   130 interrupted, with the smallest so far";

/// `leakbench shrink`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ShrinkArgs {
    #[command(flatten)]
    recording: RecordingArgs,

    /// Policy by which the run must fail [default: that of its first error]
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,

    /// Time for the whole search, in minutes
    #[arg(long, value_name = "N", default_value = "5")]
    minutes: NonZeroU32,

    /// Maximum of runs of a candidate that fails only in some of them
    #[arg(long, value_name = "N", default_value = "20")]
    runs: NonZeroU32,

    /// Scenario file to write [default: shrunk.toml in DIR]
    #[arg(long, value_name = "FILE", help_heading = RESULT)]
    out: Option<PathBuf>,

    /// Print the result as one JSON object
    #[arg(long, help_heading = RESULT)]
    json: bool,
}

impl ShrinkArgs {
    /// Searches and prints the result. Returns the exit code.
    ///
    /// # Errors
    /// There is no failure to shrink, or a file cannot be written.
    pub(super) fn run(self, verbosity: Verbosity) -> Result<ExitCode, Error> {
        let run = self.recording.read()?;
        let folder = if self.recording.folder.is_dir() {
            self.recording.folder.as_path()
        } else {
            self.recording.folder.parent().unwrap_or(std::path::Path::new(""))
        };
        let plan = Plan {
            driver_dir: self.recording.driver_dir(&run),
            out: self.out.unwrap_or_else(|| folder.join("shrunk.toml")),
            run,
            policy: self.policy,
            budget: Duration::from_secs(60) * self.minutes.get(),
            runs_max: self.runs,
        };
        let shrunk = match plan.carry_out(verbosity)? {
            Found::Shrunk(shrunk) => shrunk,
            Found::Nothing { is_time_over: true, .. } => {
                print_note(
                    "leakbench: the recorded run did not end again within the time: allow more --minutes",
                );
                return Ok(ExitCode::from(exit_code::INCONCLUSIVE));
            }
            Found::Nothing { runs, .. } => {
                print_note(&format!(
                    "leakbench: the recorded failure did not happen again in {}: leakbench replay {} \
                     shows what differs",
                    counted(runs, "run"),
                    self.recording.folder.display()
                ));
                return Ok(ExitCode::from(exit_code::INCONCLUSIVE));
            }
        };
        if self.json {
            print(&shrunk.to_json()?)?;
        } else {
            print(verbosity.of_summary(&shrunk.to_text()))?;
        }
        Ok(ExitCode::from(shrunk.exit_code()))
    }
}
