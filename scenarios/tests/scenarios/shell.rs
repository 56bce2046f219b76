//! Commands, read back by a real shell.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::Command;

use leakbench_model::text::printable;
use leakbench_scenarios::shell;
use proptest::prelude::*;

/// The words that `sh` makes of a command of leakbench.
pub(crate) fn pasted(command: &str) -> Vec<OsString> {
    let script = format!("leakbench() {{ printf '%s\\0' leakbench \"$@\"; }}\n{command}\n");
    let output = Command::new("sh").arg("-c").arg(&script).output().expect("a shell is there");
    assert!(output.status.success(), "{command}: {output:?}");
    let words =
        output.stdout.strip_suffix(b"\0").unwrap_or_else(|| panic!("{command}: {output:?}"));
    words.split(|byte| *byte == 0).map(|word| OsStr::from_bytes(word).to_owned()).collect()
}

fn assert_survives(words: &[&[u8]]) {
    let words: Vec<OsString> = [b"leakbench"]
        .map(|word| &word[..])
        .iter()
        .chain(words)
        .map(|word| OsStr::from_bytes(word).to_owned())
        .collect();
    let command = shell::command(&words);
    assert_eq!(printable(&command), command, "{words:?}");
    assert!(shell::is_pasteable(&command), "{command}");
    assert_eq!(pasted(&command), words, "{command}");
    assert_eq!(shell::words(&command), Some(words), "{command}");
}

#[test]
fn words_survive_a_shell() {
    assert_survives(&[]);
    assert_survives(&[
        b"exec",
        b"--",
        b"my prog",
        b"",
        b"it's",
        b"\"$HOME\"",
        b"`id`",
        b"a\\b",
        b"!x",
    ]);
    // The line break at the end of a script stays.
    assert_survives(&[b"exec", b"--", b"python3", b"-c", b"\nimport time\ntime.sleep(1)\n"]);
    assert_survives(&[
        b"\xff\xfe",
        "größe\u{202e}".as_bytes(),
        b"\x1b[2K",
        b"%s %%",
        b"\\012",
        b"\n",
    ]);
    // A replacement character stands for lost bytes, so a real one is escaped.
    assert_survives(&["\u{fffd}".as_bytes()]);
}

#[test]
fn plain_words_stay_plain() {
    let words = ["leakbench", "--wasm", "größe/a b.wasm", "--cycles=10"];
    assert_eq!(shell::command(words), "leakbench --wasm 'größe/a b.wasm' --cycles=10");
}

#[test]
fn other_commands_are_split_as_they_are() {
    let words = |command| shell::words(command);
    assert_eq!(
        words("leakbench 'a b' c"),
        Some(["leakbench", "a b", "c"].map(OsString::from).into())
    );
    assert_eq!(words("leakbench 'unclosed"), None);
    // No argument has a NUL, and so no words say what such a command does.
    assert_eq!(words("leakbench \0--wasm a"), None);
    assert_eq!(words(r#"eval "$(printf 'leakbench \000--wasm a')""#), None);
    assert!(!shell::is_pasteable("leakbench exec -- 'a\nb'"));
    assert!(!shell::is_pasteable("leakbench exec -- '\u{fffd}'"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_words_survive_a_shell(
        words in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(1u8..=255, 0..12),
                "[- '\"$`\\\\*?!#&;|<>(){}~\n\té%=0-9]{0,9}".prop_map(String::into_bytes),
            ],
            0..6,
        ),
    ) {
        let words: Vec<OsString> = std::iter::once(b"leakbench".to_vec())
            .chain(words)
            .map(OsString::from_vec)
            .collect();
        let command = shell::command(&words);
        prop_assert!(shell::is_pasteable(&command), "{}", command);
        prop_assert_eq!(pasted(&command), words.clone(), "{}", command);
        prop_assert_eq!(shell::words(&command), Some(words), "{}", command);
    }
}
