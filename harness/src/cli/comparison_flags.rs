//! The flags that `compare` and `sweep` share.

use std::path::PathBuf;

use super::format_list::ReportFlag;
use crate::comparison::Settings;
use crate::output::Document;

/// How often to run, and how to show the results.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(super) struct ComparisonFlags {
    /// Rounds: each makes every run once, every second one in reverse order, so that a drift of the
    /// machine affects all alike [default: 6 of compare, 1 of sweep]
    #[arg(
        long, value_name = "N", help_heading = None,
        value_parser = clap::value_parser!(u32).range(1..=1000),
    )]
    pub(super) repeat: Option<u32>,

    /// Print comparison.json instead of the table
    #[arg(long, conflicts_with = "markdown")]
    json: bool,

    /// Print the table as Markdown
    #[arg(long)]
    markdown: bool,

    /// Keep comparison.json and a folder for each run's recording in this folder [default: a new
    /// one under leakbench-out]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    #[command(flatten)]
    report: ReportFlag,
}

impl ComparisonFlags {
    pub(super) fn settings(self) -> Settings {
        let document = match (self.json, self.markdown) {
            (true, _) => Document::Json,
            (false, true) => Document::Markdown,
            (false, false) => Document::Summary,
        };
        Settings { document, folder: self.out, formats: self.report.formats() }
    }
}
