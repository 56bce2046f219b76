//! A policy: a row of constants, and two functions that read a run.

use std::borrow::Cow;

use leakbench_model::Resource;

use super::PolicyLevel;
use super::budget::{PolicySetting, Suggest};
use super::measurement::{Measurement, NotMeasured};
use super::numbers::{figure, percent};
use super::runs::Run;
use leakbench_model::text::duration_ns;

/// The name of the check for deaths, interruptions and failed witnesses. No budget sets it.
pub const MEASUREMENT: &str = "measurement";

/// A policy. Each is a constant in a file of its own, and a row of [`super::policies::POLICIES`].
///
/// In `name`, `about` and `sentence` of a policy of a resource, `{}` stands for the resource.
#[derive(Debug)]
pub(super) struct Policy {
    /// Its key in a budget file, in kebab-case.
    pub(super) name: &'static str,
    /// The value that it bounds, for a comment: no capital, no full stop.
    pub(super) about: &'static str,
    /// The unit of the measured value.
    pub(super) unit: Unit,
    /// Its level in a budget that does not name it.
    pub(super) level: PolicyLevel,
    /// The bounds that a budget may set, with their default values.
    pub(super) keys: &'static [Key],
    /// The budget may exempt resources with the key [`ALLOW`].
    pub(super) exempts_resources: bool,
    /// Its value is a ratio to runs that are given with `--against`.
    pub(super) needs_baseline_runs: bool,
    /// Its sentence about a value and its limit, with `{value}` and then `{limit}`.
    pub(super) sentence: &'static str,
    /// Reads its value from a run. Evaluated once for each run.
    pub(super) measure: Measure,
    /// Makes its entry of a budget file from measured runs.
    pub(super) suggest: Suggest,
}

/// Reads the value of the setting's policy from a run; the last argument are the runs that were
/// given with `--against`.
pub(super) type Measure =
    fn(&PolicySetting, &Run<'_>, &[Run<'_>]) -> Result<Measurement, NotMeasured>;

/// The unit of a measured value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// A number of objects.
    Count,
    /// Microseconds.
    Microseconds,
    /// A ratio of two rates.
    Ratio,
    /// An amount of a resource: a number of objects, or bytes.
    Resource(Resource),
}

/// A bound that a budget may set.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) limit: LimitKind,
    pub(super) numbers: Numbers,
    /// Its value in a budget that sets no bound of the policy; `None` if it bounds nothing then.
    pub(super) default: Option<f64>,
    /// The limit in words, with `{}` for its value and `{key}` for the key's name: `at most {}`.
    pub(super) words: &'static str,
}

/// How a bound limits a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LimitKind {
    /// The value must not be above it.
    Maximum,
    /// The value must not be below it.
    Minimum,
    /// The value must not be above it times the baseline's value.
    OverBaseline,
}

/// The numbers that a bound may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// Whole numbers from 0.
    Whole,
    /// Numbers from 0.
    NotNegative,
    /// Numbers from 0 to 1.
    Share,
    /// Numbers above 0.
    Positive,
}

/// The key of the resources that may grow.
pub(super) const ALLOW: &str = "allow";
/// The key of a bound on an amount.
pub(super) const MAX: &str = "max";
/// The key of a bound that is a multiple of the baseline's value.
pub(super) const OVER_BASELINE: &str = "over-baseline";

impl Policy {
    /// Its key in a budget file.
    pub(super) fn name(&self) -> Cow<'static, str> {
        self.filled(self.name, Resource::dashed)
    }

    /// The value that it bounds, for a comment.
    pub(super) fn about(&self) -> Cow<'static, str> {
        self.filled(self.about, |resource| resource.noun().to_owned())
    }

    fn filled(&self, text: &'static str, word: fn(Resource) -> String) -> Cow<'static, str> {
        match self.resource() {
            Some(resource) => text.replace("{}", &word(resource)).into(),
            None => text.into(),
        }
    }

    /// The resource that it bounds, if it bounds one.
    pub(super) fn resource(&self) -> Option<Resource> {
        match self.unit {
            Unit::Resource(resource) => Some(resource),
            Unit::Count | Unit::Microseconds | Unit::Ratio => None,
        }
    }

    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// A baseline file has its value, so that `over-baseline` can be set.
    pub(super) fn has_baseline(&self) -> bool {
        self.keys.iter().any(|key| key.limit == LimitKind::OverBaseline)
    }

    /// Its sentence about `value` and `limit`.
    pub(super) fn sentence(&self, value: &str, limit: &str) -> String {
        let (before, rest) = self.sentence.split_once("{value}").unwrap_or(("", self.sentence));
        let (between, after) = rest.split_once("{limit}").unwrap_or((rest, ""));
        format!("{before}{value}{between}{limit}{after}")
    }

    /// A bound's value with its unit.
    pub(super) fn shown(&self, key: &Key, value: f64) -> String {
        match (key.limit, key.numbers) {
            (LimitKind::OverBaseline, _) => figure(value),
            (_, Numbers::Share) => percent(value),
            _ => self.unit.shown(value),
        }
    }
}

impl Unit {
    /// An amount in this unit: `2,045`, `41.2 MiB`, `260 µs`.
    pub(super) fn shown(self, amount: f64) -> String {
        match self {
            Unit::Count | Unit::Ratio => figure(amount),
            Unit::Microseconds => duration_ns((amount * 1e3) as u64),
            Unit::Resource(resource) => of_resource(resource, amount),
        }
    }
}

/// An amount that need not be whole, and may be negative.
fn of_resource(resource: Resource, amount: f64) -> String {
    use leakbench_model::Unit as Counted;
    match resource.unit() {
        Counted::Count => figure(amount),
        Counted::Bytes if amount.round() == 0.0 => "0 bytes".to_owned(),
        Counted::Bytes => {
            let sign = if amount < 0.0 { "−" } else { "" };
            format!("{sign}{}", resource.amount(amount.abs().round() as u64))
        }
    }
}

impl Numbers {
    /// The numbers in words, after "must be".
    pub(super) fn words(self) -> &'static str {
        match self {
            Numbers::Whole => "a whole number from 0",
            Numbers::NotNegative => "a number from 0",
            Numbers::Share => "a number from 0 to 1",
            Numbers::Positive => "a number above 0",
        }
    }
}

impl Key {
    /// A limit in words: `at most 0`.
    pub(super) fn limited_to(&self, value: &str) -> String {
        self.words.replace("{key}", self.name).replace("{}", value)
    }

    /// A maximum of a whole number.
    pub(super) const fn max(default: Option<f64>) -> Key {
        let (limit, numbers) = (LimitKind::Maximum, Numbers::Whole);
        Key { name: MAX, limit, numbers, default, words: "at most {}" }
    }

    /// A maximum as a multiple of the baseline's value.
    pub(super) const fn over_baseline() -> Key {
        let (limit, numbers) = (LimitKind::OverBaseline, Numbers::Positive);
        let words = "at most {} of the baseline";
        Key { name: OVER_BASELINE, limit, numbers, default: None, words }
    }
}
