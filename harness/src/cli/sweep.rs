//! `leakbench sweep`: every combination of flags' values.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap::builder::ValueParser;
use clap::{ArgMatches, Args, FromArgMatches};
use leakbench_reports::comparison::{Comparison, Kind, Refusal, Row, Swept};
use leakbench_scenarios::{Options, ScenarioError};

use super::comparison_flags::ComparisonFlags;
use super::project_file::ConfigFlag;
use super::reproduce;
use super::run_flags::RunFlags;
use crate::comparison::{FlagTexts, Lists, Plan};
use crate::error::Error;
use crate::output::Verbosity;
use crate::run::Run;

const EXAMPLES: &str = "\
Examples:
  leakbench sweep --subject wasmtime@48 --decommit-batch 1,16 --warm-slots 0,100 --cycles 3000
  leakbench sweep --strategy random,next-available --on-drop purge,keep --cycles 3000
  leakbench sweep --subject builtin,wasmtime@48 --threads 1,2,4 --repeat 3 --markdown

Every flag of a run may have a list: values separated by commas. A value that contains a comma
cannot be given. If a runtime does not offer a value of a swept flag, the combination's row says so.
Two lists are also shown as a matrix of lingering images. The exit code is that of the worst
verdict.";

/// `leakbench sweep`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SweepArgs {
    #[command(flatten)]
    config: ConfigFlag,

    #[command(flatten)]
    output: ComparisonFlags,

    #[command(flatten)]
    flags: SweptFlags,
}

/// Flags of a run, each with a value or a list of values as text. Derived from [`RunFlags`], so
/// that every flag can be swept.
#[derive(Debug)]
struct SweptFlags(Vec<FlagTexts>);

impl Args for SweptFlags {
    fn augment_args(command: clap::Command) -> clap::Command {
        command.args(flags_of_a_run().get_arguments().map(listing))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        SweptFlags::augment_args(command)
    }
}

impl FromArgMatches for SweptFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<SweptFlags, clap::Error> {
        let mut given: Vec<(usize, FlagTexts)> = Vec::new();
        for arg in flags_of_a_run().get_arguments() {
            let id = arg.get_id().as_str();
            let texts = matches.get_many::<OsString>(id).into_iter().flatten().cloned();
            let texts: Vec<OsString> = texts.collect();
            let place = matches.indices_of(id).and_then(|mut places| places.next());
            if let (Some(place), Some(flag)) = (place, arg.get_long()) {
                given.push((place, FlagTexts { flag: flag.to_owned(), texts }));
            }
        }
        given.sort_by_key(|(place, _)| *place);
        Ok(SweptFlags(given.into_iter().map(|(_, given)| given).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = SweptFlags::from_arg_matches(matches)?;
        Ok(())
    }
}

fn flags_of_a_run() -> clap::Command {
    RunFlags::augment_args(clap::Command::new("run"))
}

/// The same flag with any text as its value; each combination parses its own value.
fn listing(arg: &clap::Arg) -> clap::Arg {
    let values = arg.get_possible_values();
    let names: Vec<&str> = values.iter().map(clap::builder::PossibleValue::get_name).collect();
    let mut arg = arg.clone().value_parser(ValueParser::os_string());
    if let (false, Some(help)) = (names.is_empty(), arg.get_long_help()) {
        let help = format!("{help} [possible values: {}]", names.join(", "));
        arg = arg.long_help(help);
    }
    arg
}

impl SweepArgs {
    /// Makes the runs and prints the comparison. `args` is the command line. Returns the exit code.
    ///
    /// # Errors
    /// The flags are wrong, and nothing was run; or as [`Plan::carry_out`].
    pub(super) fn run(self, args: &[OsString], verbosity: Verbosity) -> Result<ExitCode, Error> {
        let defaults = self.config.read()?;
        let mut given = Options::default();
        let lists = Lists::parse(self.flags.0).map_err(|error| Error::Usage(error.to_string()))?;
        let mut rows = Vec::new();
        let mut runs: Vec<Option<Run>> = Vec::new();
        let mut first_refusal = None;
        for combination in lists.combinations() {
            let flags = RunFlags::parse(lists.words(&combination))?;
            if rows.is_empty() {
                given = flags.given()?;
            }
            let subject = flags.options.subject.clone();
            let (run, refusal) = match flags.prepare(&defaults) {
                Ok(run) => (Some(run), None),
                Err(error) if lacks_a_swept_flag(&error, &lists) => {
                    let refusal = Refusal::NotOffered(error.to_string());
                    first_refusal.get_or_insert(error);
                    (None, Some(refusal))
                }
                Err(error) => return Err(error),
            };
            let subject = run.as_ref().map(|run| run.scenario.subject.clone()).or(subject);
            let values: Vec<String> = combination.iter().map(|value| lossy(value)).collect();
            rows.push(Row {
                name: name(&lists, &values),
                subject: subject.unwrap_or_default().to_string(),
                values,
                runs: Vec::new(),
                refusal,
            });
            runs.push(run);
        }
        if let (true, Some(error)) = (runs.iter().all(Option::is_none), first_refusal) {
            return Err(error);
        }
        defaults.report(&given, verbosity);
        let swept = lists.swept().iter().map(|list| Swept {
            flag: list.flag.clone(),
            values: list.values.iter().map(|value| lossy(value)).collect(),
        });
        let comparison = Comparison {
            kind: Kind::Sweep,
            command: reproduce::command(args, &defaults, &given),
            rounds: self.output.repeat.unwrap_or(1),
            swept: swept.collect(),
            rows,
            interrupted: false,
        };
        Plan { comparison, runs }.carry_out(&self.output.settings(verbosity))
    }
}

/// Holds if the runtime does not offer the value of a swept flag.
fn lacks_a_swept_flag(error: &Error, lists: &Lists) -> bool {
    let lacked = match error {
        Error::Scenario(ScenarioError::NotOffered { flag, .. }) => flag,
        Error::Scenario(ScenarioError::TooManyThreads { .. }) => "threads",
        _ => return false,
    };
    lists.swept().iter().any(|list| list.flag == lacked)
}

/// `strategy=random,decommit-batch=16`.
fn name(lists: &Lists, values: &[String]) -> String {
    let pairs = lists.swept().iter().zip(values);
    let pairs = pairs.map(|(list, value)| format!("{}={value}", list.flag));
    pairs.collect::<Vec<String>>().join(",")
}

fn lossy(value: &OsStr) -> String {
    value.to_string_lossy().into_owned()
}
