//! `leakbench man`: made from the command line's own definition, so that no flag is missing.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Command;
use clap_mangen::Man;

use crate::error::Error;
use crate::output::{folder, print};

const SOURCE: &str = concat!("leakbench ", env!("CARGO_PKG_VERSION"));

const EXAMPLES: &str = "\
Examples:
  leakbench man | man -l -
  leakbench man --out ~/.local/share/man/man1";

/// `leakbench man`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ManArgs {
    /// Write a page for each command to this folder instead of printing the main page
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl ManArgs {
    /// Prints the page of `command`, or writes those of all its subcommands too.
    ///
    /// # Errors
    /// They cannot be printed or written.
    pub(super) fn run(&self, command: Command) -> Result<ExitCode, Error> {
        let mut command = command.disable_help_subcommand(true);
        // Names the subcommands `leakbench-report` and so on.
        command.build();
        let Some(out) = &self.out else {
            print(&page(command)?.1)?;
            return Ok(ExitCode::SUCCESS);
        };
        let mut paths = String::new();
        for command in with_subcommands(command) {
            let (name, page) = page(command)?;
            let path = folder::write(out, &name, page.as_bytes())?;
            paths += &format!("{}\n", path.display());
        }
        print(&paths)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The name of a page's file, and its text.
fn page(mut command: Command) -> Result<(String, String), Error> {
    // clap_mangen's own synopsis lists every flag.
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").lines().map(str::trim);
    let usage = usage.collect::<Vec<&str>>().join("\n");
    let man = Man::new(command.override_usage(usage)).manual("leakbench").source(SOURCE);
    let name = man.get_filename();
    let mut page = Vec::new();
    man.render(&mut page).map_err(|error| Error::Write { path: (&name).into(), error })?;
    Ok((name, with_examples(&String::from_utf8_lossy(&page))))
}

/// Makes the examples of the help a section of their own, with their lines as they are: man would
/// fill them into a paragraph.
fn with_examples(page: &str) -> String {
    let Some((before, rest)) = page.split_once(".SH EXTRA\n") else {
        return page.to_owned();
    };
    let end = rest.find("\n.SH ").map_or(rest.len(), |at| at + 1);
    let (examples, after) = rest.split_at(end);
    format!("{before}.SH EXAMPLES\n.nf\n{}\n.fi\n{after}", examples.trim_end())
}

/// A command and all its subcommands, at any depth.
fn with_subcommands(command: Command) -> Vec<Command> {
    let subcommands: Vec<Command> = command.get_subcommands().cloned().collect();
    std::iter::once(command).chain(subcommands.into_iter().flat_map(with_subcommands)).collect()
}
