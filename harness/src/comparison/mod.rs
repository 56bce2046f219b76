//! Several runs, one after the other: `leakbench compare` and `leakbench sweep`.
//!
//! Every run is prepared before the first begins, so that a mistake costs no time. This module
//! decides the order of the runs and keeps their folders; `leakbench_reports::comparison` has the
//! table that they add up to.

mod combinations;
mod run_folder;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use leakbench_model::Verdict;
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::Ledger;
use leakbench_recording::recording::RECORDING_FILE;
use leakbench_reports::comparison::{Comparison, Kind, Refusal, RunSummary};
use leakbench_reports::render::{Format, RESULT_FILE, ResultJson};

pub(crate) use combinations::{FlagTexts, Lists};

use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::output::{Conclusion, Document, Output, ProgressDisplay, Verbosity, folder, print_note};
use crate::run::Run;
use crate::supervisor::SuperviseError;

/// How to show and keep a comparison.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) document: Document,
    /// The folder of --out.
    pub(crate) folder: Option<PathBuf>,
    /// The reports to draw.
    pub(crate) formats: Vec<Format>,
    pub(crate) verbosity: Verbosity,
}

/// The runs of a comparison, row by row, and their results so far.
pub(crate) struct Plan {
    pub(crate) comparison: Comparison,
    /// A run for each row of the comparison; `None` for a row that is refused.
    pub(crate) runs: Vec<Option<Run>>,
}

/// The number and name of a run among all.
struct Place {
    /// From 1.
    round: u32,
    /// Name of its folder.
    folder: String,
    /// `run 3 of 12, wasmtime@48`.
    label: String,
}

impl Plan {
    /// Makes every run, round by round, keeps and prints the comparison. Returns the exit code of
    /// the worst verdict.
    ///
    /// # Errors
    /// No run could begin; or every verdict is clean, and a run was refused or could not be kept.
    pub(crate) fn carry_out(mut self, settings: &Settings) -> Result<ExitCode, Error> {
        let command = match self.comparison.kind {
            Kind::Compare => "compare",
            Kind::Sweep => "sweep",
        };
        let out = folder::create(settings.folder.as_deref(), command)?;
        folder::remove_results(&out)?;
        // A folder with both kinds of recording cannot be read.
        folder::remove(&out, RECORDING_FILE)?;
        let verbosity = settings.verbosity;
        let error = self.run_all(&out, verbosity).err();
        let Some(verdict) = self.comparison.verdict() else {
            // No run was made, so there is an error.
            return error.map_or(Ok(ExitCode::SUCCESS), Err);
        };
        let output = Output {
            document: settings.document,
            folder: Some(&out),
            formats: &settings.formats,
            verbosity,
        };
        Conclusion::of_comparison(&self.comparison, verdict)?.print_and_keep(error, &output)
    }

    /// Makes every run, round by round, until the user interrupts. The rows have their runs by round.
    ///
    /// # Errors
    /// The first error of a run that could not begin or could not be kept. The other runs are made
    /// all the same.
    fn run_all(&mut self, out: &Path, verbosity: Verbosity) -> Result<(), Error> {
        let interrupt = Interrupt::listen().map_err(SuperviseError::Own)?;
        let rounds = self.comparison.rounds;
        let total = self.runs.iter().flatten().count() * rounds as usize;
        let mut number = 0;
        let mut first_error = Ok(());
        for round in 1..=rounds {
            for row in in_order(round, self.runs.len()) {
                let (row, Some(run)) = (&mut self.comparison.rows[row], &self.runs[row]) else {
                    continue;
                };
                number += 1;
                if row.refusal.is_some() {
                    continue;
                }
                if interrupt.take() > 0 {
                    self.comparison.interrupted = true;
                    return first_error;
                }
                let name = match rounds {
                    1 => row.name.clone(),
                    _ => format!("{}, round {round}", row.name),
                };
                let place = Place {
                    round,
                    folder: run_folder::name(number, total, &name.replace(", ", " ")),
                    label: format!("run {number} of {total}, {name}"),
                };
                match perform(run, &place, out, &interrupt, verbosity) {
                    Ok((summary, kept)) => {
                        verbosity.note(&format!("{}: {}", place.label, summary.headline));
                        first_error = first_error.and(kept);
                        let interrupted = summary.verdict == Verdict::Interrupted;
                        row.runs.push(summary);
                        if interrupted {
                            self.comparison.interrupted = true;
                            return first_error;
                        }
                    }
                    Err(error @ Error::Supervise(_)) => {
                        print_note(&format!("{}: {error}", place.label));
                        row.refusal = Some(Refusal::AtStart(error.to_string()));
                        first_error = first_error.and(Err(error));
                    }
                    // The recording cannot be created, so neither can the next one.
                    Err(error) => return first_error.and(Err(error)),
                }
            }
        }
        first_error
    }
}

/// The rows of a round. Every second round is in reverse order, so that a steady drift of the machine
/// favours no row.
fn in_order(round: u32, rows: usize) -> Vec<usize> {
    match round % 2 {
        1 => (0..rows).collect(),
        _ => (0..rows).rev().collect(),
    }
}

/// Makes one run and keeps its recording and its result. Returns its summary, and the error of
/// keeping it.
///
/// # Errors
/// The run could not begin.
fn perform(
    run: &Run,
    place: &Place,
    out: &Path,
    interrupt: &Interrupt,
    verbosity: Verbosity,
) -> Result<(RunSummary, Result<(), Error>), Error> {
    let path = out.join(&place.folder);
    let progress = ProgressDisplay::labelled(&place.label, verbosity);
    progress.begin();
    let (recorder, recorded) = run.perform_one_of_several(Some(&path), interrupt, progress)?;
    let ledger = Ledger::of(recorder.recording())?;
    let judgement = Judgement::of(&ledger);
    let json = ResultJson::new(&ledger, &judgement).to_text()?;
    let kept = recorded.and(folder::write(&path, RESULT_FILE, json.as_bytes()).map(drop));
    Ok((RunSummary::new(place.round, place.folder.clone(), &ledger, &judgement), kept))
}
