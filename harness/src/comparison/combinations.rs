//! Every combination of values that flags were given as lists. Pure.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// A flag as it was given, without its dashes, and what was given with it, each time.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) flag: String,
    pub(super) texts: Vec<OsString>,
}

/// Flags with their values, split at commas.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lists {
    /// Those with one value, or with one value several times.
    fixed: Vec<(String, OsString)>,
    /// Those with several; at least one.
    swept: Vec<List>,
}

/// A flag that is swept.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct List {
    pub(super) flag: String,
    /// At least two, no two alike.
    pub(super) values: Vec<OsString>,
}

/// Why flags cannot be swept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// There is one combination.
    #[error("no flag has a list, so there is nothing to sweep: give one, as in --warm-slots 0,100")]
    NoList,
    /// A comma too many.
    #[error("--{flag} {text} has an empty value: a list is values with a comma between two")]
    Empty {
        /// The flag.
        flag: String,
        /// Its list.
        text: String,
    },
    /// It would be run twice.
    #[error("--{flag} has {value} twice: leave one out (to run all again, take --repeat)")]
    Twice {
        /// The flag.
        flag: String,
        /// The value.
        value: String,
    },
    /// Nobody can say whether the lists are one or are to be combined.
    #[error("--{flag} is given more than once, and one of it is a list: give one list")]
    Again {
        /// The flag.
        flag: String,
    },
    /// It would take for ever.
    #[error(
        "{factors} are {count} combinations, more than the {} that a sweep runs: leave values out",
        Lists::COMBINATIONS_MAX
    )]
    TooMany {
        /// How many values of what: `--slots (30) x --seed (40)`.
        factors: String,
        /// How many combinations.
        count: usize,
    },
}

impl Lists {
    /// Most runs of one sweep and round.
    pub(super) const COMBINATIONS_MAX: usize = 500;

    /// Splits what was given.
    ///
    /// # Errors
    /// There is no list, or one that says nothing sensible.
    pub(super) fn read(given: Vec<Given>) -> Result<Lists, ListError> {
        let mut fixed = Vec::new();
        let mut swept = Vec::new();
        for Given { flag, texts } in given {
            if !texts.iter().any(|text| text.as_bytes().contains(&b',')) {
                fixed.extend(texts.into_iter().map(|text| (flag.clone(), text)));
                continue;
            }
            match &texts[..] {
                [text] => swept.push(List::read(flag, text)?),
                _ => return Err(ListError::Again { flag }),
            }
        }
        if swept.is_empty() {
            return Err(ListError::NoList);
        }
        let count = swept.iter().map(|list| list.values.len());
        let count = count.fold(1, usize::saturating_mul);
        if count > Self::COMBINATIONS_MAX {
            let factors =
                swept.iter().map(|list| format!("--{} ({})", list.flag, list.values.len()));
            let factors = factors.collect::<Vec<String>>().join(" x ");
            return Err(ListError::TooMany { factors, count });
        }
        Ok(Lists { fixed, swept })
    }

    /// The flags that have several values, in the order in which they were given.
    pub(super) fn swept(&self) -> &[List] {
        &self.swept
    }

    /// Each combination's values of the swept flags, in order; the last flag's change first.
    pub(super) fn combinations(&self) -> Vec<Vec<&OsStr>> {
        let mut combinations: Vec<Vec<&OsStr>> = vec![Vec::new()];
        for list in &self.swept {
            let longer = combinations.iter().flat_map(|begun| {
                list.values.iter().map(move |value| [&begun[..], &[value.as_os_str()]].concat())
            });
            combinations = longer.collect();
        }
        combinations
    }

    /// A combination as the words of a command line.
    pub(super) fn words(&self, combination: &[&OsStr]) -> Vec<OsString> {
        // In one word, since some flags take a value only so.
        let word = |flag: &str, value: &OsStr| {
            let mut word = OsString::from(format!("--{flag}="));
            word.push(value);
            word
        };
        let fixed = self.fixed.iter().map(|(flag, value)| word(flag, value));
        let swept = self.swept.iter().zip(combination).map(|(list, value)| word(&list.flag, value));
        fixed.chain(swept).collect()
    }
}

impl List {
    fn read(flag: String, text: &OsStr) -> Result<List, ListError> {
        let values = text.as_bytes().split(|byte| *byte == b',');
        let values: Vec<OsString> =
            values.map(|value| OsStr::from_bytes(value).to_owned()).collect();
        if values.iter().any(|value| value.is_empty()) {
            return Err(ListError::Empty { flag, text: text.to_string_lossy().into_owned() });
        }
        let twice =
            values.iter().enumerate().find(|(index, value)| values[..*index].contains(value));
        if let Some((_, value)) = twice {
            return Err(ListError::Twice { flag, value: value.to_string_lossy().into_owned() });
        }
        Ok(List { flag, values })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn given(flag: &str, texts: &[&str]) -> Given {
        Given { flag: flag.to_owned(), texts: texts.iter().map(OsString::from).collect() }
    }

    #[test]
    fn what_is_no_list_is_refused_by_name() {
        for (flags, message) in [
            (vec![], "nothing to sweep"),
            (vec![given("cycles", &["3"])], "nothing to sweep"),
            (vec![given("slots", &["1,"])], "--slots 1, has an empty value"),
            (vec![given("slots", &[","])], "--slots , has an empty value"),
            (vec![given("slots", &["1,2,1"])], "--slots has 1 twice"),
            (vec![given("wasm", &["a,b", "c"])], "--wasm is given more than once"),
        ] {
            let error = Lists::read(flags).expect_err("no lists").to_string();
            assert!(error.contains(message), "{error}");
        }
        let numbers = |to: u32| (0..to).map(|n| n.to_string()).collect::<Vec<String>>().join(",");
        let lists =
            |a, b| Lists::read(vec![given("slots", &[&numbers(a)]), given("seed", &[&numbers(b)])]);
        assert_eq!(lists(25, 20).map(|lists| lists.combinations().len()), Ok(500));
        let error = lists(167, 3).expect_err("too many").to_string();
        assert!(error.starts_with("--slots (167) x --seed (3) are 501 combinations"), "{error}");
    }

    #[test]
    fn the_last_flag_changes_first_and_fixed_flags_are_in_every_combination() {
        let flags = [
            given("subject", &["a b,c"]),
            given("wasm", &["x", "y"]),
            given("flush-on-drop", &["on,off"]),
        ];
        let lists = Lists::read(flags.to_vec()).expect("lists");
        let all: Vec<Vec<OsString>> =
            lists.combinations().iter().map(|combination| lists.words(combination)).collect();
        let words = |subject: &str, flush: &str| {
            let swept = [format!("--subject={subject}"), format!("--flush-on-drop={flush}")];
            let words = ["--wasm=x".to_owned(), "--wasm=y".to_owned()].into_iter().chain(swept);
            words.map(OsString::from).collect::<Vec<OsString>>()
        };
        let expected =
            [words("a b", "on"), words("a b", "off"), words("c", "on"), words("c", "off")];
        assert_eq!(all, expected);
    }

    proptest! {
        /// As many as the product, each once, and each value with each of the others' values.
        #[test]
        fn combinations_are_the_product(sizes in prop::collection::vec(1_usize..6, 1..4)) {
            let flags = sizes.iter().enumerate().map(|(flag, size)| {
                let values = (0..*size).map(|value| format!("v{value}"));
                given(&format!("f{flag}"), &[&values.collect::<Vec<String>>().join(",")])
            });
            let product: usize = sizes.iter().product();
            let swept = sizes.iter().filter(|size| **size > 1).count();
            match Lists::read(flags.collect()) {
                Err(error) => prop_assert!(swept == 0 && error == ListError::NoList, "{error}"),
                Ok(lists) => {
                    let combinations = lists.combinations();
                    prop_assert_eq!(combinations.len(), product);
                    let distinct: BTreeSet<_> =
                        combinations.iter().map(|values| lists.words(values)).collect();
                    prop_assert_eq!(distinct.len(), product);
                    prop_assert!(distinct.iter().all(|words| words.len() == sizes.len()));
                    prop_assert!(combinations.iter().all(|values| values.len() == swept));
                    prop_assert!(combinations.is_sorted());
                }
            }
        }
    }
}
