//! Scenarios, from files and from flags.

use std::ffi::OsString;
use std::num::NonZeroU32;

use clap::Parser;
use leakbench_scenarios::{Offer, Options, Scenario, shell};

/// A command line of options.
#[derive(Debug, Parser)]
struct Flags {
    #[command(flatten)]
    options: Options,
}

/// Reads bytes as a scenario file and as flags, a line each.
///
/// # Panics
/// If a scenario is not the same after it is written and read again.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Options::from_toml(text, "scenario.toml") {
        Ok(options) => check_options(options),
        Err(error) => {
            let message = error.to_string();
            assert!(!message.contains('\n'), "{message:?}");
        }
    }
    if let Some(options) = parsed(text.lines().map(OsString::from)) {
        check_options(options);
    }
}

fn parsed(flags: impl Iterator<Item = OsString>) -> Option<Options> {
    let words = std::iter::once("leakbench".into()).chain(flags);
    Flags::try_parse_from(words).ok().map(|flags| flags.options)
}

/// Compares the scenario of `options` with those of its reproduce command and of its JSON form.
fn check_options(options: Options) {
    let cpus = NonZeroU32::MIN;
    let Ok(scenario) = Scenario::new(options, &Offer::builtin(), cpus) else { return };
    let json = serde_json::to_string(&scenario).expect("a scenario has a JSON form");
    assert_eq!(serde_json::from_str::<Scenario>(&json).ok().as_ref(), Some(&scenario), "{json}");

    let command = scenario.command_line();
    assert!(!command.contains('\n'), "{command:?}");
    // No argument of a process has a zero byte.
    if scenario.command_words().iter().any(|word| word.contains('\0')) {
        return;
    }
    let words = shell::words(&command).unwrap_or_else(|| panic!("not split: {command}"));
    let options = parsed(words.into_iter().skip(1)).unwrap_or_else(|| panic!("refused: {command}"));
    let again = Scenario::new(options, &Offer::builtin(), cpus);
    assert_eq!(again.as_ref(), Ok(&scenario), "{command}");
}
