//! The reproduce command of a comparison. It also identifies a comparison: the gate takes two
//! comparisons with the same command for two attempts at one. So it omits the flags that only say
//! where results go or how they are shown.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use clap::{Arg, Args};
use leakbench_scenarios::{Options, shell};

use super::comparison_flags::ComparisonFlags;
use super::project_file::RunDefaults;
use super::style_flags::StyleFlags;

/// The reproduce command, for a shell, of a valid command line, program name first. The flags that
/// `given` leaves to the defaults are added, so that it does not depend on its folder.
pub(super) fn command(args: &[OsString], defaults: &RunDefaults, given: &Options) -> String {
    let mut kept = without_output(args.iter().skip(1));
    if defaults.no_config {
        if !kept.iter().take_while(|word| *word != "--").any(|word| word == "--no-config") {
            // After the name of the command.
            kept.insert(1.min(kept.len()), "--no-config".into());
        }
        let used = defaults.used_by(given);
        // The flags of a comparison's runs follow a `--`; those of a sweep do not.
        let is_compare = kept.first().is_some_and(|name| name == "compare");
        if is_compare && !used.is_empty() && !kept.iter().any(|word| word == "--") {
            kept.push("--".into());
        }
        for (flag, values) in used {
            kept.extend(values.into_iter().map(|value| format!("--{flag}={value}").into()));
        }
    }
    kept.insert(0, "leakbench".into());
    shell::command(kept)
}

fn without_output<'a>(mut words: impl Iterator<Item = &'a OsString>) -> Vec<OsString> {
    let output = StyleFlags::augment_args(ComparisonFlags::augment_args(clap::Command::new("o")));
    let mut kept: Vec<OsString> = Vec::new();
    while let Some(word) = words.next() {
        if word == "--" {
            // The flags of the runs follow.
            kept.push(word.clone());
            kept.extend(words.cloned());
            break;
        }
        // A value need not be UTF-8.
        let bytes = word.as_bytes();
        let equals = bytes.iter().position(|byte| *byte == b'=');
        let flag = &bytes[..equals.unwrap_or(bytes.len())];
        let is_named = |arg: &&Arg| match flag.strip_prefix(b"--") {
            Some(long) => arg.get_long().map(str::as_bytes) == Some(long),
            None => arg.get_short().is_some_and(|short| flag == format!("-{short}").as_bytes()),
        };
        let omitted = output.get_arguments().find(|arg| is_named(arg) && arg.get_id() != "repeat");
        match omitted {
            None => kept.push(word.clone()),
            Some(arg) if arg.get_action().takes_values() && equals.is_none() => {
                words.next();
            }
            Some(_) => {}
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn flags_of_the_output_are_omitted() {
        for (typed, expected) in [
            (
                "./leakbench compare --out a --subject builtin --json --report=html,png -- --cycles 9",
                "leakbench compare --subject builtin -- --cycles 9",
            ),
            (
                "leakbench sweep -q --slots 1,2 --repeat 3 --markdown --out=b --report html --color never",
                "leakbench sweep --slots 1,2 --repeat 3",
            ),
            // Values of other flags and flags of runs are kept.
            (
                "leakbench compare --subject 'python3 --out x' --subject=--json -- --out",
                "leakbench compare --subject 'python3 --out x' '--subject=--json' -- --out",
            ),
        ] {
            let words = shell::words(typed).expect("words");
            let (none, nothing) = (RunDefaults::default(), Options::default());
            let command = command(&words, &none, &nothing);
            assert_eq!(shell::words(&command), shell::words(expected));
        }
    }

    #[test]
    fn defaults_become_flags() {
        let options = Options::from_toml("cycles = 9\nwasm = ['a', 'b c']", "").expect("options");
        let defaults = RunDefaults { options, no_config: true };
        for (typed, given, expected) in [
            (
                "leakbench compare --subject builtin",
                "",
                "leakbench compare --no-config --subject builtin -- --cycles=9 --wasm=a '--wasm=b c'",
            ),
            (
                "leakbench compare --subject builtin -- --wasm d",
                "wasm = ['d']",
                "leakbench compare --no-config --subject builtin -- --wasm d --cycles=9",
            ),
            (
                "leakbench sweep --slots 1,2 --wasm d",
                "slots = 1\nwasm = ['d']",
                "leakbench sweep --no-config --slots 1,2 --wasm d --cycles=9",
            ),
            // The user ignores them.
            (
                "leakbench sweep --slots 1,2 --no-config",
                "cycles = 1\nwasm = ['d']",
                "leakbench sweep --slots 1,2 --no-config",
            ),
        ] {
            let words = shell::words(typed).expect("words");
            let given = Options::from_toml(given, "").expect("options");
            let command = command(&words, &defaults, &given);
            assert_eq!(shell::words(&command), shell::words(expected), "{typed}");
        }
    }

    #[test]
    fn values_need_not_be_text() {
        let word = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
        let typed = ["leakbench", "compare", "--subject"].map(|text| word(text.as_bytes()));
        let driver = [&b"sh -c 'exec \xff\n'"[..], b"--out=\xff", b"--json"].map(word);
        let kept = [&typed[..], &driver[..1]].concat();
        let words = [&typed[..], &driver].concat();
        let command = command(&words, &RunDefaults::default(), &Options::default());
        assert_eq!(shell::words(&command), Some(kept));
    }
}
