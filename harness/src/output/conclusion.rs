//! The end of a run, an observation or a comparison: keep the result, draw the reports, print the
//! summary, return the exit code. They differ in the fields of [`Conclusion`] alone.

use std::path::Path;
use std::process::ExitCode;

use leakbench_model::Verdict;
use leakbench_recording::observation::Diagnosis;
use leakbench_recording::recording::Recording;
use leakbench_reports::comparison::{COMPARISON_FILE, Comparison};
use leakbench_reports::recorded::{Recorded, RecordedRun};
use leakbench_reports::render::{
    Closing, ComparisonJson, Format, Kept, ObservationJson, RESULT_FILE, ResultJson, Summary,
    SummaryStyle, comparison_hints, comparison_markdown, observation_hints, run_hints,
};

use super::files::ReportFiles;
use super::stream::{Stream, print_note};
use super::verbosity::Verbosity;
use super::{folder, link};
use crate::error::Error;

/// The document that a command prints at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    /// The summary, for people.
    Summary,
    /// The result file's content.
    Json,
    /// The summary as Markdown.
    Markdown,
}

/// The destinations of a command's output.
#[derive(Debug)]
pub(crate) struct Output<'a> {
    pub(crate) document: Document,
    /// The folder to keep files in.
    pub(crate) folder: Option<&'a Path>,
    /// The reports to draw into the folder.
    pub(crate) formats: &'a [Format],
    pub(crate) verbosity: Verbosity,
}

/// Reads or wraps what the reports are drawn from, given the output folder.
type ReadRecorded<'a> = Box<dyn Fn(&Path) -> Result<Recorded, Error> + 'a>;
/// The commands to try next.
type Hints<'a> = Box<dyn Fn(Kept<'_>) -> Vec<String> + 'a>;

/// A judged result, ready to be kept and printed.
pub(crate) struct Conclusion<'a> {
    verdict: Verdict,
    /// The result file's name.
    file: &'static str,
    /// The result file's content.
    json: String,
    markdown: Option<String>,
    /// The summary's stream; other documents go to standard output.
    stream: Stream,
    summary: Summary,
    hints: Hints<'a>,
    recorded: ReadRecorded<'a>,
}

impl<'a> Conclusion<'a> {
    /// Judges a finished run.
    ///
    /// # Errors
    /// The recording lacks its first line.
    pub(crate) fn of_run(recording: &'a Recording) -> Result<Conclusion<'a>, Error> {
        let RecordedRun { ledger, judgement } = RecordedRun::of(recording)?;
        Ok(Conclusion {
            verdict: judgement.verdict,
            file: RESULT_FILE,
            json: ResultJson::new(&ledger, &judgement).to_text()?,
            markdown: None,
            stream: Stream::Stdout,
            summary: Summary::of_run(&ledger, &judgement),
            hints: Box::new(move |kept| run_hints(&ledger, &judgement, kept)),
            recorded: Box::new(|folder| Ok(Recorded::of_run(folder, recording)?)),
        })
    }

    /// A judged observation, whose summary goes to `stream`.
    ///
    /// # Errors
    /// The result has no JSON form.
    pub(crate) fn of_observation(
        diagnosis: &'a Diagnosis,
        stream: Stream,
    ) -> Result<Conclusion<'a>, Error> {
        Ok(Conclusion {
            verdict: diagnosis.judgement.verdict,
            file: RESULT_FILE,
            json: ObservationJson::new(diagnosis).to_text()?,
            markdown: None,
            stream,
            summary: Summary::of_observation(diagnosis),
            hints: Box::new(|kept| observation_hints(diagnosis, kept)),
            recorded: Box::new(|folder| Ok(Recorded::of_observation(folder, diagnosis.clone()))),
        })
    }

    /// A comparison with this verdict.
    ///
    /// # Errors
    /// The result has no JSON form.
    pub(crate) fn of_comparison(
        comparison: &'a Comparison,
        verdict: Verdict,
    ) -> Result<Conclusion<'a>, Error> {
        Ok(Conclusion {
            verdict,
            file: COMPARISON_FILE,
            json: ComparisonJson::new(comparison).to_text()?,
            markdown: Some(comparison_markdown(comparison)),
            stream: Stream::Stdout,
            summary: Summary::of_comparison(comparison),
            hints: Box::new(|kept| comparison_hints(comparison, kept)),
            // From the folder, as `leakbench report` does: memory holds one run at a time.
            recorded: Box::new(|folder| Ok(Recorded::read(folder)?)),
        })
    }

    /// Keeps and prints all, and returns the verdict's exit code. `earlier` are errors of the
    /// recording. Drawing comes after the result is kept, because it takes longest.
    ///
    /// # Errors
    /// The verdict is clean, and a file cannot be kept or the result cannot be printed.
    pub(crate) fn print_and_keep(
        self,
        earlier: impl IntoIterator<Item = Error>,
        output: &Output<'_>,
    ) -> Result<ExitCode, Error> {
        let mut errors: Vec<Error> = earlier.into_iter().collect();
        let mut reports = ReportFiles::default();
        let mut kept_in = output.folder;
        if let Some(folder) = output.folder {
            if let Err(error) = folder::write(folder, self.file, self.json.as_bytes()) {
                errors.push(error);
                kept_in = None;
            }
            if !output.formats.is_empty() {
                match (self.recorded)(folder) {
                    Ok(recorded) => {
                        reports = ReportFiles::write(folder, output.formats, &recorded, None);
                    }
                    Err(error) => errors.push(error),
                }
            }
            if output.document != Document::Summary && kept_in.is_some() {
                output.verbosity.note(&format!("kept in {}", folder.display()));
            }
        }
        errors.append(&mut reports.errors);
        let printed = match (output.document, &self.markdown) {
            (Document::Json, _) => Stream::Stdout.print(&self.json),
            (Document::Markdown, Some(markdown)) => Stream::Stdout.print(markdown),
            _ => {
                let kept = Kept { folder: kept_in, is_drawn: reports.has_page() };
                let appearance = self.stream.appearance();
                let report = reports.main();
                let link = report.filter(|_| appearance.links).and_then(link::uri);
                let hints = (self.hints)(kept);
                let closing = Closing { report, link: link.as_deref(), hints: &hints };
                let style = SummaryStyle {
                    colour: appearance.colour,
                    width: appearance.columns,
                    out: kept_in,
                    is_full: output.verbosity == Verbosity::Full,
                };
                let summary = self.summary.draw(&style, &closing);
                self.stream.print(output.verbosity.of_summary(&summary))
            }
        };
        errors.extend(printed.err());
        finish(self.verdict.exit_code(), errors)
    }
}

/// Reports `errors` of keeping and printing. Returns the exit code.
///
/// # Errors
/// The exit code is 0, and there is an error: the last one. Any other exit code outweighs them.
pub(crate) fn finish(exit_code: u8, mut errors: Vec<Error>) -> Result<ExitCode, Error> {
    let last = if exit_code == 0 { errors.pop() } else { None };
    for error in errors {
        print_note(&format!("leakbench: {error}"));
    }
    last.map_or(Ok(ExitCode::from(exit_code)), Err)
}
