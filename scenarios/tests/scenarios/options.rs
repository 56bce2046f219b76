//! Every flag is a key and every key a flag; both refuse what makes no sense, in one clear line.

use std::collections::BTreeSet;
use std::num::{NonZeroU32, NonZeroU64};

use clap::Args;
use leakbench_scenarios::{ByteSize, GuestDir, OptionRow, Options, Strategy, Values};
use proptest::prelude::*;

use crate::parse_flags;
use crate::rows::example;

fn flags() -> BTreeSet<String> {
    let command = Options::augment_args(clap::Command::new("leakbench"));
    let flags = command.get_arguments();
    flags.map(|flag| flag.get_long().expect("every option has a long flag").to_owned()).collect()
}

fn from_toml(text: &str) -> Options {
    Options::from_toml(text, "run.toml").unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn toml_error(text: &str) -> String {
    let error = Options::from_toml(text, "run.toml").expect_err("it is refused");
    let message = error.to_string();
    assert!(!message.contains('\n'), "one line: {message}");
    message
}

#[test]
fn every_flag_is_a_key_and_means_the_same() {
    for OptionRow { flag, values, .. } in Options::rows() {
        let (word, value) = example(&values);
        let by_flag = parse_flags(&[format!("--{flag}={word}")]).expect("a right flag");
        let by_key = from_toml(&format!("{flag} = {value}"));
        assert_eq!(by_flag, by_key, "{flag}");
        assert_ne!(by_flag, Options::default(), "{flag} says something");
    }
}

#[test]
fn every_key_is_a_flag() {
    // serde lists all keys when it meets one that is none.
    let message = toml_error("no-such-key = 1");
    let known = message.split('`').skip(3).step_by(2);
    let keys: BTreeSet<String> = known.map(str::to_owned).collect();
    assert_eq!(keys, flags());
    let rows: BTreeSet<String> = Options::rows().into_iter().map(|row| row.flag).collect();
    assert_eq!(rows, flags());
}

#[test]
fn unknown_keys_and_wrong_types_are_errors_with_their_line() {
    let unknown = toml_error("# a run\ncycles = 3\nslotz = 4\n");
    assert!(unknown.starts_with("run.toml, line 3: unknown field `slotz`"), "{unknown}");
    assert!(unknown.ends_with("did you mean `slots`?"), "{unknown}");

    let wrong = toml_error("cycles = 3\n\nslots = 'many'\n");
    assert!(wrong.starts_with("run.toml, line 3: `many`: expected a whole number"), "{wrong}");
    let wrong = toml_error("cycles = 3\n\nslots = true\n");
    assert!(wrong.starts_with("run.toml, line 3: invalid type: boolean"), "{wrong}");

    let broken = toml_error("cycles = 3\nslots = = 4\n");
    assert!(broken.starts_with("run.toml, line 2: "), "{broken}");

    let twice = toml_error("cycles = 3\ncycles = 4\n");
    assert!(twice.starts_with("run.toml, line 2: duplicate key"), "{twice}");
}

#[test]
fn zero_is_refused_where_nothing_would_run() {
    let is_number = |row: &OptionRow, at_least| matches!(row.values, Values::Number { min, .. } if min == at_least);
    for OptionRow { flag, .. } in Options::rows().into_iter().filter(|row| is_number(row, 1)) {
        let by_flag = parse_flags(&[format!("--{flag}=0")]).expect_err("zero is refused");
        let by_flag = by_flag.to_string();
        assert!(by_flag.contains(&flag) && by_flag.contains("must be at least 1"), "{by_flag}");
        let by_key = toml_error(&format!("{flag} = 0"));
        assert!(by_key.contains("line 1") && by_key.contains('0'), "{by_key}");
        toml_error(&format!("{flag} = -1"));
    }
    // Where zero means something, it is taken.
    for OptionRow { flag, .. } in Options::rows().into_iter().filter(|row| is_number(row, 0)) {
        let by_flag = parse_flags(&[format!("--{flag}=0")]).expect("zero is a number");
        assert_eq!(by_flag, from_toml(&format!("{flag} = 0")));
    }
}

#[test]
fn numbers_that_are_none_or_do_not_fit_are_refused() {
    for words in ["--slots=4294967296", "--slots=x", "--cycles=1.5", "--cycles=-3", "--seed=x"] {
        let error = parse_flags(&[words]).err();
        assert!(error.is_some(), "{words}");
    }
}

#[test]
fn every_number_takes_units_as_a_flag_and_as_a_key() {
    let numbers =
        || Options::rows().into_iter().filter(|row| matches!(row.values, Values::Number { .. }));
    assert!(numbers().count() > 12);
    for OptionRow { flag, .. } in numbers() {
        // Times have units of their own.
        let (texts, bare) = match flag.as_str() {
            "settle-ms" => (["5s", "5000ms", "5_000"], "5000"),
            "timeout" => (["2m", "120s", "120_000ms"], "120"),
            _ => (["2k", "2_000", ".002M"], "2000"),
        };
        let expected = from_toml(&format!("{flag} = {bare}"));
        for text in texts {
            let by_flag = parse_flags(&[format!("--{flag}={text}")]).expect(text);
            assert_eq!(by_flag, expected, "--{flag} {text}");
            assert_eq!(from_toml(&format!("{flag} = '{text}'")), expected, "{flag} = '{text}'");
        }
        let wrong = toml_error(&format!("{flag} = '2 apples'"));
        assert!(wrong.starts_with("run.toml, line 1: `2 apples`: expected a "), "{wrong}");
    }
    assert_eq!(from_toml("cycles = '1M'").cycles, NonZeroU64::new(1_000_000));
    let part = toml_error("settle-ms = '0.5ms'");
    assert!(part.contains("a whole number of ms"), "{part}");
}

#[test]
fn a_misspelt_name_is_answered_with_the_nearest_right_one() {
    for (flag, given, nearest) in [
        ("strategy", "randm", "random"),
        ("strategy", "reuse-afinity", "reuse-affinity"),
        ("on-drop", "prge", "purge"),
        ("image", "memfs", "memfd"),
        ("compile", "cahced", "cached"),
        ("allocation", "on-deman", "on-demand"),
    ] {
        let by_flag = parse_flags(&[format!("--{flag}"), given.to_owned()]);
        let by_flag = by_flag.expect_err("misspelt").to_string();
        let tip = format!("a similar value exists: '{nearest}'");
        assert!(by_flag.contains(&tip), "{by_flag}");
        let by_key = toml_error(&format!("{flag} = '{given}'"));
        assert!(by_key.ends_with(&format!("did you mean `{nearest}`?")), "{by_key}");
    }
    let flag = parse_flags(&["--stratgy=random"]).expect_err("misspelt");
    assert!(flag.to_string().contains("--strategy"), "{flag}");
}

#[test]
fn what_is_said_goes_before_its_base() {
    let said = from_toml("cycles = 1\nwasm = ['mine.wasm']");
    let base = from_toml("cycles = 2\nslots = 3\nwasm = ['theirs.wasm', 'other.wasm']");
    let both = said.clone().or(base.clone());
    assert_eq!(both, from_toml("cycles = 1\nslots = 3\nwasm = ['mine.wasm']"));
    assert_eq!(said.clone().or(Options::default()), said);
    assert_eq!(Options::default().or(base.clone()), base);
    // Of every option.
    for OptionRow { flag, values, .. } in Options::rows() {
        let value = example(&values).1;
        let one = from_toml(&format!("{flag} = {value}"));
        assert_eq!(Options::default().or(one.clone()), one, "{flag}");
        assert_eq!(one.clone().or(Options::default()), one, "{flag}");
    }
}

#[test]
fn paths_in_a_scenario_file_are_relative_to_its_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.toml");
    std::fs::write(&file, "wasm = ['guest.wasm', '/tmp/other.wasm']").expect("it is writable");
    let options = Options::from_file(&file).expect("it is a scenario");
    assert_eq!(options.wasm, [folder.path().join("guest.wasm"), "/tmp/other.wasm".into()]);
    let absent = Options::from_file(&folder.path().join("absent.toml"));
    let error = absent.expect_err("there is none").to_string();
    assert!(error.starts_with("cannot read scenario file "), "{error}");
}

#[test]
fn sizes_are_read_with_their_units() {
    for (text, bytes) in [
        ("0", 0),
        ("4096", 4096),
        ("17B", 17),
        ("4K", 4 << 10),
        ("4k", 4 << 10),
        ("4KiB", 4 << 10),
        ("4 KiB", 4 << 10),
        ("3M", 3 << 20),
        ("2GiB", 2 << 30),
    ] {
        assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
    }
    for text in ["", "KiB", "4KB", "-1", "1.2345K"] {
        let error = text.parse::<ByteSize>().expect_err("no size");
        assert!(error.contains("such as 4096 or 64KiB"), "{error}");
    }
    for text in ["99999999999999999999", "99999999999G"] {
        assert_eq!(text.parse::<ByteSize>(), Err(format!("at most {}", u64::MAX)));
    }
    assert_eq!(from_toml("image-size = 4096").image_size, Some(ByteSize(4096)));
    let negative = toml_error("image-size = -4096");
    assert!(negative.contains("a number of bytes"), "{negative}");
    let wrong = toml_error("image-size = true");
    assert!(wrong.contains("a number of bytes"), "{wrong}");
}

proptest! {
    #[test]
    fn a_size_reads_back_as_it_is_shown(bytes in any::<u64>()) {
        prop_assert_eq!(ByteSize(bytes).to_string().parse(), Ok(ByteSize(bytes)));
        let round = ByteSize(bytes >> 20 << 20);
        prop_assert_eq!(round.to_string().parse(), Ok(round));
    }

    /// Names may contain the colons that separate them.
    #[test]
    fn a_folder_of_guests_reads_back_as_it_is_shown(text in "[:/a]{1,7}") {
        if let Ok(dir) = text.parse::<GuestDir>() {
            prop_assert_eq!(dir.to_string().parse(), Ok(dir));
        }
    }
}

#[test]
fn a_flag_may_be_given_alone_where_it_switches_something_on() {
    let words = ["--flush-on-drop", "--strategy", "random"];
    let options = parse_flags(&words).expect("right flags");
    assert_eq!(options.flush_on_drop, Some(true));
    assert_eq!(options.strategy, Some(Strategy::Random));
    let off = parse_flags(&["--flush-on-drop=off"]).expect("a right flag");
    assert_eq!(off.flush_on_drop, Some(false));
    assert_eq!(off.slots, None::<NonZeroU32>);
}
