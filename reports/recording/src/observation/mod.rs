//! Observations of any process, with no help from it: what was recorded, and what it means.
//!
//! ```text
//! recording ─► ledger ─► accounts (a class for each resource) ─► suspects ─► judge
//! ```

mod accounts;
mod bounds;
mod judge;
mod ledger;
mod line;
pub mod rate;
mod resource;
mod suspects;

pub use accounts::{Account, Accounts, ResourceClass};
pub use judge::{Diagnosis, rules};
pub use judge::{GROWTH, sample_summary, unobserved_children};
pub use ledger::ObservationLedger;
pub use line::*;
pub use resource::{Resource, Unit};
pub use suspects::{LimitForecast, Suspect};

/// The lines of an observation.
pub type ObservationRecording = crate::recording::Recording<ObservationRecord>;
/// Records an observation.
pub type ObservationRecorder = crate::recording::Recorder<ObservationRecord>;
