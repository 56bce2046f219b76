//! `comparison.json`.

use serde::Serialize;

use super::{AmountsJson, ImagesJson};
use crate::comparison::{
    COMPARISON_VERSION, Comparison, Kind, Ratio, Refusal, Row, RunSummary, Swept,
};
use leakbench_model::Verdict;

/// A comparison. Missing measurements are `null`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ComparisonJson<'a> {
    /// Version of the format. Within a version, fields may be added, and none changes its meaning or
    /// is removed.
    #[cfg_attr(test, schemars(with = "super::schema::Version"))]
    pub version: u32,
    /// The kind of comparison: runtimes compared, or flags swept.
    pub kind: Kind,
    /// The gravest verdict of all runs; `null` without runs.
    pub verdict: Option<Verdict>,
    /// The exit code of the verdict.
    #[cfg_attr(test, schemars(with = "Option<super::schema::ExitCode>"))]
    pub exit_code: Option<u8>,
    /// The verdict in a sentence, for people.
    pub headline: String,
    /// Its command line.
    pub command: &'a str,
    /// The requested number of runs of each row.
    pub rounds: u32,
    /// True if the user ended it before every run was done.
    pub interrupted: bool,
    /// The flags whose values the rows combine.
    pub swept: &'a [Swept],
    /// A row for each subject or combination; ratios are to the first.
    pub rows: Vec<RowJson<'a>>,
}

/// A subject, or a combination of choices.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RowJson<'a> {
    /// Its name, unique among rows.
    pub name: &'a str,
    /// The runtime as named on the command line.
    pub subject: &'a str,
    /// Its value of each swept flag.
    pub settings: Vec<SettingJson<'a>>,
    /// The gravest verdict of its runs; `null` without runs.
    pub verdict: Option<Verdict>,
    /// The reason why it has no runs, or no more.
    pub refusal: Option<&'a Refusal>,
    /// Cycles a second: the median of the runs that completed their cycles.
    pub rate_per_s: Option<f64>,
    /// Cycles a second relative to the first row, round by round.
    pub ratio: Option<Ratio>,
    /// The folder of the worst run: of those with the gravest verdict the one with most lingering
    /// images. The next three fields are of that run.
    pub worst: Option<&'a str>,
    /// Images by their fate.
    pub images: Option<ImagesJson>,
    /// The footprint after every module was dropped, summed over processes.
    #[cfg_attr(test, schemars(with = "Option<super::schema::Amounts>"))]
    pub at_end: Option<AmountsJson>,
    /// Peaks, each at its own time, summed over processes.
    #[cfg_attr(test, schemars(with = "Option<super::schema::Amounts>"))]
    pub peak: Option<AmountsJson>,
    /// Every run, in order.
    pub runs: Vec<RunJson<'a>>,
}

/// A swept flag and its value.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SettingJson<'a> {
    /// Its name without dashes.
    pub flag: &'a str,
    /// Its value as given.
    pub value: &'a str,
}

/// One run. Its folder has the recording and the whole result.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RunJson<'a> {
    /// Its round, from 1.
    pub round: u32,
    /// Its folder, beside this file.
    pub folder: &'a str,
    /// Its verdict.
    pub verdict: Verdict,
    /// The verdict in a sentence.
    pub headline: &'a str,
    /// The runtime's name and version, as it reports them.
    pub runtime: Option<&'a str>,
    /// The command that reproduces it.
    pub command: &'a str,
    /// Its start, in seconds since 1970.
    pub started_unix_s: u64,
    /// Cycles done.
    pub cycles: u64,
    /// Cycles requested.
    pub cycles_asked: u64,
    /// Time in which cycles ran, without barriers and their settle times, in seconds.
    pub running_s: f64,
    /// Cycles a second.
    pub rate_per_s: Option<f64>,
    /// Images by their fate.
    pub images: ImagesJson,
    /// The footprint after every module was dropped, summed over processes.
    #[cfg_attr(test, schemars(with = "super::schema::Amounts"))]
    pub at_end: AmountsJson,
    /// Peaks, each at its own time, summed over processes.
    #[cfg_attr(test, schemars(with = "super::schema::Amounts"))]
    pub peak: AmountsJson,
}

impl<'a> ComparisonJson<'a> {
    /// The document of a comparison.
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

    /// The document as indented text with a newline at the end.
    ///
    /// # Errors
    /// None is known: all values are texts and numbers.
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
            at_end: worst.map(|run| AmountsJson(run.at_end)),
            peak: worst.map(|run| AmountsJson(run.peak)),
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
            at_end: AmountsJson(run.at_end),
            peak: AmountsJson(run.peak),
        }
    }
}
