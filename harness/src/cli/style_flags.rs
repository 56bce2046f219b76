//! The flags of every command: how much it prints, and its colours.

use anstream::ColorChoice as Colours;
use clap::ColorChoice;

use super::help::RESULT;
use crate::output::Verbosity;

/// How to print.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = RESULT)]
pub(super) struct StyleFlags {
    /// Print only the verdict's line, and no progress
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,

    /// Print the whole summary, without its limits on lines
    #[arg(short, long, global = true)]
    verbose: bool,

    /// Use colours: auto, always, never
    ///
    /// auto is on a terminal, unless NO_COLOR or CLICOLOR_FORCE says otherwise
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true,
        global = true
    )]
    color: ColorChoice,
}

impl StyleFlags {
    /// Sets the colours of the process's streams. Returns how much to print.
    pub(super) fn apply(self) -> Verbosity {
        match self.color {
            ColorChoice::Auto => Colours::Auto,
            ColorChoice::Always => Colours::Always,
            ColorChoice::Never => Colours::Never,
        }
        .write_global();
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, true) => Verbosity::Full,
            (false, false) => Verbosity::Normal,
        }
    }
}
