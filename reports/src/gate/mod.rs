//! The gate: recordings judged by a budget that is checked in, for CI. Pure: budget, baseline and
//! recordings go in, an outcome for each policy comes out.
//!
//! ```text
//! recordings ─► runs, in groups of attempts ─► policies: a measurement of each run, once
//!                                                   │         └────► gate init, gate baseline
//! budget, baseline ─► limits ─► evaluation of each measurement
//!                                                   │
//!                     attempts put together ─► outcome ─► explain, and the formats of render
//! ```
//!
//! A policy is a file in `policies` and a row of its table; `policies/mod.rs` describes how to add one.

mod attempts;
mod baseline;
mod budget;
mod completeness;
mod error;
mod evaluated;
mod explain;
mod identity;
mod judge;
mod limit;
mod measurement;
mod numbers;
mod outcome;
mod policies;
mod policy;
mod runs;
mod toml_text;
mod verdict;

pub use baseline::{Baseline, BaselineError};
pub use budget::{Budget, BudgetError, BudgetProblem};
pub use error::GateError;
pub use explain::explain;
pub use judge::judge;
pub use outcome::{Evidence, Outcome, PolicyLevel, PolicyOutcome, Status};
pub use policy::MEASUREMENT;
pub use verdict::GateVerdict;

use std::borrow::Cow;

/// The names of all policies that a budget may set, in the order of reports.
pub fn policy_names() -> impl Iterator<Item = Cow<'static, str>> {
    policies::POLICIES.iter().map(policy::Policy::name)
}
