//! The command line: one file for each command, with its flags, its help and what it does.

mod attach;
mod compare;
mod comparison_flags;
mod completions;
mod components;
mod doctor;
mod exec;
mod faults;
mod format_list;
mod fuse;
mod gate;
mod gate_init;
mod help;
mod man;
mod observe_flags;
mod project_file;
mod replay;
mod report;
mod reproduce;
mod run;
mod run_flags;
mod scenarios;
mod selftest;
mod shrink;
mod soak;
mod style_flags;
mod subject;
mod sweep;
mod wasm;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgMatches, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};

use self::help::Screen;
use self::style_flags::StyleFlags;
use self::subject::SubjectKind;
use crate::error::Error;
use crate::interrupt::wait_for_children;
use crate::output::Stream;
use crate::supervisor::SuperviseError;

/// Version, commit and target, as `build.rs` finds them.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("LEAKBENCH_BUILD"), ")");

/// Proves that a WebAssembly runtime gives memory back, or names the holder
///
/// Creates, instantiates, calls and drops modules by the million, and watches each module's
/// memory image (a memfd) from inside, by an inotify watch that fires when the kernel destroys
/// it, and from outside, by /proc.
#[derive(Debug, Parser)]
#[command(
    name = "leakbench", version = VERSION, after_long_help = run::EXAMPLES,
    override_usage = "leakbench [run] [OPTIONS]\n       leakbench <COMMAND> [OPTIONS]"
)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    run: run::RunArgs,

    #[command(flatten)]
    style: StyleFlags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make one run; the word may be left out
    Run(Box<run::RunArgs>),
    /// Make the same run on several runtimes and compare them
    Compare(compare::CompareArgs),
    /// Make a run for every combination of values and compare them
    Sweep(sweep::SweepArgs),
    /// Start any command and report what it leaks
    Exec(exec::ExecArgs),
    /// Report what a running process leaks, without touching it
    Attach(attach::AttachArgs),
    /// Draw a recording: a page, pictures, and formats for programs
    Report(report::ReportArgs),
    /// Judge recordings by a checked-in budget, for CI
    Gate(gate::GateArgs),
    /// Make a recorded run again: are its findings the same?
    Replay(replay::ReplayArgs),
    /// Find the smallest run that still fails as a recorded one
    Shrink(shrink::ShrinkArgs),
    /// List the scenarios that come with leakbench, or print one
    Scenarios(scenarios::ScenariosArgs),
    /// Report what this machine can measure, and what to change
    Doctor(doctor::DoctorArgs),
    /// Try the judge against planted leaks: does it find each?
    Selftest(selftest::SelftestArgs),
    /// Let each system call of a command fail in turn, and report what it leaves behind
    Faults(faults::FaultsArgs),
    /// Make runs for hours, and go on after a kill
    Soak(soak::SoakArgs),
    /// Run a WebAssembly program on the built-in runtime, with WASI
    Wasm(wasm::WasmArgs),
    /// Print what a component consists of, what it costs, and how many instances fit
    Components(components::ComponentsArgs),
    /// Make one module with one memory of a component
    Fuse(fuse::FuseArgs),
    /// Print completions for a shell
    Completions(completions::CompletionsArgs),
    /// Print the manual page, or write one for each command
    Man(man::ManArgs),
}

/// Runs the program with the command line `args`, program name first. Returns the exit code.
///
/// # Errors
/// The command did nothing, or could not keep a clean result.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Result<ExitCode, Error> {
    let args: Vec<OsString> = args.into_iter().collect();
    wait_for_children().map_err(SuperviseError::Own)?;
    if let Some(subject) = SubjectKind::of_command_line(&args) {
        return subject.serve();
    }
    let Some(CommandLine { command, run, style }) = parse(&args)? else {
        return Ok(ExitCode::SUCCESS);
    };
    let verbosity = style.apply();
    match command {
        None => run.run(verbosity),
        Some(Command::Run(args)) => args.run(verbosity),
        Some(Command::Compare(compare)) => compare.run(&args, verbosity),
        Some(Command::Sweep(sweep)) => sweep.run(&args, verbosity),
        Some(Command::Exec(args)) => args.run(verbosity),
        Some(Command::Attach(args)) => args.run(verbosity),
        Some(Command::Report(args)) => args.run(),
        Some(Command::Gate(args)) => args.run(verbosity),
        Some(Command::Replay(args)) => args.run(verbosity),
        Some(Command::Shrink(args)) => args.run(verbosity),
        Some(Command::Scenarios(args)) => args.run(),
        Some(Command::Doctor(args)) => args.run(verbosity),
        Some(Command::Selftest(args)) => args.run(verbosity),
        Some(Command::Faults(args)) => args.run(verbosity),
        Some(Command::Soak(args)) => args.run(verbosity),
        Some(Command::Wasm(args)) => args.run(),
        Some(Command::Components(args)) => args.run(verbosity),
        Some(Command::Fuse(args)) => args.run(verbosity),
        Some(Command::Completions(args)) => args.run(CommandLine::command()),
        Some(Command::Man(args)) => args.run(CommandLine::command()),
    }
}

/// Parses the command line; `None` after `--help` or `--version`, which are answered here.
fn parse(args: &[OsString]) -> Result<Option<CommandLine>, Error> {
    let command = Screen::of(args).lay_out(CommandLine::command(), "leakbench");
    let stdout = Stream::Stdout.appearance();
    let colour = colour_of_help(args).unwrap_or(match stdout.colour {
        true => ColorChoice::Always,
        false => ColorChoice::Never,
    });
    let command = command.color(colour).term_width(stdout.width().min(100));
    let matches = command.try_get_matches_from(args);
    let parsed = matches.and_then(|matches| {
        CommandLine::from_arg_matches(&matches).map(|command_line| (matches, command_line))
    });
    match parsed {
        Ok((matches, command_line)) => {
            check_flags_before_a_command(&matches)?;
            Ok(Some(command_line))
        }
        Err(error) if !error.use_stderr() => {
            // A closed pipe is no failure of --help.
            let _ = error.print();
            Ok(None)
        }
        Err(error) => Err(Error::Usage(help::one_line(&error))),
    }
}

/// The value of `--color`, which clap has not parsed yet when it prints help.
fn colour_of_help(args: &[OsString]) -> Option<ColorChoice> {
    let words: Vec<&str> = args.iter().map_while(|word| word.to_str()).collect();
    let value = words.iter().enumerate().find_map(|(index, word)| match *word {
        "--color" => words.get(index + 1).copied(),
        word => word.strip_prefix("--color="),
    });
    let value = value.and_then(|value| value.parse().ok());
    value.filter(|value| *value != ColorChoice::Auto)
}

/// Refuses flags of a run before the name of a command, which would be ignored.
///
/// # Errors
/// [`Error::Usage`] names the flag.
fn check_flags_before_a_command(matches: &ArgMatches) -> Result<(), Error> {
    let Some(subcommand) = matches.subcommand_name() else {
        return Ok(());
    };
    let command = CommandLine::command();
    let misplaced = command.get_arguments().find(|arg| {
        let source = matches.value_source(arg.get_id().as_str());
        !arg.is_global_set() && source == Some(ValueSource::CommandLine)
    });
    match misplaced.and_then(|arg| arg.get_long()) {
        None => Ok(()),
        Some(flag) => Err(Error::Usage(format!(
            "--{flag} is a flag of a run and stands before {subcommand}: put the flags of \
             {subcommand} after its name (see leakbench {subcommand} --help)"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_one_group_of_the_help() {
        CommandLine::command().debug_assert();
        let commands = CommandLine::command();
        let shown = commands.get_subcommands().filter(|command| !command.is_hide_set());
        let mut shown: Vec<&str> = shown.map(clap::Command::get_name).collect();
        let mut grouped: Vec<&str> =
            help::GROUPS.iter().flat_map(|(_, _, names)| *names).copied().collect();
        shown.sort_unstable();
        grouped.sort_unstable();
        assert_eq!(shown, grouped);
    }

    #[test]
    fn the_flags_of_the_short_help_exist() {
        let command = CommandLine::command();
        for name in help::FIRST_FLAGS {
            assert!(command.get_arguments().any(|arg| arg.get_id() == name), "{name}");
        }
    }
}
