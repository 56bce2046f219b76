//! The errors of a budget file.

use leakbench_model::text::printable;

use super::Budget;
use crate::gate::policy::MEASUREMENT;

/// A budget file that cannot be read in full. Nothing is judged by it: a misspelt policy must not
/// pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {problem}", printable(file), line.map_or(String::new(), |line| format!(":{line}")))]
pub struct BudgetError {
    /// The file.
    pub file: String,
    /// The line, from 1; `None` if the fault is of no line.
    pub line: Option<usize>,
    /// The fault.
    pub problem: Box<BudgetProblem>,
}

/// A fault of a budget file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BudgetProblem {
    /// It is not TOML.
    #[error("{}", printable(.0))]
    NotToml(String),
    /// Of a baseline: its last line has no end.
    #[error(
        "the last line has no end, so the file may be cut: write it again with `leakbench gate \
         baseline`, or end the line"
    )]
    Cut,
    /// It has no version.
    #[error("it has no version: add the line `version = {}`", Budget::VERSION)]
    NoVersion,
    /// It has a version that this leakbench does not know.
    #[error("version {found} is not supported: this leakbench reads version {}", Budget::VERSION)]
    OtherVersion {
        /// As it is in the file.
        found: String,
    },
    /// It has an unknown key, policy or resource.
    #[error(
        "unknown {kind} `{}` in {place}{}; known: {}",
        printable(found), hint(meant), known.join(", ")
    )]
    UnknownName {
        /// `key`, `policy` or `resource`.
        kind: &'static str,
        /// As it is in the file.
        found: String,
        /// The table that it is in.
        place: String,
        /// The most similar known name.
        meant: Option<String>,
        /// Every known name.
        known: Vec<String>,
    },
    /// It sets [`MEASUREMENT`].
    #[error(
        "policy {MEASUREMENT} cannot be set: deaths and failed witnesses are always reported; \
         remove its table"
    )]
    Measurement,
    /// A value has the wrong type or is out of range.
    #[error("`{key}` of {place} must be {wanted}, and is {}", printable(found))]
    WrongValue {
        /// The key.
        key: String,
        /// The table that it is in.
        place: String,
        /// The values that it may have.
        wanted: String,
        /// As it is in the file.
        found: String,
    },
    /// A policy is on and has no bound.
    #[error("policy {policy} has no bound: add {}, or `level = \"off\"`", keys.join(" or "))]
    NoBound {
        /// The policy.
        policy: String,
        /// The bounds that it may have.
        keys: Vec<&'static str>,
    },
}

fn hint(meant: &Option<String>) -> String {
    meant.as_ref().map_or(String::new(), |meant| format!(" (did you mean `{meant}`?)"))
}
