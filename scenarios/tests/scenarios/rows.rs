//! Values for every row of the table of options, so that a new option is tested as it is added.

use leakbench_model::{Call, ErrorNumber};
use leakbench_scenarios::{Offer, OptionRow, Options, SubjectName, Values};
use proptest::prelude::*;
use proptest::sample::select;

/// A value other than the default: as on the command line, and in TOML.
pub(crate) fn example(values: &Values) -> (String, String) {
    let quoted = |word: &str| (word.to_owned(), format!("'{word}'"));
    match values {
        Values::Names(names) => quoted(names.last().expect("a name")),
        Values::Switch => ("on".to_owned(), "true".to_owned()),
        Values::Number { .. } => ("77".to_owned(), "77".to_owned()),
        Values::Bytes => quoted("8KiB"),
        Values::Subject => quoted("wasmtime@48"),
        // Also a variable of the environment.
        Values::Text => quoted("NAME=value"),
        Values::Fault => quoted("mmap=ENOMEM@every:97"),
        Values::Path => quoted("a.wasm"),
        Values::List(values) => {
            let (word, value) = example(values);
            (word, format!("[{value}]"))
        }
    }
}

/// Words that a shell or a flags' parser may take for something else, among plain ones.
fn any_word() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z/.]{1,9}", "[- '\"$`\\\\*?!#&;|<>(){}~\n\té%=]{1,9}", "--[a-z]{1,5}"]
}

fn any_subject() -> impl Strategy<Value = String> {
    let name = prop_oneof!["[a-z]{1,5}@[0-9]{1,2}".boxed(), any_word().boxed()];
    name.prop_filter("the name of another runtime, or a command", |name| {
        name.parse().is_ok_and(|subject: SubjectName| subject != SubjectName::Builtin)
    })
}

fn any_of(values: &Values) -> BoxedStrategy<String> {
    match values {
        Values::Names(names) => select(*names).prop_map(str::to_owned).boxed(),
        Values::Switch => select(&["on", "off"][..]).prop_map(str::to_owned).boxed(),
        Values::Number { min, max } => (*min..=*max).prop_map(|number| number.to_string()).boxed(),
        Values::Bytes => (24..99_999u64).prop_map(|bytes| bytes.to_string()).boxed(),
        Values::Subject => any_subject().boxed(),
        Values::Text | Values::Path => any_word().boxed(),
        Values::Fault => any_fault().boxed(),
        Values::List(values) => any_of(values),
    }
}

fn any_fault() -> impl Strategy<Value = String> {
    let when = prop_oneof!["[1-9]", "[1-9]\\+", "every:[1-9]", "never"];
    (select(Call::NAMES), select(ErrorNumber::NAMES), when)
        .prop_map(|(call, error, when)| format!("{call}={error}@{when}"))
}

/// Flags that are valid together, for a runtime that has every choice, or for the built-in one.
pub(crate) fn any_flags(is_builtin: bool) -> impl Strategy<Value = Vec<String>> {
    let offer = toml::Table::try_from(Offer::builtin()).expect("TOML");
    let choices = toml::Table::try_from(every_choice()).expect("TOML");
    let lacks = |row: &OptionRow| {
        let is_offered =
            offer.get(&row.flag).is_some_and(|offered| *offered != toml::Value::Array(Vec::new()));
        row.values == Values::Subject || (choices.contains_key(&row.flag) && !is_offered)
    };
    let rows = Options::rows().into_iter().filter(|row| !(is_builtin && lacks(row)));
    let flags: Vec<BoxedStrategy<Vec<String>>> = rows
        .map(|row| {
            let few = |range: std::ops::Range<u64>| range.prop_map(|number| number.to_string());
            // Of some, not every value goes with those of the others.
            let value = match row.flag.as_str() {
                "threads" | "live-modules" | "instances" => few(1..4).boxed(),
                "slots" => few(64..999).boxed(),
                "processes" | "long-lived" => few(1..99).boxed(),
                "mode" => select(&["plain", "drop-elsewhere", "one-store"][..])
                    .prop_map(str::to_owned)
                    .boxed(),
                "feature" => select(&["fuel", "epochs"][..]).prop_map(str::to_owned).boxed(),
                "plant" => select(&["thread", "cache"][..]).prop_map(str::to_owned).boxed(),
                _ => any_of(&row.values),
            };
            let times = match (row.flag.as_str(), &row.values) {
                // Together, below.
                ("wasm" | "invoke" | "dir" | "env" | "arg", _) => 0..=0,
                // Those of the built-in runtime need generated modules.
                ("feature", _) if is_builtin => 0..=0,
                ("subject", _) if !is_builtin => 1..=1,
                (_, Values::List(_)) => 0..=3,
                _ => 0..=1,
            };
            let flag = value.prop_map(move |value| format!("--{}={value}", row.flag));
            proptest::collection::vec(flag, times).boxed()
        })
        .collect();
    let words = |max| proptest::collection::vec(any_word(), 0..max);
    let modules = (words(3), proptest::option::of(any_word()), words(3), words(2), words(2));
    let modules = modules.prop_map(move |(files, export, dirs, variables, args)| {
        let dirs = dirs.into_iter().map(|word| format!("--dir=host::/{word}"));
        let variables = variables.into_iter().map(|word| format!("--env=NAME={word}"));
        let args = args.into_iter().map(|word| format!("--arg={word}"));
        let world = dirs.chain(variables).chain(args);
        // Only the built-in runtime has WASI.
        let world: Vec<String> = world.filter(|_| is_builtin && !files.is_empty()).collect();
        let export =
            export.filter(|_| !files.is_empty()).map(|export| format!("--invoke={export}"));
        let files = files.into_iter().map(|file| format!("--wasm={file}"));
        files.chain(export).chain(world).collect::<Vec<String>>()
    });
    (flags, modules).prop_map(|(flags, modules)| [flags.concat(), modules].concat())
}

/// A runtime that has every choice, with other defaults than the built-in one.
pub(crate) fn every_choice() -> Offer {
    let lines = Options::rows().into_iter().filter_map(|row| {
        let values = match &row.values {
            Values::List(values) => values,
            values => values,
        };
        let offered = match values {
            Values::Names(names) => {
                let names: Vec<&str> = names.iter().rev().copied().collect();
                format!("{names:?}")
            }
            Values::Switch => "[true, false]".to_owned(),
            Values::Number { .. } | Values::Bytes => "555".to_owned(),
            _ => return None,
        };
        // Keys that are no choices of a runtime are not read.
        Some(format!("{} = {offered}\n", row.flag))
    });
    toml::from_str(&lines.collect::<String>()).expect("an offer")
}
