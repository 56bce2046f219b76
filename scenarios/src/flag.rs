//! The types of options' values: how a flag is parsed, described and written.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser, ValueParser, ValueRange};
use leakbench_model::{Allocation, Compile, ImageKind, OnDrop, Strategy};

use crate::byte_size::ByteSize;
use crate::subject_name::SubjectName;

/// A row of the table of options, for documents that list the options.
#[derive(Clone, Debug)]
pub struct OptionRow {
    /// Name of the flag and of the key of a scenario file.
    pub flag: String,
    /// Key in the JSON form of a [`Scenario`](crate::Scenario).
    pub json_key: &'static str,
    /// Help, without the default.
    pub help: String,
    /// The values that the option takes.
    pub values: Values,
}

/// The values that an option takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// One of these names.
    Names(&'static [&'static str]),
    /// On or off; in TOML and JSON `true` or `false`.
    Switch,
    /// A whole number in this range.
    Number {
        /// The minimum.
        min: u64,
        /// The maximum.
        max: u64,
    },
    /// A number of bytes; the command line and TOML take units too.
    Bytes,
    /// The name of a subject.
    Subject,
    /// Text.
    Text,
    /// A path.
    Path,
    /// A list of such values; as a flag, one value each time.
    List(Box<Values>),
}

/// A value of an option.
pub(crate) trait Value: Clone + Send + Sync + 'static {
    /// The parser of the flag.
    fn parser() -> ValueParser;

    /// The value as the command line writes it.
    fn text(&self) -> String;

    /// All values.
    fn values() -> Values;

    /// The value of a flag that is given alone; `None` if a value must follow.
    const ALONE: Option<&'static str> = None;
}

/// A value of which a runtime offers some.
pub(crate) trait Word: Value + Copy + PartialEq {
    /// Every value.
    const ALL: &'static [Self];
}

macro_rules! names {
    ($($name:ident),+) => {$(
        impl Value for $name {
            fn parser() -> ValueParser {
                // clap names the nearest one when the user misspells it.
                PossibleValuesParser::new($name::NAMES).try_map(|name| name.parse::<$name>()).into()
            }

            fn text(&self) -> String {
                self.to_string()
            }

            fn values() -> Values {
                Values::Names($name::NAMES)
            }
        }

        impl Word for $name {
            const ALL: &'static [$name] = &$name::ALL;
        }
    )+};
}

names!(Strategy, OnDrop, ImageKind, Allocation, Compile);

impl Value for bool {
    fn parser() -> ValueParser {
        PossibleValuesParser::new(["on", "off"]).map(|word| word == "on").into()
    }

    fn text(&self) -> String {
        if *self { "on" } else { "off" }.to_owned()
    }

    fn values() -> Values {
        Values::Switch
    }

    const ALONE: Option<&'static str> = Some("on");
}

impl Word for bool {
    const ALL: &'static [bool] = &[false, true];
}

/// Values that are written as they are displayed.
macro_rules! displayed {
    ($($name:ty: $parser:expr, $values:expr;)+) => {$(
        impl Value for $name {
            fn parser() -> ValueParser {
                $parser.into()
            }

            fn text(&self) -> String {
                self.to_string()
            }

            fn values() -> Values {
                $values
            }
        }
    )+};
}

displayed! {
    u32: clap::value_parser!(u32), Values::Number { min: 0, max: u32::MAX.into() };
    u64: clap::value_parser!(u64), Values::Number { min: 0, max: u64::MAX };
    NonZeroU32: ValueParser::new(at_least_one_u32), Values::Number { min: 1, max: u32::MAX.into() };
    NonZeroU64: ValueParser::new(at_least_one_u64), Values::Number { min: 1, max: u64::MAX };
    ByteSize: ValueParser::new(ByteSize::from_str), Values::Bytes;
    SubjectName: ValueParser::new(SubjectName::from_str), Values::Subject;
    String: ValueParser::string(), Values::Text;
}

impl Value for PathBuf {
    fn parser() -> ValueParser {
        ValueParser::path_buf()
    }

    fn text(&self) -> String {
        self.to_string_lossy().into_owned()
    }

    fn values() -> Values {
        Values::Path
    }
}

fn at_least_one_u32(text: &str) -> Result<NonZeroU32, String> {
    at_least_one_u64(text)?.try_into().map_err(|_| format!("at most {}", u32::MAX))
}

fn at_least_one_u64(text: &str) -> Result<NonZeroU64, String> {
    let number: u64 = text.replace('_', "").parse().map_err(|_| "not a whole number".to_owned())?;
    NonZeroU64::new(number).ok_or_else(|| "must be at least 1".to_owned())
}

/// What the user gave for an option: a value that may be absent, or a list that may be empty.
pub(crate) trait Choice {
    type Value: Value;

    /// This choice; if it is absent, `base`.
    fn or(self, base: Self) -> Self;

    /// Its values, in order.
    fn iter(&self) -> std::slice::Iter<'_, Self::Value>;

    /// All values.
    fn values() -> Values;
}

impl<T: Value> Choice for Option<T> {
    type Value = T;

    fn or(self, base: Option<T>) -> Option<T> {
        self.or(base)
    }

    fn iter(&self) -> std::slice::Iter<'_, T> {
        self.as_slice().iter()
    }

    fn values() -> Values {
        T::values()
    }
}

impl<T: Value> Choice for Vec<T> {
    type Value = T;

    fn or(self, base: Vec<T>) -> Vec<T> {
        if self.is_empty() { base } else { self }
    }

    fn iter(&self) -> std::slice::Iter<'_, T> {
        self.as_slice().iter()
    }

    fn values() -> Values {
        Values::List(Box::new(T::values()))
    }
}

// What clap needs of the flag that is stored in the field which `_` reads.

pub(crate) fn parser<S, C: Choice>(_: fn(&S) -> &C) -> ValueParser {
    C::Value::parser()
}

pub(crate) fn num_args<S, C: Choice>(_: fn(&S) -> &C) -> ValueRange {
    let min = if C::Value::ALONE.is_some() { 0 } else { 1 };
    ValueRange::new(min..=1)
}

pub(crate) fn missing<S, C: Choice>(_: fn(&S) -> &C) -> Option<&'static str> {
    C::Value::ALONE
}

pub(crate) fn values<S, C: Choice>(_: fn(&S) -> &C) -> Values {
    C::values()
}

/// The name of the flag of a field: `on-drop` for `on_drop`.
pub(crate) fn name(field: &str) -> String {
    field.replace('_', "-")
}

/// The help of an option: its documentation, and the words about its default in brackets.
pub(crate) fn help(doc: &[&str], default: &[Option<String>]) -> String {
    let mut help = doc.iter().map(|line| line.trim()).collect::<Vec<&str>>().join(" ");
    let default: Vec<&str> = default.iter().flatten().map(String::as_str).collect();
    if !default.is_empty() {
        help += &format!(" [default: {}]", default.join(", "));
    }
    help
}
