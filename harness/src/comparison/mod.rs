//! Several runs in turn, set beside each other: `leakbench compare` and `leakbench sweep`.
//!
//! All of them are made ready before the first begins, so that a mistake costs nothing. What they
//! come to is drawn by `leakbench-reports`; here is what is run, in what order, and where it is
//! kept.

mod again;
mod combinations;
mod compare;
mod folder;
mod sweep;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use leakbench_recording::judge::{Judgement, Verdict};
use leakbench_recording::ledger::Ledger;
use leakbench_recording::recording::RECORDING_FILE;
use leakbench_reports::comparison::{COMPARISON_FILE, Comparison, Kind, Refusal, RunSummary};
use leakbench_reports::recorded::Recorded;
use leakbench_reports::render::{
    Closing, ComparisonJson, Format, Kept, ResultJson, Summary, SummaryStyle, comparison_hints,
    comparison_markdown,
};

pub(crate) use again::again;
pub(crate) use combinations::ListError;
pub(crate) use compare::CompareArgs;
pub(crate) use sweep::SweepArgs;

use crate::command_line::Error;
use crate::interrupt::Interrupt;
use crate::output_folder;
use crate::report::{self, Looks, Progress, say};
use crate::report_files::{ReportFlag, Written};
use crate::run::Run;
use crate::supervisor::SuperviseError;

/// How often to run, and what to make of it.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
struct Output {
    /// Rounds, in each of which every run is made once: timings are noisy, and drift
    #[arg(
        long, value_name = "N", default_value = "1", help_heading = None,
        value_parser = clap::value_parser!(u32).range(1..=1000),
    )]
    repeat: u32,

    /// Print comparison.json instead of the table
    #[arg(long, conflicts_with = "markdown")]
    json: bool,

    /// Print the table as Markdown
    #[arg(long)]
    markdown: bool,

    /// Keep the recordings and comparison.json in this folder, a folder for each run in it
    /// [default: a new one under leakbench-out]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    #[command(flatten)]
    report: ReportFlag,
}

/// What is to be run, row by row, and what has come of it so far.
struct Plan {
    comparison: Comparison,
    /// A run for each row of the comparison; `None` where it is refused.
    runs: Vec<Option<Run>>,
}

impl Plan {
    /// Runs all, round by round, shows what came of it and keeps it. Returns the exit code of the
    /// gravest verdict.
    ///
    /// # Errors
    /// Nothing could be run; or all that was is clean, and a run was refused or could not be kept.
    fn carry_out(mut self, output: &Output) -> Result<ExitCode, Error> {
        let kind = match self.comparison.kind {
            Kind::Compare => "compare",
            Kind::Sweep => "sweep",
        };
        let out = output_folder::create(output.out.as_deref(), kind)?;
        output_folder::forget_results(&out)?;
        // A folder with both is told to be of neither.
        output_folder::forget(&out, RECORDING_FILE)?;
        let formats = output.report.formats();
        let failed = self.run_all(&out).err();
        let comparison = self.comparison;
        let Some(verdict) = comparison.verdict() else {
            // Nothing ran, so something kept it from running.
            return failed.map_or(Ok(ExitCode::SUCCESS), Err);
        };
        let text = ComparisonJson::new(&comparison).to_text()?;
        let kept = output_folder::keep(&out, COMPARISON_FILE, text.as_bytes()).map(drop);
        let mut written = draw(&out, &formats);
        let shown = show(&comparison, &out, &text, &written, output);
        let kept = failed.into_iter().chain(kept.err()).chain(written.failed.drain(..));
        report::finish(verdict, kept.chain(shown.err()))
    }

    /// Runs all, round by round, until its user interrupts it.
    ///
    /// # Errors
    /// The first that there was: a run that was refused, or could not be kept. The others were run
    /// all the same.
    fn run_all(&mut self, out: &Path) -> Result<(), Error> {
        let interrupt = Interrupt::listen().map_err(SuperviseError::Own)?;
        let rounds = self.comparison.rounds;
        let each = self.runs.iter().flatten().count();
        let total = each * rounds as usize;
        let mut number = 0;
        let mut first_error = Ok(());
        for round in 1..=rounds {
            for (row, run) in self.comparison.rows.iter_mut().zip(&self.runs) {
                let Some(run) = run else {
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
                let label = format!("run {number} of {total}, {name}");
                let folder = folder::name_of_run(number, total, &name.replace(", ", " "));
                match perform(run, round, folder, out, &interrupt, &label) {
                    Ok((summary, kept)) => {
                        say(&format!("{label}: {}", summary.headline));
                        first_error = first_error.and(kept);
                        let interrupted = summary.verdict == Verdict::Interrupted;
                        row.runs.push(summary);
                        if interrupted {
                            self.comparison.interrupted = true;
                            return first_error;
                        }
                    }
                    Err(error @ Error::Supervise(_)) => {
                        say(&format!("{label}: {error}"));
                        row.refusal = Some(Refusal::AtStart(error.to_string()));
                        first_error = first_error.and(Err(error));
                    }
                    // A recording that cannot be begun: nor can the next.
                    Err(error) => return first_error.and(Err(error)),
                }
            }
        }
        first_error
    }
}

/// Does one run and keeps its recording and its result in `folder` of `out`. With what it came to
/// is whether that could be kept.
///
/// # Errors
/// It could not begin.
fn perform(
    run: &Run,
    round: u32,
    folder: String,
    out: &Path,
    interrupt: &Interrupt,
    label: &str,
) -> Result<(RunSummary, Result<(), Error>), Error> {
    let path = out.join(&folder);
    let progress = Progress::new(&run.scenario, label);
    progress.begin();
    let (recorder, recorded) = run.perform_one_of_several(Some(&path), interrupt, progress)?;
    let ledger = Ledger::of(recorder.recording())?;
    let judgement = Judgement::of(&ledger);
    let text = ResultJson::new(&ledger, &judgement).to_text()?;
    let kept = recorded.and(output_folder::keep_result(&path, &text));
    Ok((RunSummary::new(round, folder, &ledger, &judgement), kept))
}

/// Draws the whole, from what was kept of it: so it is what `leakbench report` draws, and no more
/// than one run is in memory until then.
fn draw(out: &Path, formats: &[Format]) -> Written {
    if formats.is_empty() {
        return Written::default();
    }
    match Recorded::read(out) {
        Ok(recorded) => Written::to(out, formats, &recorded, None),
        Err(error) => Written { failed: vec![error.into()], ..Written::default() },
    }
}

/// Shows the whole on standard output, as asked, `json` being its JSON.
fn show(
    comparison: &Comparison,
    out: &Path,
    json: &str,
    written: &Written,
    output: &Output,
) -> Result<(), Error> {
    let mut stdout = std::io::stdout();
    let drawn = if output.json {
        json.to_owned()
    } else if output.markdown {
        comparison_markdown(comparison)
    } else {
        let colour = Looks::on(&stdout).colour;
        let width = report::width_of(&stdout);
        let kept = Kept { folder: Some(out), is_drawn: written.has_page() };
        let hints = comparison_hints(comparison, kept);
        let closing = Closing { report: written.main(), hints: &hints };
        let style = SummaryStyle { colour, width, out: Some(out) };
        Summary::of_comparison(comparison).draw(&style, &closing)
    };
    if output.json || output.markdown {
        say(&format!("kept in {}", out.display()));
    }
    report::write(&mut stdout, "standard output", &drawn)
}
