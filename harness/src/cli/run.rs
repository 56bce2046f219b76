//! `leakbench` without a command: one run.

use std::path::PathBuf;
use std::process::ExitCode;

use super::format_list::ReportFlag;
use super::run_flags::RunFlags;
use crate::error::Error;
use crate::output::{Conclusion, Document, Output, folder};

pub(super) const EXAMPLES: &str = "\
Examples:
  leakbench --strategy random                     a million modules: is every image released?
  leakbench --strategy random --on-drop keep --slots 1000 --cycles 3000 --report html
                                                  the historic leak, drawn: which slots hold what?
  leakbench --decommit-batch 16 --cycles 3000     slots that the decommit queue hides
  leakbench --wasm plugins/ --invoke run          your own modules
  leakbench --scenario queue-hidden-slot --json   a scenario by name, the result as JSON
  leakbench compare --subject builtin --subject wasmtime@48 -- --cycles 3000
                                                  the same run on several runtimes
  leakbench sweep --decommit-batch 1,16 --warm-slots 0,100 --cycles 3000
                                                  every combination, as a grid
  leakbench exec --tree -- ./server --port 8080   what does any command leak?
  leakbench attach --duration 10m 4242            ... or a running process?
  leakbench --cycles 100000 --out out             in CI: keep the recording,
  leakbench gate out --report junit,markdown      and judge it by leakbench.toml

Exit codes:
  0 clean   1 leak   2 wrong use   3 the subject died or hung   4 inconclusive   130 interrupted";

/// `leakbench`.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    flags: RunFlags,

    /// Print the result as one JSON object instead of the summary
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Keep the recording and result.json in this folder
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,

    #[command(flatten)]
    report: ReportFlag,
}

impl RunArgs {
    /// Makes the run and prints its result. Returns the verdict's exit code.
    ///
    /// # Errors
    /// The run could not begin, or a clean result could not be kept.
    pub(super) fn run(self) -> Result<ExitCode, Error> {
        let run = self.flags.prepare()?;
        let formats = self.report.formats();
        let folder = folder::for_reports(self.out.as_deref(), "run", &formats)?;
        let (recorder, kept) = run.perform(folder.as_deref())?;
        let document = if self.json { Document::Json } else { Document::Summary };
        let output = Output { document, folder: folder.as_deref(), formats: &formats };
        Conclusion::of_run(recorder.recording())?.print_and_keep(kept.err(), &output)
    }
}
