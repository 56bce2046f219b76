//! The types of options' values: how a flag and a key are parsed, described and written.

use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser, ValueParser, ValueRange};
use leakbench_model::{Allocation, Compile, ImageKind, OnDrop, Strategy};
use serde::de::{self, Deserialize, DeserializeOwned, Deserializer};

use crate::byte_size::ByteSize;
use crate::quantity::{self, BYTES, COUNT, Millis, Seconds, TIME, at_least_one, parse_count};
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
    /// A whole number in this range; the command line and TOML take units too.
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
pub(crate) trait Value: Clone + DeserializeOwned + Send + Sync + 'static {
    /// The parser of the flag.
    fn parser() -> ValueParser;

    /// Reads the value of a key of a scenario file.
    ///
    /// # Errors
    /// The deserializer's.
    fn of_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }

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

/// Numbers: how each is parsed from text and written, and its range. In a scenario file a number may
/// be text too, such as `"10k"`.
macro_rules! numbers {
    ($($name:ty: $units:expr, $parse:expr, $text:expr, $values:expr;)+) => {$(
        impl Value for $name {
            fn parser() -> ValueParser {
                ValueParser::new($parse)
            }

            fn of_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(NumberOrText { units: &$units, parse: $parse })
            }

            fn text(&self) -> String {
                $text(self)
            }

            fn values() -> Values {
                $values
            }
        }
    )+};
}

numbers! {
    u32: COUNT, count_u32, u32::to_string, Values::Number { min: 0, max: u32::MAX.into() };
    u64: COUNT, parse_count, u64::to_string, Values::Number { min: 0, max: u64::MAX };
    NonZeroU32: COUNT, |text: &str| -> Result<NonZeroU32, String> {
        at_least_one(count_u32(text)?.into())?.try_into().map_err(too_large)
    }, NonZeroU32::to_string, Values::Number { min: 1, max: u32::MAX.into() };
    NonZeroU64: COUNT, |text: &str| at_least_one(parse_count(text)?), NonZeroU64::to_string,
        Values::Number { min: 1, max: u64::MAX };
    Millis: TIME, Millis::parse, |ms: &Millis| ms.0.to_string(),
        Values::Number { min: 0, max: u64::MAX };
    Seconds: TIME, Seconds::parse, |s: &Seconds| s.0.to_string(),
        Values::Number { min: 1, max: u64::MAX };
    ByteSize: BYTES, str::parse::<ByteSize>, ByteSize::to_string, Values::Bytes;
}

fn count_u32(text: &str) -> Result<u32, String> {
    parse_count(text)?.try_into().map_err(too_large)
}

fn too_large<E>(_: E) -> String {
    format!("at most {}", u32::MAX)
}

/// Reads a number of a scenario file by the parser of the flag.
struct NumberOrText<P> {
    units: &'static quantity::Units,
    parse: P,
}

impl<T, P: Fn(&str) -> Result<T, String>> de::Visitor<'_> for NumberOrText<P> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.units.what)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(|reason| E::custom(format!("`{text}`: {reason}")))
    }
}

/// Names that are text on the command line and in TOML.
macro_rules! texts {
    ($($name:ty: $parser:expr, $values:expr;)+) => {$(
        impl Value for $name {
            fn parser() -> ValueParser {
                $parser
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

texts! {
    SubjectName: ValueParser::new(str::parse::<SubjectName>), Values::Subject;
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

/// What the user gave for an option: a value that may be absent, or a list that may be empty.
pub(crate) trait Choice: Sized {
    type Value: Value;

    /// Reads the value of a key of a scenario file.
    ///
    /// # Errors
    /// The deserializer's.
    fn of_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;

    /// This choice; if it is absent, `base`.
    fn or(self, base: Self) -> Self;

    /// Its values, in order.
    fn iter(&self) -> std::slice::Iter<'_, Self::Value>;

    /// All values.
    fn values() -> Values;
}

impl<T: Value> Choice for Option<T> {
    type Value = T;

    fn of_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
        T::of_key(deserializer).map(Some)
    }

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

    fn of_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
        Vec::deserialize(deserializer)
    }

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

/// The help of an option: its documentation, whose paragraphs become sentences, and the words about
/// its default in brackets.
pub(crate) fn help(doc: &[&str], default: &[Option<String>]) -> String {
    let mut help = String::new();
    let mut gap = "";
    for line in doc.iter().map(|line| line.trim()) {
        if line.is_empty() {
            gap = ". ";
            continue;
        }
        help = help + gap + line;
        gap = " ";
    }
    let default: Vec<&str> = default.iter().flatten().map(String::as_str).collect();
    if !default.is_empty() {
        help += &format!(" [default: {}]", default.join(", "));
    }
    help
}
