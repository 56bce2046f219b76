//! The command that makes a comparison again. It is also what says that two comparisons are tries at
//! the same: so what only says where results go, or how they are shown, is no part of it.

use std::ffi::OsString;

use clap::Args;

use super::Output;

/// The words of a command line that was read already, program name first, as `leakbench` and what
/// is to be run, quoted for a shell.
pub(crate) fn again(words: &[OsString]) -> String {
    let output = Output::augment_args(clap::Command::new("output"));
    let mut kept = vec!["leakbench".to_owned()];
    let mut words = words.iter().skip(1).map(|word| word.to_string_lossy().into_owned());
    while let Some(word) = words.next() {
        if word == "--" {
            // What follows is of the runs alone.
            kept.push(word);
            kept.extend(words);
            break;
        }
        let (flag, has_value) = match word.split_once('=') {
            Some((flag, _)) => (flag, true),
            None => (word.as_str(), false),
        };
        let about_results = output.get_arguments().find(|arg| {
            let long = flag.strip_prefix("--");
            long.is_some() && arg.get_long() == long && arg.get_id() != "repeat"
        });
        match about_results {
            None => kept.push(word),
            Some(arg) if arg.get_action().takes_values() && !has_value => {
                words.next();
            }
            Some(_) => {}
        }
    }
    // Only a word with a NUL has no quoted form, and no command line can have one.
    shlex::try_join(kept.iter().map(String::as_str)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_where_results_go_is_left_out() {
        for (typed, expected) in [
            (
                "./leakbench compare --out a --subject builtin --json --report=html,png -- --cycles 9",
                "leakbench compare --subject builtin -- --cycles 9",
            ),
            (
                "leakbench sweep --slots 1,2 --repeat 3 --markdown --out=b --report html",
                "leakbench sweep --slots 1,2 --repeat 3",
            ),
            // Words of other flags and of runs stay what they are.
            (
                "leakbench compare --subject 'python3 --out x' --subject=--json -- --out",
                "leakbench compare --subject 'python3 --out x' '--subject=--json' -- --out",
            ),
        ] {
            let words: Vec<OsString> =
                shlex::split(typed).expect("words").into_iter().map(OsString::from).collect();
            assert_eq!(shlex::split(&again(&words)), shlex::split(expected));
        }
    }
}
