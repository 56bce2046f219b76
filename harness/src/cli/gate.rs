//! `leakbench gate`: judges recordings by a checked-in budget, for CI.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use leakbench_model::exit_code;
use leakbench_reports::gate::{
    self, Baseline, Budget, Evidence, GateVerdict, MEASUREMENT, Outcome, PolicyLevel,
    PolicyOutcome, Status,
};
use leakbench_reports::recorded::{Recorded, RecordedKind};
use leakbench_reports::render::{Format, GATE_FILE, Judged, gate_json, gate_summary};

use super::format_list::{FormatWord, distinct, word_parser};
use super::gate_init::InitArgs;
use super::help::RESULT;
use super::project_file::PROJECT_FILE;
use crate::error::Error;
use crate::output::{ReportFiles, Stream, Verbosity, finish, folder, print, print_note};
use crate::selftest::Plan;

const BASELINE_FILE: &str = "leakbench-baseline.toml";

/// Formats that show the outcome of a gate.
const FORMATS: &[Format] =
    &[Format::Junit, Format::Markdown, Format::Github, Format::Openmetrics, Format::Json];

const EXAMPLES: &str = "\
Examples:
  leakbench gate out                              by ./leakbench.toml, else by default budgets
  leakbench gate out --report junit,markdown,github,json
                                                  junit.xml, summary.md, ... in out, for CI
  leakbench gate first retry --budget ci.toml     two attempts at one run: flaky does not pass
  leakbench gate new --against old                throughput, as a ratio to a run of the same job
  leakbench gate new --baseline leakbench-baseline.toml
                                                  checked-in numbers
  leakbench gate --selftest out                   only if the judge finds planted leaks here
  leakbench gate init out                         a commented leakbench.toml from a run
  leakbench gate explain out                      the reason for each policy's outcome
  leakbench gate baseline out                     writes leakbench-baseline.toml

Exit codes:
  0 pass, or only policies of level warn failed   1 a policy of level error failed or was flaky
  2 wrong use, an unreadable budget, or a policy that this recording cannot evaluate
  3 the subject died or hung   4 inconclusive, the run was interrupted, or the selftest failed";

/// `leakbench gate`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(super) struct GateArgs {
    #[command(subcommand)]
    command: Option<GateCommand>,

    #[command(flatten)]
    judge: JudgeArgs,
}

#[derive(Debug, Subcommand)]
enum GateCommand {
    /// Write a commented budget from a run
    ///
    /// It has the run's measurements, and limits that the run passes
    Init(InitArgs),
    /// Judge, and give the reason for each outcome
    ///
    /// With the lines of the recording that show it
    Explain(JudgeArgs),
    /// Write the results of runs as a file to check in
    ///
    /// For budgets with over-baseline
    Baseline(BaselineArgs),
}

/// The recordings to judge, and the budget.
#[derive(Debug, clap::Args)]
struct JudgeArgs {
    /// Folders to judge
    ///
    /// Those that --out of a run, exec, attach, compare or sweep named. Several of the same command
    /// count as attempts, in this order
    #[arg(value_name = "DIR")]
    folders: Vec<PathBuf>,

    /// Budget file [default: leakbench.toml]
    ///
    /// Without that file, the default budgets
    #[arg(long, value_name = "FILE")]
    budget: Option<PathBuf>,

    /// Baseline file, for budgets with over-baseline
    ///
    /// With other budgets it is an error
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Run of the same job to compare throughput with
    ///
    /// The folder of a run of the same command. The minimum is 0.9 of its rate unless the budget
    /// says otherwise. May be repeated
    #[arg(long, value_name = "DIR")]
    against: Vec<PathBuf>,

    /// Try the judge against planted leaks on this machine first
    ///
    /// Twelve short runs and two observations. If it misses one, the gate judges nothing and exits with 4
    #[arg(long)]
    selftest: bool,

    /// Write the outcome to files: junit, ... or all
    ///
    /// junit, markdown, github, openmetrics, json, separated by commas
    #[arg(
        long = "report", value_name = "LIST", value_delimiter = ',',
        value_parser = word_parser(FORMATS), hide_possible_values = true, help_heading = RESULT,
    )]
    words: Vec<FormatWord>,

    /// Folder for these files [default: the first DIR]
    #[arg(long, value_name = "DIR", help_heading = RESULT)]
    out: Option<PathBuf>,

    /// Print the outcome as one JSON object
    #[arg(long, help_heading = RESULT)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct BaselineArgs {
    /// Folders that --out named
    ///
    /// Of runs with --processes and --cpus, so that runs of all machines are comparable
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,

    /// The file to write or replace
    #[arg(long, value_name = "FILE", default_value = BASELINE_FILE)]
    out: PathBuf,
}

impl GateArgs {
    /// Carries out the command. Returns the outcome's exit code.
    ///
    /// # Errors
    /// The recordings could not be judged, or an outcome that passes could not be written.
    pub(super) fn run(self, verbosity: Verbosity) -> Result<ExitCode, Error> {
        match self.command {
            None => self.judge.run(verbosity, |outcome| {
                let appearance = Stream::Stdout.appearance();
                let is_full = verbosity == Verbosity::Full;
                gate_summary(outcome, appearance.colour, appearance.width(), is_full)
            }),
            Some(GateCommand::Explain(args)) => args.run(verbosity, gate::explain),
            Some(GateCommand::Init(args)) => args.run(),
            Some(GateCommand::Baseline(args)) => args.run(),
        }
    }
}

impl JudgeArgs {
    /// Judges, writes the files, and prints the outcome as `to_text` does.
    fn run(
        &self,
        verbosity: Verbosity,
        to_text: impl FnOnce(&Outcome) -> String,
    ) -> Result<ExitCode, Error> {
        if self.folders.is_empty() {
            let message = "no folder to judge: leakbench gate DIR, with a folder that --out named";
            return Err(Error::Usage(message.to_owned()));
        }
        let out = self.out.clone().unwrap_or_else(|| folder_of(&self.folders[0]));
        let formats = distinct(&self.words, FORMATS);
        // If this gate fails to judge, no file may claim that an earlier one passed.
        for format in &formats {
            // A file that cannot be removed cannot be written either, which is reported below.
            let _ = folder::remove(&out, file(*format));
        }
        if let Some(code) = self.selftest_failure(verbosity)? {
            return Ok(code);
        }
        let budget = self.budget()?;
        let baseline = self.baseline.as_deref().map(read_baseline).transpose()?;
        let recordings = read_all(&self.folders)?;
        let against = read_all(&self.against)?;
        let outcome = gate::judge(&budget, &recordings, baseline.as_ref(), &against)?;

        let mut errors = decisive(&recordings, &outcome).map_or(Vec::new(), |recorded| {
            let judged = Judged { outcome: &outcome, recordings: recordings.len() };
            ReportFiles::write(&out, &formats, recorded, Some(judged)).errors
        });
        let printed = if self.json {
            print(&gate_json(&outcome)?)
        } else {
            print(verbosity.of_summary(&to_text(&outcome)))
        };
        errors.extend(printed.err());
        finish(outcome.verdict.exit_code(), errors)
    }

    /// Makes the test of the judge, if the user requests it. Returns an exit code if it did not pass.
    ///
    /// # Errors
    /// A run of the test cannot be started.
    fn selftest_failure(&self, verbosity: Verbosity) -> Result<Option<ExitCode>, Error> {
        if !self.selftest {
            return Ok(None);
        }
        let tally = Plan::short().carry_out(verbosity)?;
        Ok(match tally.exit_code() {
            exit_code::CLEAN => None,
            code => {
                Stream::Stderr.print(&tally.to_text())?;
                let is_interrupted = code == exit_code::INTERRUPTED;
                Some(if is_interrupted { code } else { exit_code::INCONCLUSIVE }.into())
            }
        })
    }

    fn budget(&self) -> Result<Budget, Error> {
        let path = match &self.budget {
            Some(path) => path,
            // A dangling link or an unreadable file is an error: the default budgets must not
            // replace it.
            None => match Path::new(PROJECT_FILE).symlink_metadata() {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Budget::default()),
                _ => Path::new(PROJECT_FILE),
            },
        };
        Ok(Budget::parse(&read(path)?, &path.display().to_string())?)
    }
}

/// The folder of a recording that has not been read yet.
fn folder_of(recording: &Path) -> PathBuf {
    match recording.parent() {
        Some(folder) if !recording.is_dir() => folder.to_owned(),
        _ => recording.to_owned(),
    }
}

/// The name of the file in this format.
fn file(format: Format) -> &'static str {
    if format == Format::Json { GATE_FILE } else { format.file() }
}

/// The recording to show beside the outcome: the one that decided it, else the last.
fn decisive<'a>(recordings: &'a [(String, Recorded)], outcome: &Outcome) -> Option<&'a Recorded> {
    let failing =
        outcome.policies.iter().filter_map(|policy| Some((weight(policy, outcome)?, policy)));
    let decided = failing.min_by_key(|(weight, _)| *weight).and_then(|(_, policy)| {
        let read_off = |name: &str, recorded: &Recorded| {
            // The recordings of a comparison are in subfolders.
            let depth = match recorded.what {
                RecordedKind::Comparison(_) => 2,
                RecordedKind::Run(_) | RecordedKind::Observation(_) => 1,
            };
            policy.evidence.iter().any(|Evidence { path, .. }| {
                Path::new(name) == path || path.ancestors().nth(depth) == Some(&recorded.folder)
            })
        };
        // A run that was not made has no evidence, only a name.
        let called = |name: &str| {
            let rest = policy.run.strip_prefix(name);
            rest.is_some_and(|rest| {
                rest.is_empty() || rest.starts_with(": ") || rest.starts_with(" (")
            })
        };
        let named = || recordings.iter().find(|(name, _)| called(name));
        recordings.iter().find(|(name, recorded)| read_off(name, recorded)).or_else(named)
    });
    decided.or(recordings.last()).map(|(_, recorded)| recorded)
}

/// Order of the policies that can have decided the verdict, 0 first; `None` for the others.
fn weight(policy: &PolicyOutcome, outcome: &Outcome) -> Option<u8> {
    if outcome.verdict == GateVerdict::Pass || policy.level != PolicyLevel::Error {
        return None;
    }
    let died = outcome.verdict == GateVerdict::SubjectDied && policy.policy == MEASUREMENT;
    match policy.status {
        Status::Failed if died => Some(0),
        Status::Flaky if died => Some(1),
        Status::Failed => Some(2),
        Status::Flaky => Some(3),
        Status::Inconclusive => Some(4),
        Status::Passed | Status::Off => None,
    }
}

impl BaselineArgs {
    fn run(&self) -> Result<ExitCode, Error> {
        let baseline = Baseline::of(&read_all(&self.folders)?);
        for name in baseline.left_out() {
            print_note(&format!(
                "leakbench: {name} is left out of the baseline: it died, was interrupted or is inconclusive"
            ));
        }
        if baseline.is_empty() {
            let path = self.out.display();
            let message = format!("no run can be a baseline: {path} is unchanged");
            return Err(Error::Usage(message));
        }
        write_file(&self.out, &baseline.to_text())
    }
}

/// Writes a file and prints its path.
fn write_file(path: &Path, text: &str) -> Result<ExitCode, Error> {
    folder::write_at(path, text.as_bytes())
        .map_err(|error| Error::Write { path: path.to_owned(), error })?;
    print(&format!("{}\n", path.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Each recording with its name.
pub(super) fn read_all(folders: &[PathBuf]) -> Result<Vec<(String, Recorded)>, Error> {
    let read = |folder: &PathBuf| Ok((folder.display().to_string(), Recorded::read(folder)?));
    folders.iter().map(read).collect()
}

fn read_baseline(path: &Path) -> Result<Baseline, Error> {
    Ok(Baseline::parse(&read(path)?, &path.display().to_string())?)
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::Read { path: path.to_owned(), error })
}
