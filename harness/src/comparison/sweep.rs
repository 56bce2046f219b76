//! `leakbench sweep`: every combination of flags' values.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap::builder::ValueParser;
use clap::{ArgMatches, Args, FromArgMatches};
use leakbench_reports::comparison::{Comparison, Kind, Refusal, Row, Swept};
use leakbench_scenarios::ScenarioError;

use super::combinations::{Given, Lists};
use super::{Output, Plan};
use crate::command_line::{Error, RunFlags};
use crate::run::Run;

const EXAMPLES: &str = "\
Examples:
  leakbench sweep --subject wasmtime@48 --decommit-batch 1,16 --warm-slots 0,100 --cycles 3000
  leakbench sweep --strategy random,next-available --on-drop purge,keep --cycles 3000
  leakbench sweep --subject builtin,wasmtime@48 --threads 1,2,4 --repeat 3 --markdown

Every flag of a run may have a list, values with a comma between two: so a value with a comma in
it, as a path may have, cannot be given. A combination that its runtime does not offer is shown as
such, if the flag that it lacks is one of those swept. Of two lists there is a matrix of lingering
images as well. The exit code is that of the gravest verdict of all.";

/// What to sweep.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SweepArgs {
    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    flags: SweptFlags,
}

/// Flags of a run, each with the text that it was given: a value or a list of them. Made of the
/// flags of a run themselves, so that there is none that cannot be swept.
#[derive(Debug)]
struct SweptFlags(Vec<Given>);

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
        let mut given: Vec<(usize, Given)> = Vec::new();
        for arg in flags_of_a_run().get_arguments() {
            let id = arg.get_id().as_str();
            let texts = matches.get_many::<OsString>(id).into_iter().flatten().cloned();
            let texts: Vec<OsString> = texts.collect();
            let place = matches.indices_of(id).and_then(|mut places| places.next());
            if let (Some(place), Some(flag)) = (place, arg.get_long()) {
                given.push((place, Given { flag: flag.to_owned(), texts }));
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

/// The same flag with any text as its value: what it means is read of each combination.
fn listing(arg: &clap::Arg) -> clap::Arg {
    let values = arg.get_possible_values();
    let names: Vec<&str> = values.iter().map(clap::builder::PossibleValue::get_name).collect();
    let mut arg = arg.clone().value_parser(ValueParser::os_string());
    if let (false, Some(help)) = (names.is_empty(), arg.get_help()) {
        let help = format!("{help} [possible values: {}]", names.join(", "));
        arg = arg.help(help);
    }
    arg
}

impl SweepArgs {
    /// Does it; `command` is what makes it [`again`](super::again()).
    ///
    /// # Errors
    /// Something is wrong with what was asked for, and nothing was run; or as
    /// [`Plan::carry_out`].
    pub(crate) fn run(self, command: &str) -> Result<ExitCode, Error> {
        let lists = Lists::read(self.flags.0)?;
        let mut rows = Vec::new();
        let mut runs: Vec<Option<Run>> = Vec::new();
        let mut first_refusal = None;
        for combination in lists.combinations() {
            let flags = RunFlags::read(lists.words(&combination))?;
            let subject = flags.options.subject.clone();
            let (run, refusal) = match flags.prepare() {
                Ok(run) => (Some(run), None),
                Err(error) if lacks_what_is_swept(&error, &lists) => {
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
        let swept = lists.swept().iter().map(|list| Swept {
            flag: list.flag.clone(),
            values: list.values.iter().map(|value| lossy(value)).collect(),
        });
        let comparison = Comparison {
            kind: Kind::Sweep,
            command: command.to_owned(),
            rounds: self.output.repeat,
            swept: swept.collect(),
            rows,
            interrupted: false,
        };
        Plan { comparison, runs }.carry_out(&self.output)
    }
}

/// Whether a runtime lacks one of the flags whose values are being tried.
fn lacks_what_is_swept(error: &Error, lists: &Lists) -> bool {
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
