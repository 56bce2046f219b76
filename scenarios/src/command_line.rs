//! The reproduce command of a scenario.

use std::num::NonZeroU32;

use crate::flag::{self, Choice};
use crate::options::{Offer, Options, Scenario};
use crate::shell;
use crate::value::Value;

impl Scenario {
    /// The reproduce command, [for a shell](shell::command): every flag whose value is not the default,
    /// and `--processes`, whose default depends on the machine.
    ///
    /// Paths stay as given, so the command belongs to the same folder. Bytes of a path that are
    /// not UTF-8 become replacement characters.
    pub fn command_line(&self) -> String {
        shell::command(self.command_words())
    }

    /// The words of [`Scenario::command_line`].
    pub fn command_words(&self) -> Vec<String> {
        let default = Scenario::new(Options::default(), &Offer::builtin(), NonZeroU32::MIN)
            .unwrap_or_else(|error| unreachable!("the defaults go together: {error}"));
        let mut command = Command(vec!["leakbench".to_owned()]);
        self.write_flags(&mut command, &default);
        command.0
    }
}

/// The words of a command, to which flags are added. `name` is the field that a flag fills.
pub(crate) struct Command(Vec<String>);

impl Command {
    /// An option that every run has.
    pub(crate) fn always<T: Value + PartialEq>(&mut self, name: &str, value: &T, default: &T) {
        if value != default {
            self.value(name, value);
        }
    }

    /// A choice that the runtime may not have, with its default if that is known.
    pub(crate) fn choice<T: Value + PartialEq>(
        &mut self,
        name: &str,
        value: &Option<T>,
        default: Option<&Option<T>>,
    ) {
        if default != Some(value) {
            self.values(name, value);
        }
    }

    /// An option that may be absent, or given several times.
    pub(crate) fn values<C: Choice>(&mut self, name: &str, values: &C) {
        for value in values.iter() {
            self.value(name, value);
        }
    }

    pub(crate) fn value<T: Value>(&mut self, name: &str, value: &T) {
        let (name, value) = (flag::name(name), value.text());
        // Else it would be read as a flag, or as no value of this one.
        if value.starts_with('-') || T::ALONE.is_some() {
            self.0.push(format!("--{name}={value}"));
        } else {
            self.0.extend([format!("--{name}"), value]);
        }
    }
}
