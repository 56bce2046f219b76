//! Every combination of the values of flags that have lists. Pure.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// A flag of the command line, without its dashes.
#[derive(Clone, Debug)]
pub(crate) struct FlagTexts {
    pub(crate) flag: String,
    /// The text of each occurrence.
    pub(crate) texts: Vec<OsString>,
}

/// Flags with their values, split at commas.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lists {
    /// Flags without a list; a flag may occur several times.
    fixed: Vec<(String, OsString)>,
    /// Flags with a list; at least one.
    swept: Vec<List>,
}

/// A flag with a list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct List {
    pub(crate) flag: String,
    /// At least two, all different.
    pub(crate) values: Vec<OsString>,
}

/// Flags that cannot be swept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ListError {
    #[error("no flag has a list, so there is nothing to sweep: give one, as in --warm-slots 0,100")]
    NoList,
    #[error("--{flag} {text} has an empty value: separate the values of a list by single commas")]
    Empty { flag: String, text: String },
    #[error("--{flag} has the value {value} twice: remove one (--repeat repeats every run)")]
    Duplicate { flag: String, value: String },
    #[error("--{flag} is given more than once, and one of its values is a list: give one list")]
    SeveralLists { flag: String },
    /// `factors` has the number of values of each flag: `--slots (30) x --seed (40)`.
    #[error(
        "{factors} make {count} combinations, and a sweep runs at most {}: remove values",
        Lists::COMBINATIONS_MAX
    )]
    TooMany { factors: String, count: usize },
}

impl Lists {
    /// Maximum of runs in one round.
    pub(super) const COMBINATIONS_MAX: usize = 500;

    /// Splits the lists at their commas.
    ///
    /// # Errors
    /// No flag has a list, or one cannot be swept.
    pub(crate) fn parse(flags: Vec<FlagTexts>) -> Result<Lists, ListError> {
        let mut fixed = Vec::new();
        let mut swept = Vec::new();
        for FlagTexts { flag, texts } in flags {
            if !texts.iter().any(|text| text.as_bytes().contains(&b',')) {
                fixed.extend(texts.into_iter().map(|text| (flag.clone(), text)));
                continue;
            }
            match &texts[..] {
                [text] => swept.push(List::parse(flag, text)?),
                _ => return Err(ListError::SeveralLists { flag }),
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

    /// The flags with lists, in the order of the command line.
    pub(crate) fn swept(&self) -> &[List] {
        &self.swept
    }

    /// The values of each combination, in the order of the flags; the last flag varies fastest.
    pub(crate) fn combinations(&self) -> Vec<Vec<&OsStr>> {
        let mut combinations: Vec<Vec<&OsStr>> = vec![Vec::new()];
        for list in &self.swept {
            let longer = combinations.iter().flat_map(|begun| {
                list.values.iter().map(move |value| [&begun[..], &[value.as_os_str()]].concat())
            });
            combinations = longer.collect();
        }
        combinations
    }

    /// A combination as words of a command line.
    pub(crate) fn words(&self, combination: &[&OsStr]) -> Vec<OsString> {
        // In one word, because a flag with an optional value takes it only this way.
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
    fn parse(flag: String, text: &OsStr) -> Result<List, ListError> {
        let values = text.as_bytes().split(|byte| *byte == b',');
        let values: Vec<OsString> =
            values.map(|value| OsStr::from_bytes(value).to_owned()).collect();
        if values.iter().any(|value| value.is_empty()) {
            return Err(ListError::Empty { flag, text: text.to_string_lossy().into_owned() });
        }
        let duplicate =
            values.iter().enumerate().find(|(index, value)| values[..*index].contains(value));
        if let Some((_, value)) = duplicate {
            return Err(ListError::Duplicate { flag, value: value.to_string_lossy().into_owned() });
        }
        Ok(List { flag, values })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn flag(flag: &str, texts: &[&str]) -> FlagTexts {
        FlagTexts { flag: flag.to_owned(), texts: texts.iter().map(OsString::from).collect() }
    }

    #[test]
    fn a_refusal_names_the_flag() {
        for (flags, message) in [
            (vec![], "nothing to sweep"),
            (vec![flag("cycles", &["3"])], "nothing to sweep"),
            (vec![flag("slots", &["1,"])], "--slots 1, has an empty value"),
            (vec![flag("slots", &[","])], "--slots , has an empty value"),
            (vec![flag("slots", &["1,2,1"])], "--slots has the value 1 twice"),
            (vec![flag("wasm", &["a,b", "c"])], "--wasm is given more than once"),
        ] {
            let error = Lists::parse(flags).expect_err("no lists").to_string();
            assert!(error.contains(message), "{error}");
        }
        let numbers = |to: u32| (0..to).map(|n| n.to_string()).collect::<Vec<String>>().join(",");
        let lists =
            |a, b| Lists::parse(vec![flag("slots", &[&numbers(a)]), flag("seed", &[&numbers(b)])]);
        assert_eq!(lists(25, 20).map(|lists| lists.combinations().len()), Ok(500));
        let error = lists(167, 3).expect_err("too many").to_string();
        assert!(error.starts_with("--slots (167) x --seed (3) make 501 combinations"), "{error}");
    }

    #[test]
    fn the_last_flag_varies_fastest_and_every_combination_has_the_other_flags() {
        let flags = [
            flag("subject", &["a b,c"]),
            flag("wasm", &["x", "y"]),
            flag("flush-on-drop", &["on,off"]),
        ];
        let lists = Lists::parse(flags.to_vec()).expect("lists");
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
        /// There are as many combinations as the product of the sizes, all different.
        #[test]
        fn combinations_are_the_product(sizes in prop::collection::vec(1_usize..6, 1..4)) {
            let flags = sizes.iter().enumerate().map(|(index, size)| {
                let values = (0..*size).map(|value| format!("v{value}"));
                flag(&format!("f{index}"), &[&values.collect::<Vec<String>>().join(",")])
            });
            let product: usize = sizes.iter().product();
            let swept = sizes.iter().filter(|size| **size > 1).count();
            match Lists::parse(flags.collect()) {
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
