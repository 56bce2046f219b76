//! The types of options' values: how a flag and a key of each are parsed and written.

use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser, ValueParser};
use leakbench_model::{Allocation, Compile, Fault, ImageKind, OnDrop, Strategy};
use serde::de::{self, DeserializeOwned, Deserializer};

use crate::byte_size::ByteSize;
use crate::guest_world::{GuestDir, GuestVariable};
use crate::mode::{Feature, Mode};
use crate::plant::Plant;
use crate::quantity::{self, BYTES, COUNT, Millis, Seconds, TIME, at_least_one, parse_count};
use crate::subject_name::SubjectName;

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
    /// A system call that fails on purpose, and when.
    Fault,
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

names!(Strategy, OnDrop, ImageKind, Allocation, Compile, Mode, Feature, Plant);

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
    GuestDir: ValueParser::new(str::parse::<GuestDir>), Values::Text;
    GuestVariable: ValueParser::new(str::parse::<GuestVariable>), Values::Text;
    Fault: ValueParser::new(str::parse::<Fault>), Values::Fault;
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
