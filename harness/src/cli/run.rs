//! `leakbench run`, or `leakbench` without a command: one run.

use std::path::PathBuf;
use std::process::ExitCode;

use super::format_list::ReportFlag;
use super::help::RESULT;
use super::project_file::ConfigFlag;
use super::run_flags::RunFlags;
use crate::error::Error;
use crate::output::{Conclusion, Document, Output, Verbosity, folder};

pub(super) const EXAMPLES: &str = "\
Values:
  N is a count such as 3000, 10_000, 10k or 1M; TIME is 250ms, 5s, 2m or 8h;
  BYTES is 4096, 64KiB or 2MiB. Pool defaults are those of the builtin runtime.

Examples:
  leakbench --strategy random              a million modules: is all released?
  leakbench --on-drop keep --cycles 3k --report html
                                           the historic leak, drawn
  leakbench --decommit-batch 16 --cycles 3k
                                           slots that the decommit queue hides
  leakbench --wasm plugins/ --invoke run   your own modules
  leakbench --scenario queue-hidden-slot --json
                                           a scenario, the result as JSON
  leakbench compare --subject builtin --subject wasmtime@48 -- --cycles 3k
                                           the same run on several runtimes
  leakbench sweep --decommit-batch 1,16 --warm-slots 0,100 --cycles 3k
                                           every combination, as a grid
  leakbench exec ./server --port 8080
                                           what does any command leak?
  leakbench attach --duration 10m 4242     ... or a running process?
  leakbench --cycles 100k --out out        in CI: keep the recording,
  leakbench gate out --report junit        and judge it by leakbench.toml

Exit codes:
  0 clean   1 leak   2 wrong use   3 the subject died or hung   4 inconclusive
  130 interrupted";

/// `leakbench` and `leakbench run`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct RunArgs {
    #[command(flatten)]
    flags: RunFlags,

    #[command(flatten)]
    config: ConfigFlag,

    #[command(flatten)]
    report: ReportFlag,

    /// Keep the recording and the result in this folder
    #[arg(long, value_name = "DIR", help_heading = RESULT)]
    out: Option<PathBuf>,

    /// Print the result as one JSON object
    #[arg(long, help_heading = RESULT)]
    json: bool,
}

impl RunArgs {
    /// Makes the run and prints its result. Returns the verdict's exit code.
    ///
    /// # Errors
    /// The run could not begin, or a clean result could not be kept.
    pub(super) fn run(self, verbosity: Verbosity) -> Result<ExitCode, Error> {
        let defaults = self.config.read()?;
        let given = self.flags.given()?;
        let run = self.flags.prepare(&defaults)?;
        defaults.report(&given, verbosity);
        let formats = self.report.formats();
        let folder = folder::for_reports(self.out.as_deref(), "run", &formats)?;
        let (recorder, kept) = run.perform(folder.as_deref(), verbosity)?;
        let document = if self.json { Document::Json } else { Document::Summary };
        let output = Output { document, folder: folder.as_deref(), formats: &formats, verbosity };
        Conclusion::of_run(recorder.recording())?.print_and_keep(kept.err(), &output)
    }
}
