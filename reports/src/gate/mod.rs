//! The gate: recordings judged by a budget that is checked in, so that CI can trust the answer.
//! Pure: budget, baseline and recordings go in, an outcome for each policy comes out.
//!
//! ```text
//! recordings ─► units (attempts at one scenario) ─► check (a file a family of policies) ─► outcome
//! budget, baseline, baseline runs ──────────────────┘                            explain, summary
//! ```

mod baseline;
mod budget;
mod check;
mod effect;
mod explain;
mod identity;
mod judge;
mod outcome;
mod policy;
mod runs;
mod toml_text;

pub use baseline::{Baseline, BaselineError};
pub use budget::{Budget, BudgetError, BudgetProblem};
pub use explain::explain;
pub use judge::{GateError, judge};
pub use outcome::{Evidence, Outcome, PolicyLevel, PolicyOutcome, Status};
pub use policy::{MEASUREMENT, Policy};
