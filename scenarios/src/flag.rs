//! What the table of options needs for each row: the choice that a flag or a key makes, what clap needs
//! for the flag, and the row as data.

use clap::builder::{ValueParser, ValueRange};
use serde::de::{Deserialize, Deserializer};

use crate::value::{Value, Values};

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
