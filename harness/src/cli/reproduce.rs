//! The reproduce command of a comparison. It also identifies a comparison: the gate takes two
//! comparisons with the same command for two attempts at one. So it omits the flags that only say
//! where results go or how they are shown.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use clap::Args;
use leakbench_scenarios::shell;

use super::comparison_flags::ComparisonFlags;

/// The reproduce command, for a shell, of a valid command line, program name first.
pub(super) fn command(args: &[OsString]) -> String {
    let output = ComparisonFlags::augment_args(clap::Command::new("output"));
    let mut kept = vec![OsStr::new("leakbench")];
    let mut words = args.iter().skip(1).map(OsString::as_os_str);
    while let Some(word) = words.next() {
        if word == "--" {
            // The flags of the runs follow.
            kept.push(word);
            kept.extend(words);
            break;
        }
        // A value need not be UTF-8.
        let bytes = word.as_bytes();
        let equals = bytes.iter().position(|byte| *byte == b'=');
        let flag = bytes[..equals.unwrap_or(bytes.len())].strip_prefix(b"--");
        let omitted = output.get_arguments().find(|arg| {
            flag.is_some() && arg.get_long().map(str::as_bytes) == flag && arg.get_id() != "repeat"
        });
        match omitted {
            None => kept.push(word),
            Some(arg) if arg.get_action().takes_values() && equals.is_none() => {
                words.next();
            }
            Some(_) => {}
        }
    }
    shell::command(kept)
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
            let words = shell::words(typed).expect("words");
            assert_eq!(shell::words(&command(&words)), shell::words(expected));
        }
    }
    #[test]
    fn values_need_not_be_text() {
        let word = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
        let typed = ["leakbench", "compare", "--subject"].map(|text| word(text.as_bytes()));
        let driver = [&b"sh -c 'exec \xff\n'"[..], b"--out=\xff", b"--json"].map(word);
        let kept = [&typed[..], &driver[..1]].concat();
        assert_eq!(shell::words(&command(&[&typed[..], &driver].concat())), Some(kept));
    }
}
