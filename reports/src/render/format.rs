//! The formats of a report, by name.

use super::{
    Closing, ComparisonJson, ObservationJson, ResultJson, Summary, SummaryStyle, csv, gate_json,
    github, html, junit, markdown, openmetrics,
};
use crate::comparison::COMPARISON_FILE;
use crate::draw::{self, DrawError};
use crate::gate::Outcome;
use crate::recorded::{Recorded, RecordedKind};
use crate::report::Report;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// One page without other files.
    Html,
    /// The main picture.
    Png,
    /// Each chart in a file of its own.
    Svg,
    /// The summary of the terminal, without colour.
    Terminal,
    /// The result, for programs.
    Json,
    /// JUnit's XML, a test case for each policy.
    Junit,
    /// Markdown for a job summary or a comment.
    Markdown,
    /// Workflow commands that annotate a GitHub job.
    Github,
    /// Every sample, a line each.
    Csv,
    /// OpenMetrics text.
    Openmetrics,
}

/// A file of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    /// Its path in the report's folder: `report.html`, `charts/lingering.svg`.
    pub name: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// The gate's outcome beside the report of one of its recordings.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The outcome.
    pub outcome: &'a Outcome,
    /// The number of recordings that the gate judged.
    pub recordings: usize,
}

/// A format cannot be written. Others may.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// This format has no form for such a recording.
    #[error("a recording of {what} has no {format} form")]
    NoForm {
        /// The kind of recording.
        what: &'static str,
        /// The format's name.
        format: &'static str,
    },
    /// A value has no JSON form: a path that is not UTF-8.
    #[error("cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A picture cannot be drawn.
    #[error(transparent)]
    Draw(#[from] DrawError),
    /// A writer failed.
    #[error("cannot be written: {0}")]
    Layout(#[from] std::io::Error),
}

impl Format {
    /// Bytes of Markdown at most: GitHub refuses longer comments.
    pub const MARKDOWN_BYTES_MAX: usize = 65_536;

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

    /// Its file or folder in the report's folder.
    pub fn file(self) -> &'static str {
        match self {
            Format::Html => "report.html",
            Format::Png => "report.png",
            Format::Svg => "charts",
            Format::Terminal => "summary.txt",
            Format::Json => RESULT_FILE,
            Format::Junit => "junit.xml",
            Format::Markdown => "summary.md",
            Format::Github => "annotations.txt",
            Format::Csv => "series.csv",
            Format::Openmetrics => "metrics.txt",
        }
    }

    /// Makes its files. With a gate's outcome in `judged`, JUnit, Markdown, annotations and metrics
    /// include its policies, and JSON is [`GATE_FILE`] alone.
    ///
    /// # Errors
    /// The format cannot be written; others may.
    pub fn files(
        self,
        report: &Report,
        recorded: &Recorded,
        judged: Option<Judged<'_>>,
    ) -> Result<Vec<ReportFile>, FormatError> {
        let outcome = judged.map(|judged| judged.outcome);
        let text = match self {
            Format::Png => {
                let content = draw::png(report)?;
                return Ok(vec![ReportFile { name: self.file().to_owned(), content }]);
            }
            Format::Svg if report.charts.is_empty() => return Err(self.no_form(recorded)),
            Format::Svg => return self.charts(report),
            Format::Html => html(report),
            Format::Json => return json(recorded, outcome),
            Format::Terminal => terminal(recorded),
            Format::Junit => junit::junit(report, recorded, outcome)?,
            Format::Markdown => markdown::markdown(report, recorded, judged),
            Format::Github => github::annotations(report, outcome),
            Format::Csv => csv::csv(recorded)?,
            Format::Openmetrics => openmetrics::openmetrics(recorded, outcome),
        };
        Ok(vec![ReportFile::new(self.file(), text)])
    }

    /// Each chart in a file of its own.
    fn charts(self, report: &Report) -> Result<Vec<ReportFile>, FormatError> {
        let files = report.charts.iter().map(|chart| {
            let name = format!("{}/{}.svg", self.file(), chart.id);
            Ok(ReportFile::new(&name, draw::svg(chart)?))
        });
        files.collect()
    }

    fn no_form(self, recorded: &Recorded) -> FormatError {
        let what = match recorded.what {
            RecordedKind::Run(_) => "a run",
            RecordedKind::Observation(_) => "an observed process",
            RecordedKind::Comparison(_) => "several runs",
        };
        FormatError::NoForm { what, format: self.name() }
    }
}

impl ReportFile {
    fn new(name: &str, text: String) -> ReportFile {
        ReportFile { name: name.to_owned(), content: text.into_bytes() }
    }
}

fn terminal(recorded: &Recorded) -> String {
    let folder = recorded.folder.as_path();
    let out = (!folder.as_os_str().is_empty()).then_some(folder);
    let summary = match &recorded.what {
        RecordedKind::Run(run) => Summary::of_run(&run.ledger, &run.judgement),
        RecordedKind::Observation(diagnosis) => Summary::of_observation(diagnosis),
        RecordedKind::Comparison(several) => Summary::of_comparison(&several.comparison),
    };
    summary.draw(&SummaryStyle { out, ..SummaryStyle::default() }, &Closing::default())
}

/// The result of a run or an observation, in its folder.
pub const RESULT_FILE: &str = "result.json";
/// The gate's outcome as JSON.
pub const GATE_FILE: &str = "gate.json";

fn json(recorded: &Recorded, outcome: Option<&Outcome>) -> Result<Vec<ReportFile>, FormatError> {
    if let Some(outcome) = outcome {
        return Ok(vec![ReportFile::new(GATE_FILE, gate_json(outcome)?)]);
    }
    let (name, text) = match &recorded.what {
        RecordedKind::Run(run) => {
            (Format::Json.file(), ResultJson::new(&run.ledger, &run.judgement).to_text()?)
        }
        RecordedKind::Observation(diagnosis) => {
            (Format::Json.file(), ObservationJson::new(diagnosis).to_text()?)
        }
        RecordedKind::Comparison(several) => {
            (COMPARISON_FILE, ComparisonJson::new(&several.comparison).to_text()?)
        }
    };
    Ok(vec![ReportFile::new(name, text)])
}
