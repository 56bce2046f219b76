//! What a shell and `man` know of the command line: made of the command line itself, so that they
//! have every flag.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::command_line::Error;
use crate::output_folder;
use crate::report::write;

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  leakbench completions bash > ~/.local/share/bash-completion/completions/leakbench
  leakbench completions zsh > ~/.zfunc/_leakbench
  leakbench completions fish > ~/.config/fish/completions/leakbench.fish";

const MAN_EXAMPLES: &str = "\
Examples:
  leakbench man | man -l -
  leakbench man --out ~/.local/share/man/man1";

/// `leakbench completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// `leakbench man`.
#[derive(Debug, clap::Args)]
#[command(after_help = MAN_EXAMPLES)]
pub(crate) struct ManArgs {
    /// Write a page for each command to this folder, instead of the first one to standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl CompletionsArgs {
    /// Prints what the shell is to read.
    ///
    /// # Errors
    /// It cannot be printed.
    pub(crate) fn run(&self, mut command: Command) -> Result<ExitCode, Error> {
        let mut script = Vec::new();
        let name = command.get_name().to_owned();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        print(&String::from_utf8_lossy(&script))
    }
}

impl ManArgs {
    /// Prints the page of the program, or writes those of all its commands.
    ///
    /// # Errors
    /// They cannot be written.
    pub(crate) fn run(&self, command: Command) -> Result<ExitCode, Error> {
        // `help` tells what `man` does.
        let mut command = command.disable_help_subcommand(true);
        // Names the commands `leakbench-report` and so on.
        command.build();
        let Some(out) = &self.out else {
            return print(&page(command)?.1);
        };
        let mut paths = String::new();
        for command in with_commands(command) {
            let (name, page) = page(command)?;
            let path = output_folder::keep(out, &name, page.as_bytes())?;
            paths += &format!("{}\n", path.display());
        }
        print(&paths)
    }
}

/// A page's file and what is in it.
fn page(command: Command) -> Result<(String, String), Error> {
    let man = Man::new(command).manual("leakbench");
    let name = man.get_filename();
    let mut page = Vec::new();
    man.render(&mut page).map_err(|error| Error::Write { path: (&name).into(), error })?;
    Ok((name, with_examples(&String::from_utf8_lossy(&page))))
}

/// What stands below the flags in `--help` begins with examples, and is a section of that name,
/// laid out as it is: filled into paragraphs, a column of comments would be none.
fn with_examples(page: &str) -> String {
    let Some((before, rest)) = page.split_once(".SH EXTRA\nExamples:\n") else {
        return page.to_owned();
    };
    let end = rest.find("\n.SH ").map_or(rest.len(), |at| at + 1);
    let (examples, after) = rest.split_at(end);
    format!("{before}.SH EXAMPLES\n.nf\n{}\n.fi\n{after}", examples.trim_end())
}

/// A command, and all beneath it.
fn with_commands(command: Command) -> Vec<Command> {
    let beneath: Vec<Command> = command.get_subcommands().cloned().collect();
    std::iter::once(command).chain(beneath.into_iter().flat_map(with_commands)).collect()
}

fn print(text: &str) -> Result<ExitCode, Error> {
    write(&mut std::io::stdout(), "standard output", text)?;
    Ok(ExitCode::SUCCESS)
}
