//! `leakbench gate`: judges recordings by a budget that is checked in, for CI.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use leakbench_recording::judge::Verdict;
use leakbench_reports::gate::{
    self, Baseline, Budget, Evidence, MEASUREMENT, Outcome, PolicyLevel, PolicyOutcome, Status,
};
use leakbench_reports::recorded::{Recorded, RecordedKind};
use leakbench_reports::render::{Format, GATE_FILE, Judged, gate_json};

use crate::command_line::Error;
use crate::output_folder;
use crate::report::{self, Looks, write};
use crate::report_files::{Asked, Written, each_once, formats};

/// The budget of a project, in the folder that CI runs in.
const BUDGET_FILE: &str = "leakbench.toml";
const BASELINE_FILE: &str = "leakbench-baseline.toml";

/// Formats that tell of a gate's policies.
const FORMATS: &[Format] =
    &[Format::Junit, Format::Markdown, Format::Github, Format::Openmetrics, Format::Json];

const EXAMPLES: &str = "\
Examples:
  leakbench gate out                              by ./leakbench.toml, else by the default budgets
  leakbench gate out --report junit,markdown,github,json
                                                  junit.xml, summary.md, ... in out, for CI
  leakbench gate first retry --budget ci.toml     two attempts at one run: flaky is no pass
  leakbench gate new --against old                throughput, as a ratio of runs of the same job
  leakbench gate new --baseline leakbench-baseline.toml
                                                  numbers that are checked in
  leakbench gate init out                         a commented leakbench.toml from a run
  leakbench gate explain out                      why each policy came out as it did
  leakbench gate baseline out                     leakbench-baseline.toml, anew

Exit codes:
  0 pass (also where only warnings failed)   1 a policy of level error failed, or was flaky
  2 wrong use, a budget that cannot be read or that no measurement answers
  3 the subject died or hung   4 inconclusive, as of a run that was interrupted";

/// What to judge, or what else to do about budgets.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(crate) struct GateArgs {
    #[command(subcommand)]
    command: Option<GateCommand>,

    #[command(flatten)]
    judge: JudgeArgs,
}

#[derive(Debug, Subcommand)]
enum GateCommand {
    /// Write a commented budget from a run: what was measured, and what to allow
    Init(InitArgs),
    /// Judge, and say why each policy came out as it did, from which lines of the recording
    Explain(JudgeArgs),
    /// Write what runs came to as text to check in, for budgets with over-baseline
    Baseline(BaselineArgs),
}

/// What to judge, and by what.
#[derive(Debug, clap::Args)]
struct JudgeArgs {
    /// Folders that --out kept, of a run, exec, attach, compare or sweep; several of the same command
    /// are attempts at it, in this order
    #[arg(value_name = "DIR")]
    folders: Vec<PathBuf>,

    /// Budget file [default: leakbench.toml if there is one, else the default budgets]
    #[arg(long, value_name = "FILE")]
    budget: Option<PathBuf>,

    /// Baseline file, for budgets with over-baseline, and an error with others
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Folder of a run of the same command that throughput is held against, made by the same job:
    /// at least 0.9 of its rate, unless the budget says otherwise; may be given again
    #[arg(long, value_name = "DIR")]
    against: Vec<PathBuf>,

    /// Print the outcome as one JSON object
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Write the outcome, too, as junit, markdown, github, openmetrics or json, with a comma between
    /// two, or all
    #[arg(
        long = "report", value_name = "LIST", value_delimiter = ',',
        value_parser = formats(FORMATS), hide_possible_values = true, help_heading = "Output",
    )]
    asked: Vec<Asked>,

    /// Where to write it [default: the first DIR]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct InitArgs {
    /// Folders that --out kept
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,

    /// The file to write
    #[arg(long, value_name = "FILE", default_value = BUDGET_FILE)]
    out: PathBuf,

    /// Write it in place of one that is there
    #[arg(long)]
    force: bool,
}

#[derive(Debug, clap::Args)]
struct BaselineArgs {
    /// Folders that --out kept, of runs that were given --processes and --cpus, so that those of all
    /// machines are alike
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,

    /// The file to write, in place of one that is there
    #[arg(long, value_name = "FILE", default_value = BASELINE_FILE)]
    out: PathBuf,
}

impl GateArgs {
    /// Does it. Returns the exit code.
    ///
    /// # Errors
    /// Nothing could be judged, or an outcome that passes could not be written.
    pub(crate) fn run(self) -> Result<ExitCode, Error> {
        match self.command {
            None => self.judge.run(|outcome| {
                let Looks { colour, width } = Looks::on(&std::io::stdout());
                gate::summary(outcome, colour, width)
            }),
            Some(GateCommand::Explain(args)) => args.run(gate::explain),
            Some(GateCommand::Init(args)) => args.run(),
            Some(GateCommand::Baseline(args)) => args.run(),
        }
    }
}

impl JudgeArgs {
    /// Judges, writes what is to be written, and tells the outcome as `tell` does.
    fn run(&self, tell: impl FnOnce(&Outcome) -> String) -> Result<ExitCode, Error> {
        if self.folders.is_empty() {
            let message = "gate needs what to judge: leakbench gate DIR, a folder that --out kept";
            return Err(Error::Usage(message.to_owned()));
        }
        let out = self.out.clone().unwrap_or_else(|| folder_of(&self.folders[0]));
        let formats = each_once(&self.asked, FORMATS);
        // A gate that comes to nothing must not leave what an earlier one passed.
        for format in &formats {
            // What cannot be removed cannot be written either, and that is said beside the verdict.
            let _ = output_folder::forget(&out, file(*format));
        }
        let budget = self.budget()?;
        let baseline = self.baseline.as_deref().map(read_baseline).transpose()?;
        let recordings = read_all(&self.folders)?;
        let against = read_all(&self.against)?;
        let outcome = gate::judge(&budget, &recordings, baseline.as_ref(), &against)?;

        let failed = told_of(&recordings, &outcome).map_or(Vec::new(), |recorded| {
            let judged = Judged { outcome: &outcome, recordings: recordings.len() };
            Written::to(&out, &formats, recorded, Some(judged)).failed
        });
        let told = if self.json { gate_json(&outcome)? } else { tell(&outcome) };
        let shown = write(&mut std::io::stdout(), "standard output", &told);
        report::finish(outcome.verdict, failed.into_iter().chain(shown.err()))
    }

    fn budget(&self) -> Result<Budget, Error> {
        let path = match &self.budget {
            Some(path) => path,
            // A link to nowhere, or a file that may not be read, is a budget, too: one that says
            // nothing must not stand for the default.
            None => match Path::new(BUDGET_FILE).symlink_metadata() {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Budget::default()),
                _ => Path::new(BUDGET_FILE),
            },
        };
        Ok(Budget::parse(&read(path)?, &path.display().to_string())?)
    }
}

/// The folder that a recording is in, before it is read.
fn folder_of(recording: &Path) -> PathBuf {
    match recording.parent() {
        Some(folder) if !recording.is_dir() => folder.to_owned(),
        _ => recording.to_owned(),
    }
}

/// The file that a gate writes a format to.
fn file(format: Format) -> &'static str {
    if format == Format::Json { GATE_FILE } else { format.file() }
}

/// The recording to tell of beside the outcome: the one that decided it, else the last.
fn told_of<'a>(recordings: &'a [(String, Recorded)], outcome: &Outcome) -> Option<&'a Recorded> {
    let failing =
        outcome.policies.iter().filter_map(|policy| Some((weight(policy, outcome)?, policy)));
    let decided = failing.min_by_key(|(weight, _)| *weight).and_then(|(_, policy)| {
        let read_off = |name: &str, recorded: &Recorded| {
            // The files of a comparison are in the folders of its runs.
            let depth = match recorded.what {
                RecordedKind::Comparison(_) => 2,
                RecordedKind::Run(_) | RecordedKind::Observation(_) => 1,
            };
            policy.evidence.iter().any(|Evidence { path, .. }| {
                Path::new(name) == path || path.ancestors().nth(depth) == Some(&recorded.folder)
            })
        };
        // Of a run that was not done there is no line to read.
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

/// How near a policy is to having decided the verdict, 0 being nearest; `None` if it cannot have.
fn weight(policy: &PolicyOutcome, outcome: &Outcome) -> Option<u8> {
    if outcome.verdict == Verdict::Clean || policy.level != PolicyLevel::Error {
        return None;
    }
    let died = outcome.verdict == Verdict::SubjectDied && policy.policy == MEASUREMENT;
    match policy.status {
        Status::Failed if died => Some(0),
        Status::Flaky if died => Some(1),
        Status::Failed => Some(2),
        Status::Flaky => Some(3),
        Status::Inconclusive => Some(4),
        Status::Passed | Status::Off => None,
    }
}

impl InitArgs {
    fn run(&self) -> Result<ExitCode, Error> {
        if !self.force && self.out.metadata().is_ok_and(|there| there.is_file()) {
            let path = self.out.display();
            let message = format!("{path} is there already: --force writes it anew");
            return Err(Error::Usage(message));
        }
        keep_text(&self.out, &Budget::init(&read_all(&self.folders)?))
    }
}

impl BaselineArgs {
    fn run(&self) -> Result<ExitCode, Error> {
        let baseline = Baseline::of(&read_all(&self.folders)?);
        for name in baseline.left_out() {
            report::say(&format!(
                "leakbench: {name} is left out: it died, was interrupted or could not be measured"
            ));
        }
        if baseline.is_empty() {
            let path = self.out.display();
            let message = format!("there is no run to make a baseline of: {path} is as it was");
            return Err(Error::Usage(message));
        }
        keep_text(&self.out, &baseline.to_text())
    }
}

/// Writes the file and says so.
fn keep_text(path: &Path, text: &str) -> Result<ExitCode, Error> {
    output_folder::keep_at(path, text.as_bytes())
        .map_err(|error| Error::Write { path: path.to_owned(), error })?;
    write(&mut std::io::stdout(), "standard output", &format!("{}\n", path.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Each folder with the name that it is told by.
fn read_all(folders: &[PathBuf]) -> Result<Vec<(String, Recorded)>, Error> {
    let read = |folder: &PathBuf| Ok((folder.display().to_string(), Recorded::read(folder)?));
    folders.iter().map(read).collect()
}

fn read_baseline(path: &Path) -> Result<Baseline, Error> {
    Ok(Baseline::parse(&read(path)?, &path.display().to_string())?)
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::Read { path: path.to_owned(), error })
}
