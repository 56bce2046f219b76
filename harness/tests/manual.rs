//! Help, completions and manual pages.

mod common;

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use common::leakbench;

/// Standard output of a command that succeeds.
fn printed(args: &[&str]) -> String {
    let output = leakbench(args).output().expect("the binary starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*stderr), (Some(0), ""), "{args:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// Every `--flag` of a text, which may be roff.
fn flags_in(text: &str) -> BTreeSet<String> {
    let text = text.replace("\\-", "-").replace("\\fB", " ");
    let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    let words = text.split(ends).filter_map(|word| word.strip_prefix("--"));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The commands in the order of `--help`.
fn commands() -> Vec<String> {
    let help = printed(&["--help"]);
    let lines = help.lines().skip_while(|line| !line.starts_with("Measure")).collect::<Vec<_>>();
    let lines = lines.into_iter().take_while(|line| *line != "Options:");
    let indented = lines.filter_map(|line| line.strip_prefix("  "));
    indented.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn help_has_groups_of_commands_and_of_flags() {
    let commands = commands();
    for command in ["run", "compare", "exec", "attach", "report", "scenarios", "doctor"] {
        assert!(commands.iter().any(|name| name == command), "{command} is not in {commands:?}");
    }
    let hidden = ["subject", "bridge"];
    assert!(!commands.iter().any(|name| hidden.contains(&name.as_str())), "{commands:?}");
    let help = printed(&["--help"]);
    for heading in ["Usage: ", "\nOptions:\n", "\nChoose what runs:\n", "\nExamples:\n"] {
        assert!(help.contains(heading), "no {heading:?} in {help}");
    }
    assert!(help.contains("leakbench <COMMAND>"), "{help}");
}

#[test]
fn completions_have_every_command_and_flag_and_bash_reads_them() {
    let flags = flags_in(&printed(&["--help"]));
    assert!(flags.len() > 25, "{flags:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&["completions", shell]);
        // fish has long flags without their dashes: -l strategy.
        let has = |word: &str| script.contains(&format!("--{word}")) || script.contains(word);
        for word in flags.iter().chain(&commands()) {
            assert!(has(word), "{word} is not in the completions of {shell}");
        }
        assert!(!script.contains("bridge"), "{shell}");
    }
    let reads = |script: &str| {
        let mut bash = Command::new("bash");
        bash.arg("-n").stdin(Stdio::piped()).stderr(Stdio::null());
        let mut bash = bash.spawn().expect("there is a bash");
        let mut stdin = bash.stdin.take().expect("a pipe");
        // bash may exit at the first syntax error.
        let _ = stdin.write_all(script.as_bytes());
        drop(stdin);
        bash.wait().expect("it ends").success()
    };
    let script = printed(&["completions", "bash"]);
    assert!(reads(&script));
    // The control.
    assert!(!reads(&script.replacen("case", "esac", 1)));
}

#[test]
fn the_manual_has_a_page_for_each_command_with_all_its_flags() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().join("man1");
    let paths = printed(&["man", "--out", folder.to_str().expect("a plain path")]);
    let mut names: Vec<&str> = paths.lines().filter_map(|path| path.rsplit('/').next()).collect();
    assert_eq!(names.remove(0), "leakbench.1");
    let page = |name: &str| std::fs::read_to_string(folder.join(name)).expect("it was written");
    let whole = page("leakbench.1");
    assert_eq!(printed(&["man"]), whole);
    let (_, examples) = whole.split_once("\n.SH EXAMPLES\n.nf\n").expect("it has examples");
    let (_, synopsis) = whole.split_once("\n.SH SYNOPSIS\n").expect("it has a synopsis");
    let (synopsis, _) = synopsis.split_once("\n.SH ").expect("it ends");
    assert!(synopsis.contains("[run] [OPTIONS]") && synopsis.len() < 200, "{synopsis}");
    let (examples, rest) = examples.split_once("\n.fi\n").expect("they end");
    assert!(examples.ends_with("interrupted") && !examples.contains("\n.SH"), "{examples}");
    assert!(rest.starts_with(".SH VERSION"), "{rest}");
    assert!(flags_in(&whole).is_superset(&flags_in(&printed(&["--help"]))));
    for command in commands() {
        let name = format!("leakbench-{command}.1");
        assert!(names.contains(&name.as_str()), "no {name} in {names:?}");
        let help = flags_in(&printed(&[&command, "--help"]));
        let missing: Vec<String> = help.difference(&flags_in(&page(&name))).cloned().collect();
        assert!(missing.is_empty(), "{name} has no {missing:?}");
        let (whole, name) = (whole.replace("\\-", "-"), format!("leakbench-{command}(1)"));
        assert!(whole.contains(&name), "leakbench.1 does not refer to {name}");
    }
}
