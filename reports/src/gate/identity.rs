//! The identity of a run, by which its attempts and its values in a baseline are found: the
//! reproduce command without the paths that differ between machines and checkouts. The number of
//! processes stays, since peaks are sums over processes.

use std::path::Path;

use leakbench_scenarios::shell;

const DRIVER_DIR: &str = "--driver-dir";
const WASM: &str = "--wasm";
/// The command has every flag itself, and so the flag changes nothing.
const NO_CONFIG: &str = "--no-config";

/// `command` without the folder of drivers, and with the file names of modules only. A command that
/// observes a process keeps its words, and one that a shell cannot split stays as it is.
pub(super) fn identity(command: &str) -> String {
    let Some(words) = shell::words(command) else {
        return command.to_owned();
    };
    let words = words.into_iter().map(|word| word.to_string_lossy().into_owned());
    let words: Vec<String> = words.collect();
    // The flags of an observed command are not leakbench's.
    if matches!(words.get(1).map(String::as_str), Some("exec" | "attach")) {
        return shell::command(words);
    }
    let mut kept: Vec<String> = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let (name, given) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        match name {
            NO_CONFIG => {}
            DRIVER_DIR if given.is_none() => drop(words.next()),
            DRIVER_DIR => {}
            WASM => match given.or_else(|| words.next()) {
                Some(path) => kept.extend(module(&path)),
                None => kept.push(word),
            },
            _ => kept.push(word),
        }
    }
    shell::command(kept)
}

/// The flag of a module, by the name of its file or folder.
fn module(path: &str) -> Vec<String> {
    let name = Path::new(path).file_name().map_or(path.into(), |name| name.to_string_lossy());
    if name.starts_with('-') {
        // Without the `=` it would be read as a flag.
        vec![format!("{WASM}={name}")]
    } else {
        vec![WASM.to_owned(), name.into_owned()]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_of_drivers_and_modules_are_left_out() {
        for (command, expected) in [
            ("leakbench --processes 2 --seed 3", "leakbench --processes 2 --seed 3"),
            ("leakbench --processes 2 --no-config", "leakbench --processes 2"),
            (
                "leakbench --subject wasmtime@48 --driver-dir '/home/a b/bin' --processes 2",
                "leakbench --subject wasmtime@48 --processes 2",
            ),
            (
                "leakbench --driver-dir=bin --wasm /ci/1/a.wasm --wasm=mods/ --seed 1",
                "leakbench --wasm a.wasm --wasm mods --seed 1",
            ),
            ("leakbench --wasm '/x/a b.wasm'", "leakbench --wasm 'a b.wasm'"),
            ("leakbench --wasm /x/-a.wasm", "leakbench --wasm=-a.wasm"),
            ("leakbench --wasm .. --wasm", "leakbench --wasm .. --wasm"),
            ("leakbench exec -- run --wasm /x/a", "leakbench exec -- run --wasm /x/a"),
            ("leakbench 'unclosed --wasm /x/a", "leakbench 'unclosed --wasm /x/a"),
            ("leakbench \0--driver-dir x", "leakbench \0--driver-dir x"),
        ] {
            assert_eq!(identity(command), expected, "{command}");
        }
        // Other modules, other counts of processes and other seeds are other runs.
        for (one, other) in [
            ("leakbench --wasm /x/a.wasm", "leakbench --wasm /x/b.wasm"),
            ("leakbench --processes 1", "leakbench --processes 2"),
            ("leakbench --seed 1", "leakbench --seed 2"),
        ] {
            assert_ne!(identity(one), identity(other));
        }
    }

    proptest! {
        /// A baseline file holds identities, which are read as commands.
        #[test]
        fn the_identity_of_an_identity_is_itself(
            command in "(leakbench)?( |'|\"|=|/|--wasm|--driver-dir|--|exec|-a|[\u{0}-\u{7f}]){0,12}",
        ) {
            let once = identity(&command);
            prop_assert_eq!(identity(&once), once);
        }
    }
}
