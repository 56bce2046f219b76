//! The name of a run's subject.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The runtime under test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SubjectName {
    /// The builtin runtime.
    #[default]
    Builtin,
    /// A program that implements `leakbench_subject::Subject`: `wasmtime@48` is the program
    /// `leakbench-wasmtime-48`.
    Driver(DriverName),
    /// A command that speaks the step protocol on its standard input and output.
    Command(CommandLine),
}

/// A name such as `wasmtime@48`: letters, digits, `-`, `_`, `.`, and at most one `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverName(String);

/// A program and its arguments; there is at least the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    text: String,
    words: Vec<String>,
}

impl DriverName {
    /// The file name of its program.
    pub fn program(&self) -> String {
        format!("leakbench-{}", self.0.replace('@', "-"))
    }
}

impl fmt::Display for DriverName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl CommandLine {
    /// The program.
    pub fn program(&self) -> &str {
        &self.words[0]
    }

    /// Its arguments.
    pub fn arguments(&self) -> &[String] {
        &self.words[1..]
    }
}

/// The text names no subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectNameError {
    /// It has no word.
    #[error(
        "the subject is empty: expected builtin, a driver such as wasmtime@48, or a command such \
         as 'python3 driver.py'"
    )]
    Empty,
    /// It has an open quote.
    #[error("the command '{0}' has a quote that is not closed")]
    Unclosed(String),
}

impl FromStr for SubjectName {
    type Err = SubjectNameError;

    /// `builtin`; a driver's name; and whatever could not be one, such as words with a space or a
    /// slash between them, is a command, split into words as a shell does.
    fn from_str(text: &str) -> Result<SubjectName, SubjectNameError> {
        if text == "builtin" {
            return Ok(SubjectName::Builtin);
        }
        let named = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if begins && text.chars().all(named) && text.matches('@').count() <= 1 {
            return Ok(SubjectName::Driver(DriverName(text.to_owned())));
        }
        let words =
            shlex::split(text).ok_or_else(|| SubjectNameError::Unclosed(text.to_owned()))?;
        match words.first() {
            Some(program) if !program.is_empty() => {
                Ok(SubjectName::Command(CommandLine { text: text.to_owned(), words }))
            }
            _ => Err(SubjectNameError::Empty),
        }
    }
}

impl fmt::Display for SubjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SubjectName::Builtin => f.write_str("builtin"),
            SubjectName::Driver(name) => name.fmt(f),
            SubjectName::Command(command) => f.write_str(&command.text),
        }
    }
}

impl Serialize for SubjectName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SubjectName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SubjectName, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
