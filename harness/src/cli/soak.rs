//! `leakbench soak`: hours of runs, which go on after a kill.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use leakbench_scenarios::parse_time;

use super::help::RESULT;
use crate::error::Error;
use crate::output::{Verbosity, print};
use crate::soak::{Plan, Soak};

/// Phases of a soak by default.
const PHASES: u64 = 12;
/// The shortest and the longest phase by default, in seconds.
const PHASE_S: (u64, u64) = (5, 3600);

const EXAMPLES: &str = "\
Examples:
  leakbench soak --hours 8 --out soak               phases of all kinds, in turn
  leakbench soak --hours 1 --out soak -- --slots 50 --threads 2
                                                    phases with these flags of a run
  leakbench soak --hours 1 --subject wasmtime@48 --out soak
                                                    another runtime

Each phase is a run with its own recording, in a folder of its own, and ends with a checkpoint. The same command goes on
after the last checkpoint when the soak was killed or interrupted.

Exit codes: that of the worst phase, and 4 if the memory of leakbench or of the subjects, or the size of
recordings, does not stay flat.";

/// `leakbench soak`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SoakArgs {
    /// Time of all phases, such as 8 or 0.5
    #[arg(long, value_name = "H", value_parser = parse_hours)]
    hours: Duration,

    /// Time of a phase [default: a twelfth of all, at most an hour]
    #[arg(long, value_name = "TIME", value_parser = parse_phase)]
    phase: Option<Duration>,

    /// Runtime under test
    #[arg(long, value_name = "NAME|COMMAND", default_value = "builtin")]
    subject: String,

    /// Folder of the checkpoints and recordings
    #[arg(long, value_name = "DIR", help_heading = RESULT)]
    out: PathBuf,

    /// Print the result as one JSON object
    #[arg(long, help_heading = RESULT)]
    json: bool,

    /// Flags of every phase
    #[arg(last = true, value_name = "FLAGS")]
    flags: Vec<OsString>,
}

impl SoakArgs {
    /// Makes the phases and prints their results. Returns the exit code.
    ///
    /// # Errors
    /// The folder has another soak or cannot be written, or a run cannot be started.
    pub(super) fn run(self, verbosity: Verbosity) -> Result<ExitCode, Error> {
        let total_s = self.hours.as_secs().max(1);
        let phase_s = match self.phase {
            Some(phase) => phase.as_secs().max(1),
            None => (total_s / PHASES).clamp(PHASE_S.0, PHASE_S.1),
        };
        let flags = self.flags.into_iter().map(|flag| {
            flag.into_string()
                .map_err(|flag| Error::Usage(format!("the flag {} is not UTF-8", flag.display())))
        });
        let flags = flags.collect::<Result<_, _>>()?;
        let plan = Plan { total_s, phase_s, subject: self.subject, flags };
        let summary = Soak { folder: self.out, plan }.carry_out(verbosity)?;
        match self.json {
            true => print(&summary.to_json()?)?,
            false => print(verbosity.of_summary(&summary.to_text()))?,
        }
        Ok(ExitCode::from(summary.exit_code()))
    }
}

fn parse_hours(text: &str) -> Result<Duration, String> {
    let hours: f64 = text.parse().map_err(|_| "a number of hours, such as 8 or 0.5".to_owned())?;
    Duration::try_from_secs_f64(hours * 3600.0)
        .ok()
        .filter(|time| *time >= Duration::from_secs(1))
        .ok_or_else(|| "at least a second, which is 0.0003 hours".to_owned())
}

fn parse_phase(text: &str) -> Result<Duration, String> {
    match parse_time(text)? {
        time if time < Duration::from_secs(1) => Err("at least 1s".to_owned()),
        time => Ok(time),
    }
}
