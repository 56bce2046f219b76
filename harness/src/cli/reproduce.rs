//! The reproduce command of a comparison. It also identifies a comparison: the gate takes two
//! comparisons with the same command for two attempts at one. So it omits the flags that only say
//! where results go or how they are shown.

use std::ffi::OsString;

use clap::Args;

use super::comparison_flags::ComparisonFlags;

/// The reproduce command, quoted for a shell, of a valid command line, program name first.
pub(super) fn command(args: &[OsString]) -> String {
    let output = ComparisonFlags::augment_args(clap::Command::new("output"));
    let mut kept = vec!["leakbench".to_owned()];
    let mut words = args.iter().skip(1).map(|word| word.to_string_lossy().into_owned());
    while let Some(word) = words.next() {
        if word == "--" {
            // The flags of the runs follow.
            kept.push(word);
            kept.extend(words);
            break;
        }
        let (flag, has_value) = match word.split_once('=') {
            Some((flag, _)) => (flag, true),
            None => (word.as_str(), false),
        };
        let omitted = output.get_arguments().find(|arg| {
            let long = flag.strip_prefix("--");
            long.is_some() && arg.get_long() == long && arg.get_id() != "repeat"
        });
        match omitted {
            None => kept.push(word),
            Some(arg) if arg.get_action().takes_values() && !has_value => {
                words.next();
            }
            Some(_) => {}
        }
    }
    // Only a word with a NUL has no quoted form, and no argument can contain one.
    shlex::try_join(kept.iter().map(String::as_str)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_the_output_are_omitted() {
        for (typed, expected) in [
            (
                "./leakbench compare --out a --subject builtin --json --report=html,png -- --cycles 9",
                "leakbench compare --subject builtin -- --cycles 9",
            ),
            (
                "leakbench sweep --slots 1,2 --repeat 3 --markdown --out=b --report html",
                "leakbench sweep --slots 1,2 --repeat 3",
            ),
            // Values of other flags and flags of runs are kept.
            (
                "leakbench compare --subject 'python3 --out x' --subject=--json -- --out",
                "leakbench compare --subject 'python3 --out x' '--subject=--json' -- --out",
            ),
        ] {
            let words: Vec<OsString> =
                shlex::split(typed).expect("words").into_iter().map(OsString::from).collect();
            assert_eq!(shlex::split(&command(&words)), shlex::split(expected));
        }
    }
}
