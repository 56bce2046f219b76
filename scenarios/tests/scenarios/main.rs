//! Tests of the vocabulary of a run, in one binary for the sake of build time.

mod command_line;
mod damage;
mod guests;
mod options;
mod rows;
mod scenario;
mod shell;
mod steps;
mod subject_name;

use clap::Parser;
use leakbench_scenarios::Options;

/// The flags as the program has them.
#[derive(Parser)]
#[command(name = "leakbench")]
struct Flags {
    #[command(flatten)]
    options: Options,
}

/// Parses the words after the name of the program.
fn parse_flags<S: AsRef<str>>(words: &[S]) -> Result<Options, clap::Error> {
    let words = words.iter().map(AsRef::as_ref);
    Flags::try_parse_from(std::iter::once("leakbench").chain(words)).map(|flags| flags.options)
}
