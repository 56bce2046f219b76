//! What can be wrong with a budget file.

use super::Budget;
use crate::gate::policy::{MEASUREMENT, Policy};
use leakbench_model::text::printable;

/// A budget file that cannot be taken at its word: then nothing is judged, since a policy that is
/// misspelt must not pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {problem}", printable(file), line.map_or(String::new(), |line| format!(":{line}")))]
pub struct BudgetError {
    /// The file.
    pub file: String,
    /// The line, from 1, where one can be named.
    pub line: Option<usize>,
    /// What is wrong there.
    pub problem: Box<BudgetProblem>,
}

/// What is wrong with a budget file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BudgetProblem {
    /// It is no TOML.
    #[error("{}", printable(.0))]
    NotToml(String),
    /// It does not say how it is to be read.
    #[error("`version = {}` is missing: it says how the file is to be read", Budget::VERSION)]
    NoVersion,
    /// It is of a version that this leakbench does not know.
    #[error("version {found} is not known; this leakbench reads version {}", Budget::VERSION)]
    OtherVersion {
        /// As it is in the file.
        found: String,
    },
    /// A key that nothing reads.
    #[error("unknown key `{}` in {place}{}; known are: {}", printable(found), hint(meant), known.join(", "))]
    UnknownKey {
        /// As it is in the file.
        found: String,
        /// The table that it is in.
        place: String,
        /// What was probably meant.
        meant: Option<String>,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// A policy that there is not.
    #[error("unknown policy `{}`{}; known are: {}", printable(found), hint(meant),
        Policy::ALL.map(Policy::name).join(", "))]
    UnknownPolicy {
        /// As it is in the file.
        found: String,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// What no budget changes.
    #[error(
        "policy {MEASUREMENT} cannot be set: deaths and failed witnesses are told whatever the budget"
    )]
    Measurement,
    /// A value of another kind.
    #[error("`{key}` of {place} must be {wanted}, and is {}", printable(found))]
    WrongValue {
        /// The key.
        key: String,
        /// The table that it is in.
        place: String,
        /// What it must be.
        wanted: String,
        /// What it is.
        found: String,
    },
    /// A policy that is on and allows anything.
    #[error("policy {policy} bounds nothing: give {}, or `level = \"off\"`", keys.join(" or "))]
    BoundsNothing {
        /// The policy.
        policy: &'static str,
        /// The keys that it may have.
        keys: Vec<&'static str>,
    },
}

fn hint(meant: &Option<String>) -> String {
    meant.as_ref().map_or(String::new(), |meant| format!(" (did you mean `{meant}`?)"))
}
