//! What a user types, and what becomes of it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use leakbench_recording::recording::RecordingError;
use leakbench_reports::gate::{BudgetError, GateError};
use leakbench_reports::recorded::RecordedError;
use leakbench_reports::render::FormatError;
use leakbench_scenarios::{BUILTIN, GuestFileError, Options, ScenarioError, ScenarioFileError};

use crate::comparison::{self, CompareArgs, ListError, SweepArgs};
use crate::doctor::{self, DoctorArgs};
use crate::driver::DriverError;
use crate::gate_command::GateArgs;
use crate::interrupt::wait_for_children;
use crate::manual::{CompletionsArgs, ManArgs};
use crate::observer::{self, AttachArgs, ExecArgs, ObserveError};
use crate::output_folder;
use crate::report::{self, Output};
use crate::report_command::ReportArgs;
use crate::report_files::ReportFlag;
use crate::run::Run;
use crate::subjects::{Builtin, Piped};
use crate::supervisor::SuperviseError;
use leakbench_subject::{ServeError, serve};

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
  leakbench --strategy random --on-drop keep --slots 1000 --cycles 3000 --report html
                                                  the historic leak, drawn: which slots hold what?
  leakbench --decommit-batch 16 --cycles 3000     slots that the decommit queue hides
  leakbench --wasm plugins/ --invoke run          your own modules
  leakbench --scenario queue-hidden-slot --json   a scenario by name, the result as JSON
  leakbench compare --subject builtin --subject wasmtime@48 -- --cycles 3000
                                                  the same steps on several runtimes
  leakbench sweep --decommit-batch 1,16 --warm-slots 0,100 --cycles 3000
                                                  every combination, as a grid
  leakbench exec --tree -- ./server --port 8080   what does any command leak?
  leakbench attach --duration 10m 4242            ... or a process that runs?
  leakbench --cycles 100000 --out out             in CI: keep the recording,
  leakbench gate out --report junit,markdown      and judge it by leakbench.toml

Exit codes:
  0 clean   1 leak   2 wrong use   3 the subject died or hung   4 inconclusive   130 interrupted";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the same steps on each of several runtimes and set the results beside each other
    Compare(CompareArgs),
    /// Run every combination of flags' values and set the results beside each other
    Sweep(SweepArgs),
    /// Start any command and say what it leaks, with no help from it
    Exec(ExecArgs),
    /// Say what a process that runs leaks, without touching it
    Attach(AttachArgs),
    /// Draw from a recording: a page, pictures, and formats for programs
    Report(ReportArgs),
    /// Judge recordings by a budget that is checked in, for CI
    Gate(GateArgs),
    /// Say what this machine can measure, and what to change
    Doctor(DoctorArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for each command
    Man(ManArgs),
}

/// What leakbench starts itself as. No commands, because nobody is to type them: so no help, manual
/// or completion tells of them.
#[derive(Clone, Copy, Debug)]
enum SubjectKind {
    /// The subject of the supervisor at the other end of standard input.
    Builtin,
    /// The same, for a command that speaks the step protocol.
    Piped,
}

impl SubjectKind {
    fn named(word: &OsStr) -> Option<SubjectKind> {
        match word.to_str()? {
            "subject" => Some(SubjectKind::Builtin),
            "bridge" => Some(SubjectKind::Piped),
            _ => None,
        }
    }

    fn serve(self) -> Result<ExitCode, Error> {
        wait_for_children().map_err(SuperviseError::Own)?;
        match self {
            SubjectKind::Builtin => serve(Builtin::new)?,
            SubjectKind::Piped => serve(Piped::new)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Commands as `--help` groups them.
const GROUPS: [(&str, &[&str]); 3] = [
    ("Measure (without a command: one run)", &["compare", "sweep", "exec", "attach"]),
    ("Read recordings", &["report", "gate"]),
    ("Set up", &["doctor", "completions", "man"]),
];

/// The command line with its help laid out in [`GROUPS`]. clap has groups of flags and none of
/// commands: so to its own list they are hidden, and here is one of their own words.
fn grouped() -> clap::Command {
    let mut command = CommandLine::command();
    let heading = *command.get_styles().get_header();
    let name = *command.get_styles().get_literal();
    let mut commands = String::new();
    for (group, names) in GROUPS {
        commands += &format!("{heading}{group}:{heading:#}\n");
        for one in names.iter().filter_map(|name| command.find_subcommand(name)) {
            let about = one.get_about().map_or(String::new(), ToString::to_string);
            commands += &format!("  {name}{:11}{name:#}  {about}\n", one.get_name());
        }
        commands.push('\n');
    }
    for name in GROUPS.iter().flat_map(|(_, names)| *names) {
        command = command.mut_subcommand(name, |one| one.hide(true));
    }
    let template = format!(
        "{{before-help}}{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{commands}\
         {{all-args}}{{after-help}}"
    );
    command
        .override_usage("leakbench [OPTIONS]\n       leakbench <COMMAND>")
        .help_template(template)
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    #[command(flatten)]
    flags: RunFlags,

    /// Print the result as one JSON object instead of the summary
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Keep the recording and result.json in this folder
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,

    #[command(flatten)]
    report: ReportFlag,
}

/// What is to be run.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunFlags {
    /// Scenario to run: a name or a TOML file, in which every flag below is a key; flags given
    /// beside it win
    #[arg(long, value_name = "NAME|FILE")]
    scenario: Option<PathBuf>,

    #[command(flatten, next_help_heading = "The run")]
    pub(crate) options: Options,

    /// Folder in which a driver is looked for first; else beside leakbench and on PATH
    #[arg(long, value_name = "DIR", help_heading = "The run")]
    pub(crate) driver_dir: Option<PathBuf>,
}

impl RunFlags {
    /// Reads them from words alone, without a program's name.
    ///
    /// # Errors
    /// They do not parse.
    pub(crate) fn read(words: impl IntoIterator<Item = OsString>) -> Result<RunFlags, Error> {
        #[derive(Parser)]
        #[command(no_binary_name = true, disable_help_flag = true)]
        struct Alone {
            #[command(flatten)]
            flags: RunFlags,
        }
        match Alone::try_parse_from(words) {
            Ok(Alone { flags }) => Ok(flags),
            Err(error) => Err(Error::Usage(one_line(&error))),
        }
    }

    /// Makes the run ready.
    ///
    /// # Errors
    /// There is no such scenario, or as [`Run::prepare`].
    pub(crate) fn prepare(self) -> Result<Run, Error> {
        let mut options = self.options;
        if let Some(scenario) = &self.scenario {
            options = options.or(read_scenario(scenario)?);
        }
        Run::prepare(options, self.driver_dir.as_deref())
    }
}

/// Why nothing was run, or nothing could be kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line does not parse.
    #[error("{0}")]
    Usage(String),
    /// A sweep has no combinations, or too many.
    #[error(transparent)]
    Sweep(#[from] ListError),
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
    /// There is no such runtime to put under test.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The run could not begin.
    #[error(transparent)]
    Supervise(#[from] SuperviseError),
    /// The observation could not begin.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// The recording cannot be written.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// There is no recording to draw or to judge.
    #[error(transparent)]
    Recorded(#[from] RecordedError),
    /// The budget or the baseline cannot be used.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// What was given cannot be judged.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// A file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// A format of a report cannot be had.
    #[error("no {format} report: {error}")]
    Draw {
        /// Its name.
        format: &'static str,
        /// Why not.
        error: FormatError,
    },
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
    NoStart(#[from] leakbench_recording::ledger::NoStart),
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
    let args: Vec<OsString> = args.into_iter().collect();
    if let [_, word] = args.as_slice()
        && let Some(subject) = SubjectKind::named(word)
    {
        return subject.serve();
    }
    let again = comparison::again(&args);
    let matches = grouped().try_get_matches_from(args);
    let command_line = match matches.and_then(|matches| CommandLine::from_arg_matches(&matches)) {
        Ok(command_line) => command_line,
        Err(error) if !error.use_stderr() => {
            // --help and --version. A closed pipe is no failure of theirs.
            let _ = error.print();
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => return Err(Error::Usage(one_line(&error))),
    };
    wait_for_children().map_err(SuperviseError::Own)?;
    match command_line.command {
        Some(Command::Compare(args)) => args.run(&again),
        Some(Command::Sweep(args)) => args.run(&again),
        Some(Command::Exec(args)) => observer::exec(args),
        Some(Command::Attach(args)) => observer::attach(args),
        Some(Command::Report(args)) => args.run(),
        Some(Command::Gate(args)) => args.run(),
        Some(Command::Doctor(args)) => doctor::run(&args),
        Some(Command::Completions(args)) => args.run(CommandLine::command()),
        Some(Command::Man(args)) => args.run(CommandLine::command()),
        None => run_scenario(command_line.run),
    }
}

fn run_scenario(args: RunArgs) -> Result<ExitCode, Error> {
    let run = args.flags.prepare()?;
    let formats = args.report.formats();
    let folder = output_folder::for_reports(args.out.as_deref(), "run", &formats)?;
    let (recorder, kept) = run.perform(folder.as_ref())?;
    let output = Output { json: args.json, folder: folder.as_deref(), formats: &formats };
    report::conclude(recorder.recording(), kept, &output)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_is_shown_is_in_one_group() {
        CommandLine::command().debug_assert();
        let commands = CommandLine::command();
        let shown = commands.get_subcommands().filter(|command| !command.is_hide_set());
        let mut shown: Vec<&str> = shown.map(clap::Command::get_name).collect();
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        shown.sort_unstable();
        grouped.sort_unstable();
        assert_eq!(shown, grouped);
    }
}
