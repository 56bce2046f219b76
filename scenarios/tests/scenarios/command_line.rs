//! The command that runs a scenario again, read back by a real shell and by the flags' parser.

use std::num::{NonZeroU32, NonZeroU64};

use leakbench_scenarios::{Offer, Options, Scenario, Strategy as Slots, SubjectName};
use proptest::prelude::*;

use crate::parse_flags;
use crate::rows::{any_flags, every_choice};
use crate::shell::pasted;

fn any_scenario() -> impl Strategy<Value = Scenario> {
    any::<bool>().prop_flat_map(|is_builtin| {
        (any_flags(is_builtin), 1..9u32).prop_map(move |(flags, cpus)| {
            let options = parse_flags(&flags).unwrap_or_else(|error| panic!("{flags:?}: {error}"));
            let offer = if is_builtin { Offer::builtin() } else { every_choice() };
            Scenario::new(options, &offer, NonZeroU32::new(cpus).expect("not zero")).expect("valid")
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_command_line_runs_the_same_on_any_machine(
        scenario in any_scenario(),
        cpus in 1..300u32,
    ) {
        let command = scenario.command_line();
        let words = pasted(&command);
        let words: Vec<&str> = words.iter().map(|word| word.to_str().expect("UTF-8")).collect();
        let options = parse_flags(&words[1..]);
        let options = options.unwrap_or_else(|error| panic!("{command}: {error}"));
        let cpus = NonZeroU32::new(cpus).expect("not zero");
        let offer = match scenario.subject {
            SubjectName::Builtin => Offer::builtin(),
            _ => every_choice(),
        };
        let again = Scenario::new(options, &offer, cpus).expect("valid");
        prop_assert_eq!(again, scenario, "{}", command);
    }

    #[test]
    fn a_scenario_file_with_all_options_has_the_same_run_on_any_machine(
        scenario in any_scenario(),
        cpus in 1..300u32,
    ) {
        let text = Options::toml_of(&scenario.options().given());
        let options = Options::from_toml(&text, "all options");
        let options = options.unwrap_or_else(|error| panic!("{text}: {error}"));
        prop_assert_eq!(&options, &scenario.options(), "{}", text);
        let cpus = NonZeroU32::new(cpus).expect("not zero");
        let offer = match scenario.subject {
            SubjectName::Builtin => Offer::builtin(),
            _ => every_choice(),
        };
        prop_assert_eq!(Scenario::new(options, &offer, cpus).expect("valid"), scenario, "{}", text);
    }
}

#[test]
fn hostile_words_of_options_stay_whole_in_a_scenario_file() {
    let options = Options {
        seed: Some(u64::MAX),
        wasm: vec!["a \"quoted\"\\ \u{7}\nfolder/ü.wasm".into()],
        arg: vec!["-x".to_owned(), "= [\"".to_owned(), String::new(), "'''".to_owned()],
        ..Options::default()
    };
    let text = Options::toml_of(&options.given());
    assert_eq!(Options::from_toml(&text, "hostile").expect(&text), options);
    assert_eq!(text.lines().count(), 3, "an option a line: {text}");
    // Other readers of TOML have signed numbers only.
    assert!(text.contains("seed = \"18446744073709551615\"\n"), "{text}");
}

#[test]
fn a_command_line_says_no_more_than_it_must() {
    let command = |options| {
        let cpus = NonZeroU32::new(2).expect("not zero");
        Scenario::new(options, &Offer::builtin(), cpus).expect("valid").command_line()
    };
    assert_eq!(command(Options::default()), "leakbench --processes 2");
    let options = Options {
        strategy: Some(Slots::ReuseAffinity),
        cycles: NonZeroU64::new(3_000),
        flush_on_drop: Some(true),
        wasm: vec!["my guests/a.wasm".into()],
        ..Options::default()
    };
    assert_eq!(
        command(options),
        "leakbench --cycles 3000 --strategy reuse-affinity --flush-on-drop=on --processes 1 \
         --wasm 'my guests/a.wasm'"
    );
}
