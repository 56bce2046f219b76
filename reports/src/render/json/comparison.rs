//! `comparison.json`: several runs beside each other, for programs. A versioned format: within
//! version 2 fields may be added, and none changes its meaning or goes.

use serde::Serialize;

use super::{AtEndJson, ImagesJson, PeakJson};
use crate::comparison::{
    COMPARISON_VERSION, Comparison, Kind, Ratio, Refusal, Row, RunSummary, Swept,
};
use leakbench_model::Verdict;

/// Several runs. What was not measured is `null`.
#[derive(Clone, Debug, Serialize)]
pub struct ComparisonJson<'a> {
    /// [`COMPARISON_VERSION`].
    pub version: u32,
    /// Whether runtimes were compared or flags swept.
    pub kind: Kind,
    /// The gravest verdict of all runs; `null` if nothing was run.
    pub verdict: Option<Verdict>,
    /// The exit code that goes with the verdict.
    pub exit_code: Option<u8>,
    /// The verdict in a sentence, for people.
    pub headline: String,
    /// The command line that asked for it.
    pub command: &'a str,
    /// How often each row was to be run.
    pub rounds: u32,
    /// Whether its user ended it before every run was done.
    pub interrupted: bool,
    /// The flags whose values the rows combine.
    pub swept: &'a [Swept],
    /// A row for each subject or combination; ratios are to the first.
    pub rows: Vec<RowJson<'a>>,
}

/// A subject, or a combination of choices.
#[derive(Clone, Debug, Serialize)]
pub struct RowJson<'a> {
    /// Unlike any other row's.
    pub name: &'a str,
    /// The runtime, as its user names it.
    pub subject: &'a str,
    /// Its value of each swept flag.
    pub settings: Vec<SettingJson<'a>>,
    /// The gravest verdict of its runs; `null` if it was not run.
    pub verdict: Option<Verdict>,
    /// Why it was not run, or not to the end.
    pub refusal: Option<&'a Refusal>,
    /// Cycles a second: the median of the runs that did all their cycles.
    pub rate_per_s: Option<f64>,
    /// That beside the first row's, round by round.
    pub ratio: Option<Ratio>,
    /// The folder of the run that the next three are of: of those with the gravest verdict the one
    /// with most lingering images.
    pub worst: Option<&'a str>,
    /// What became of its images.
    pub images: Option<ImagesJson>,
    /// What it had when every module had been dropped.
    pub at_end: Option<AtEndJson>,
    /// Its peaks.
    pub peak: Option<PeakJson>,
    /// Every run, in order.
    pub runs: Vec<RunJson<'a>>,
}

/// A swept flag and its value.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SettingJson<'a> {
    /// Without its dashes.
    pub flag: &'a str,
    /// As it was given.
    pub value: &'a str,
}

/// One run; its folder has the recording and the whole result.
#[derive(Clone, Debug, Serialize)]
pub struct RunJson<'a> {
    /// Which round it belongs to, from 1.
    pub round: u32,
    /// Its folder, beside this file.
    pub folder: &'a str,
    /// Its verdict.
    pub verdict: Verdict,
    /// The verdict in a sentence.
    pub headline: &'a str,
    /// The runtime's name and version, as it gave them.
    pub runtime: Option<&'a str>,
    /// The command that runs the same again.
    pub command: &'a str,
    /// When it began, in seconds since 1970.
    pub started_unix_s: u64,
    /// Cycles done.
    pub cycles: u64,
    /// Cycles asked for.
    pub cycles_asked: u64,
    /// The cycles alone, in seconds.
    pub running_s: f64,
    /// Cycles a second.
    pub rate_per_s: Option<f64>,
    /// What became of its images.
    pub images: ImagesJson,
    /// What it had when every module had been dropped.
    pub at_end: AtEndJson,
    /// Its peaks.
    pub peak: PeakJson,
}

impl<'a> ComparisonJson<'a> {
    /// The whole of it.
    pub fn new(comparison: &'a Comparison) -> ComparisonJson<'a> {
        let verdict = comparison.verdict();
        let rows = comparison.rows.iter().enumerate();
        let rows = rows.map(|(index, row)| RowJson::new(comparison, index, row));
        ComparisonJson {
            version: COMPARISON_VERSION,
            kind: comparison.kind,
            verdict,
            exit_code: verdict.map(Verdict::exit_code),
            headline: comparison.headline(),
            command: &comparison.command,
            rounds: comparison.rounds,
            interrupted: comparison.interrupted,
            swept: &comparison.swept,
            rows: rows.collect(),
        }
    }

    /// As text: indented, with a newline at the end.
    ///
    /// # Errors
    /// Never, as far as is known: it is all text and numbers.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        super::to_text(self)
    }
}

impl<'a> RowJson<'a> {
    fn new(comparison: &'a Comparison, index: usize, row: &'a Row) -> RowJson<'a> {
        let worst = row.worst();
        let settings = comparison.swept.iter().zip(&row.values);
        RowJson {
            name: &row.name,
            subject: &row.subject,
            settings: settings
                .map(|(swept, value)| SettingJson { flag: &swept.flag, value })
                .collect(),
            verdict: row.verdict(),
            refusal: row.refusal.as_ref(),
            rate_per_s: row.rate_per_s(),
            ratio: comparison.ratio(index),
            worst: worst.map(|run| run.folder.as_str()),
            images: worst.map(|run| run.images),
            at_end: worst.map(|run| AtEndJson::of(&run.at_end)),
            peak: worst.map(|run| PeakJson::of(&run.peak)),
            runs: row.runs.iter().map(RunJson::new).collect(),
        }
    }
}

impl<'a> RunJson<'a> {
    fn new(run: &'a RunSummary) -> RunJson<'a> {
        RunJson {
            round: run.round,
            folder: &run.folder,
            verdict: run.verdict,
            headline: &run.headline,
            runtime: run.runtime.as_deref(),
            command: &run.command,
            started_unix_s: run.started_unix_s,
            cycles: run.cycles,
            cycles_asked: run.cycles_asked,
            running_s: run.running_s,
            rate_per_s: run.rate_per_s,
            images: run.images,
            at_end: AtEndJson::of(&run.at_end),
            peak: PeakJson::of(&run.peak),
        }
    }
}
