//! `leakbench replay`: makes a recorded run again.

use std::path::PathBuf;
use std::process::ExitCode;

use leakbench_model::Verdict;
use leakbench_reports::recorded::{Recorded, RecordedKind, RecordedRun};

use super::help::{RESULT, RUNTIME};
use crate::error::Error;
use crate::output::{Verbosity, print, print_note};
use crate::replay::{Replay, recorded_driver_dir};

const EXAMPLES: &str = "\
Examples:
  leakbench --decommit-batch 16 --cycles 3k --out out   a run that leaks,
  leakbench replay out                                  and the same one again
  leakbench replay out --out again                      keeps the new recording

All options and the seed are the recorded ones, so a run of one thread takes the same steps. The
findings are the same if the verdict, the errors, and the numbers of images that were made and that
linger are. Measured amounts may differ, and so may warnings and late releases, which depend on the
moments of leakbench's own readings. A run of several threads takes its steps in another order.

Exit codes:
  0 the same findings   1 they differ: lines with - are recorded, lines with + are new
  2 no recording of a run that ended by itself, or its options cannot run here
  4 the new run alone is inconclusive   130 interrupted";

/// `leakbench replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    recording: RecordingArgs,

    /// Keep the recording of the new run in this folder
    #[arg(long, value_name = "DIR", help_heading = RESULT)]
    out: Option<PathBuf>,

    /// Print the comparison as one JSON object
    #[arg(long, help_heading = RESULT)]
    json: bool,
}

/// The recording of a run that can be made again.
#[derive(Debug, clap::Args)]
pub(super) struct RecordingArgs {
    /// The folder that --out of a run named, or the recording in it
    #[arg(value_name = "DIR")]
    pub(super) folder: PathBuf,

    /// Folder to search for the driver first [default: that of the recorded command]
    #[arg(long, value_name = "DIR", help_heading = RUNTIME)]
    driver_dir: Option<PathBuf>,
}

impl RecordingArgs {
    /// Reads the run.
    ///
    /// # Errors
    /// The folder has no recording of a run, or the run did not end by itself.
    pub(super) fn read(&self) -> Result<RecordedRun, Error> {
        let folder = self.folder.display();
        let refused = |reason: &str| Err(Error::Usage(format!("{folder} {reason}")));
        let run = match Recorded::read(&self.folder)?.what {
            RecordedKind::Run(run) => *run,
            RecordedKind::Observation(_) => {
                return refused(
                    "is a recording of exec or attach: leakbench took no steps there that it could \
                     repeat; start the command with exec again",
                );
            }
            RecordedKind::Comparison(_) => {
                return refused("is a comparison: name the folder of one of its runs");
            }
        };
        if run.ledger.interrupted_at_ms.is_some() || run.judgement.verdict == Verdict::Interrupted {
            return refused(
                "is a recording of an interrupted run, whose findings are those of its first cycles: \
                 make a whole run",
            );
        }
        if run.ledger.end.is_none() {
            return refused("is a recording without an end: the supervisor of the run died");
        }
        Ok(run)
    }

    /// The folder of the drivers: the user's, or that of the recorded command.
    pub(super) fn driver_dir(&self, run: &RecordedRun) -> Option<PathBuf> {
        self.driver_dir.clone().or_else(|| recorded_driver_dir(&run.ledger.start.command))
    }
}

impl ReplayArgs {
    /// Makes the run and prints the differences. Returns the exit code.
    ///
    /// # Errors
    /// There is no run to repeat, or it could not begin.
    pub(super) fn run(self, verbosity: Verbosity) -> Result<ExitCode, Error> {
        let run = self.recording.read()?;
        let threads = run.ledger.start.scenario.threads.get();
        if threads > 1 {
            print_note(&format!(
                "leakbench: the recorded run has {threads} threads, whose steps interleave anew in each \
                 run: its findings may differ by chance"
            ));
        }
        let driver_dir = self.recording.driver_dir(&run);
        let replay = Replay::perform(&run, driver_dir.as_deref(), self.out.as_deref(), verbosity)?;
        if self.json {
            print(&replay.to_json()?)?;
        } else {
            print(verbosity.of_summary(&replay.to_text()))?;
        }
        Ok(ExitCode::from(replay.exit_code()))
    }
}
