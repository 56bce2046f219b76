//! The formats that a report is written in, by name.

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

/// What the gate says, beside the recording that is told of.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// What it says.
    pub outcome: &'a Outcome,
    /// How many recordings it was given, of which the one that is told of is one.
    pub recordings: usize,
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
    /// There is no picture.
    #[error(transparent)]
    Draw(#[from] DrawError),
    /// Whatever lays it out says so.
    #[error("cannot be laid out: {0}")]
    Layout(#[from] std::io::Error),
}

impl Format {
    /// Bytes of Markdown at most: GitHub refuses a longer comment.
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

    /// The file or the folder that it is written to, in a report's folder.
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

    /// Makes its files. `judged` is what the gate says, where it was asked: JUnit, Markdown,
    /// annotations and metrics then tell of its policies, and JSON is [`GATE_FILE`] alone, since the
    /// result is the run's own.
    ///
    /// # Errors
    /// It cannot be had; the others can.
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

    /// Every chart in a file of its own.
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
/// What the gate says, as JSON.
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
