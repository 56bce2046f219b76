//! The formats that a report is written in, by name.

use crate::gate::Outcome;
use crate::recorded::Recorded;
use crate::report::Report;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// One page that needs nothing else.
    Html,
    /// The main picture.
    Png,
    /// Every chart, each in a file of its own.
    Svg,
    /// The summary as a terminal shows it, without colour.
    Terminal,
    /// The result, for programs.
    Json,
    /// JUnit's XML, a case a policy.
    Junit,
    /// A job summary or a comment.
    Markdown,
    /// Workflow commands that annotate a GitHub job.
    Github,
    /// Every look, a line each.
    Csv,
    /// OpenMetrics text.
    Openmetrics,
}

/// A file of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    /// Relative to the report's folder: `report.html`, `charts/lingering.svg`.
    pub name: String,
    /// What is in it.
    pub content: Vec<u8>,
}

/// Why a format cannot be had. The others can.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// This format has no form for such a recording.
    #[error("a recording of {what} has no {format} form")]
    NoForm {
        /// What was recorded.
        what: &'static str,
        /// The format's name.
        format: &'static str,
    },
    /// Something in it has no JSON form: a path that is not UTF-8.
    #[error("cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 10] = [
        Format::Html,
        Format::Png,
        Format::Svg,
        Format::Terminal,
        Format::Json,
        Format::Junit,
        Format::Markdown,
        Format::Github,
        Format::Csv,
        Format::Openmetrics,
    ];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Html => "html",
            Format::Png => "png",
            Format::Svg => "svg",
            Format::Terminal => "terminal",
            Format::Json => "json",
            Format::Junit => "junit",
            Format::Markdown => "markdown",
            Format::Github => "github",
            Format::Csv => "csv",
            Format::Openmetrics => "openmetrics",
        }
    }

    /// The file or the folder that it is written to, in a report's folder.
    pub fn file(self) -> &'static str {
        match self {
            Format::Html => "report.html",
            Format::Png => "report.png",
            Format::Svg => "charts",
            Format::Terminal => "summary.txt",
            Format::Json => "result.json",
            Format::Junit => "junit.xml",
            Format::Markdown => "summary.md",
            Format::Github => "annotations.txt",
            Format::Csv => "series.csv",
            Format::Openmetrics => "metrics.txt",
        }
    }

    /// Makes its files. `outcome` is what the gate says, where it was asked.
    ///
    /// # Errors
    /// It cannot be had; the others can.
    pub fn files(
        self,
        report: &Report,
        recorded: &Recorded,
        outcome: Option<&Outcome>,
    ) -> Result<Vec<ReportFile>, FormatError> {
        let _ = (report, recorded, outcome);
        Err(FormatError::NoForm { what: "anything", format: self.name() })
    }
}
