//! What a user types, and what becomes of it.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use leakbench_reports::recording::{Recorder, RecordingError};
use leakbench_scenarios::{
    BUILTIN, GuestFile, GuestFileError, Options, Scenario, ScenarioError, ScenarioFileError,
};

use crate::report;
use crate::subject::{Builtin, ServeError, serve};
use crate::supervisor::{SuperviseError, supervise};

/// Exit code of wrong use and bad input.
pub const WRONG_USE: u8 = 2;

/// Proves that a WebAssembly runtime gives memory back to the kernel, or says who holds it.
///
/// Creates, instantiates, calls and drops modules by the million, and watches each module's
/// memory image (a memfd) from inside, by an inotify watch that fires when the kernel destroys
/// it, and from outside, by /proc.
#[derive(Debug, Parser)]
#[command(name = "leakbench", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    run: RunArgs,
}

const EXAMPLES: &str = "\
Examples:
  leakbench --strategy random                     a million modules: is every image released?
  leakbench --strategy random --on-drop keep --slots 1000 --cycles 3000
                                                  the historic leak: which slots hold what?
  leakbench --decommit-batch 16 --cycles 3000     slots that the decommit queue hides
  leakbench --wasm plugins/ --invoke run          your own modules
  leakbench --scenario queue-hidden-slot --json   a scenario by name, the result as JSON

Exit codes:
  0 clean   1 leak   2 wrong use   3 the subject died or hung   4 could not tell   130 interrupted";

#[derive(Debug, Subcommand)]
enum Command {
    /// Be the subject of the supervisor at the other end of standard input
    #[command(hide = true)]
    Subject,
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// Scenario to run: a name or a TOML file, in which every flag below is a key; flags given
    /// beside it win
    #[arg(long, value_name = "NAME|FILE")]
    scenario: Option<PathBuf>,

    #[command(flatten, next_help_heading = "The run")]
    options: Options,

    /// Print the result as one JSON object instead of the summary
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Keep the recording and result.json in this folder
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
}

/// Why nothing was run, or nothing could be kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line does not parse.
    #[error("{0}")]
    Usage(String),
    /// There is no such scenario.
    #[error(
        "no scenario is called '{name}', and there is no such file; known are {}",
        BUILTIN.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", ")
    )]
    UnknownScenario {
        /// What was asked for.
        name: String,
    },
    /// The scenario file cannot be used.
    #[error(transparent)]
    ScenarioFile(#[from] ScenarioFileError),
    /// The choices do not go together.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A module to cycle cannot be had.
    #[error(transparent)]
    Guest(#[from] GuestFileError),
    /// The run could not begin.
    #[error(transparent)]
    Supervise(#[from] SuperviseError),
    /// The recording cannot be written.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The result cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// Where to.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The recording has no beginning.
    #[error(transparent)]
    NoStart(#[from] leakbench_reports::ledger::NoStart),
    /// The result has no JSON form.
    #[error("the result cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// As the subject.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Does what the command line `args` says, program name first. Returns the exit code.
///
/// # Errors
/// Nothing was run, or a clean result could not be written.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Result<ExitCode, Error> {
    let command_line = match CommandLine::try_parse_from(args) {
        Ok(command_line) => command_line,
        Err(error) if !error.use_stderr() => {
            // --help and --version. A closed pipe is no failure of theirs.
            let _ = error.print();
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => return Err(Error::Usage(one_line(&error))),
    };
    match command_line.command {
        Some(Command::Subject) => {
            serve(Builtin::new)?;
            Ok(ExitCode::SUCCESS)
        }
        None => run_scenario(command_line.run),
    }
}

fn run_scenario(args: RunArgs) -> Result<ExitCode, Error> {
    let mut options = args.options;
    if let Some(scenario) = &args.scenario {
        options = options.or(read_scenario(scenario)?);
    }
    let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get());
    let cpus = NonZeroU32::new(cpus as u32).unwrap_or(NonZeroU32::MIN);
    let mut scenario = Scenario::new(options, cpus)?;
    // Read here so that a mistake is found before anything starts, and so that subjects find
    // the files wherever they run.
    GuestFile::read_all(&scenario.wasm)?;
    for path in &mut scenario.wasm {
        *path = std::path::absolute(&*path)
            .map_err(|error| GuestFileError::Read { path: path.clone(), error })?;
    }

    let mut recorder = match &args.out {
        Some(folder) => {
            let recorder = Recorder::create(folder)?;
            report::forget_result(folder)?;
            recorder
        }
        None => Recorder::in_memory(),
    };
    let command = scenario.command_line();
    let mut progress = report::Progress::new(&scenario);
    let supervised = supervise(&scenario, &command, &mut recorder, &mut |glance| {
        progress.show(glance);
    });
    progress.clear();
    supervised?;
    // A disk that was full for a moment need not cost the recording.
    let kept = recorder.restore().map_err(Error::from);
    report::conclude(recorder.recording(), kept, args.json, args.out.as_deref())
}

/// A file if there is one of that name, else the scenario called so.
fn read_scenario(name: &Path) -> Result<Options, Error> {
    if name.is_file() {
        return Ok(Options::from_file(name)?);
    }
    let builtin = BUILTIN.iter().find(|scenario| Path::new(scenario.name) == name);
    let Some(builtin) = builtin else {
        return Err(Error::UnknownScenario { name: name.display().to_string() });
    };
    Ok(Options::from_toml(builtin.toml, builtin.name)?)
}

/// clap's message without its layout: the first line of a CI log that says what is wrong.
fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let parts: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:"))
        .filter(|line| !line.is_empty() && !line.starts_with("For more information"))
        .map(|line| line.trim_start_matches("error: ").trim_start_matches("tip: "))
        .collect();
    format!("{} (see --help)", parts.join("; "))
}
