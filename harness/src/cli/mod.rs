//! The command line: one file for each command, with its flags, its help and what it does.

mod attach;
mod compare;
mod comparison_flags;
mod completions;
mod doctor;
mod exec;
mod format_list;
mod gate;
mod help;
mod man;
mod observe_flags;
mod report;
mod reproduce;
mod run;
mod run_flags;
mod subject;
mod sweep;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use self::subject::SubjectKind;
use crate::error::Error;
use crate::interrupt::wait_for_children;
use crate::supervisor::SuperviseError;

/// Proves that a WebAssembly runtime gives memory back to the kernel, or names the holder.
///
/// Creates, instantiates, calls and drops modules by the million, and watches each module's
/// memory image (a memfd) from inside, by an inotify watch that fires when the kernel destroys
/// it, and from outside, by /proc.
#[derive(Debug, Parser)]
#[command(
    name = "leakbench", version, args_conflicts_with_subcommands = true, after_help = run::EXAMPLES
)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    run: run::RunArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the same run on each of several runtimes and compare the results
    Compare(compare::CompareArgs),
    /// Make a run for every combination of flags' values and compare the results
    Sweep(sweep::SweepArgs),
    /// Start any command and report what it leaks; the command need not cooperate
    Exec(exec::ExecArgs),
    /// Report what a running process leaks, without touching it
    Attach(attach::AttachArgs),
    /// Draw a recording: a page, pictures, and formats for programs
    Report(report::ReportArgs),
    /// Judge recordings by a checked-in budget, for CI
    Gate(gate::GateArgs),
    /// Report what this machine can measure, and what to change
    Doctor(doctor::DoctorArgs),
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
    let reproduce = reproduce::command(&args);
    let Some(CommandLine { command, run }) = parse(args)? else {
        return Ok(ExitCode::SUCCESS);
    };
    match command {
        None => run.run(),
        Some(Command::Compare(args)) => args.run(reproduce),
        Some(Command::Sweep(args)) => args.run(reproduce),
        Some(Command::Exec(args)) => args.run(),
        Some(Command::Attach(args)) => args.run(),
        Some(Command::Report(args)) => args.run(),
        Some(Command::Gate(args)) => args.run(),
        Some(Command::Doctor(args)) => args.run(),
        Some(Command::Completions(args)) => args.run(CommandLine::command()),
        Some(Command::Man(args)) => args.run(CommandLine::command()),
    }
}

/// Parses the command line; `None` after `--help` or `--version`, which are answered here.
fn parse(args: Vec<OsString>) -> Result<Option<CommandLine>, Error> {
    let matches = help::grouped(CommandLine::command()).try_get_matches_from(args);
    match matches.and_then(|matches| CommandLine::from_arg_matches(&matches)) {
        Ok(command_line) => Ok(Some(command_line)),
        Err(error) if !error.use_stderr() => {
            // A closed pipe is no failure of --help.
            let _ = error.print();
            Ok(None)
        }
        Err(error) => Err(Error::Usage(help::one_line(&error))),
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
            help::GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        shown.sort_unstable();
        grouped.sort_unstable();
        assert_eq!(shown, grouped);
    }
}
