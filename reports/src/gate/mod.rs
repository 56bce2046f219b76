//! The gate: recordings judged by a budget that is checked in, so that CI can trust the answer.
//! Pure: budget, baseline and recordings go in, an outcome for each policy comes out.

mod outcome;

pub use outcome::{Evidence, Outcome, PolicyLevel, PolicyOutcome, Status};
