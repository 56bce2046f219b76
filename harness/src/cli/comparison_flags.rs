//! The flags that `compare` and `sweep` share.

use std::path::PathBuf;

use leakbench_scenarios::parse_count;

use super::format_list::ReportFlag;
use super::help::RESULT;
use crate::comparison::Settings;
use crate::output::{Document, Verbosity};

/// How often to run, and how to show the results.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = RESULT)]
pub(super) struct ComparisonFlags {
    /// Rounds, in each of which every run is made once [default: 6 of compare, 1 of sweep]
    ///
    /// Every second round is in reverse order, so that a drift of the machine affects all alike
    #[arg(
        long, value_name = "N", help_heading = None,
        value_parser = parse_rounds,
    )]
    pub(super) repeat: Option<u32>,

    #[command(flatten)]
    report: ReportFlag,

    /// Keep the comparison and each run's recording in this folder
    ///
    /// comparison.json, and a folder for each run [default: a new one under leakbench-out]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Print the comparison as one JSON object
    #[arg(long, conflicts_with = "markdown")]
    json: bool,

    /// Print the table as Markdown
    #[arg(long)]
    markdown: bool,
}

impl ComparisonFlags {
    pub(super) fn settings(self, verbosity: Verbosity) -> Settings {
        let document = match (self.json, self.markdown) {
            (true, _) => Document::Json,
            (false, true) => Document::Markdown,
            (false, false) => Document::Summary,
        };
        Settings { document, folder: self.out, formats: self.report.formats(), verbosity }
    }
}

fn parse_rounds(text: &str) -> Result<u32, String> {
    match parse_count(text)? {
        rounds @ 1..=1000 => Ok(rounds as u32),
        _ => Err("expected 1 to 1000 rounds".to_owned()),
    }
}
