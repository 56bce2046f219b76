//! Observations of any process, with no help from it: what was recorded, and what it means.
//!
//! ```text
//! recording ─► ledger ─► accounts (a class for each resource) ─► suspects ─► judge
//! ```

mod accounts;
mod judge;
mod ledger;
pub mod rate;
mod record;
mod recorder;
mod recording;
mod resource;
mod suspects;

pub use accounts::{Account, Accounts, ResourceClass};
pub use judge::{Diagnosis, OBSERVATION_RULES};
pub use judge::{GROWTH, sample_summary, unobserved_children};
pub use ledger::ObservationLedger;
pub use record::*;
pub use recorder::ObservationRecorder;
pub use recording::ObservationRecording;
pub use resource::{Resource, Unit};
pub use suspects::{LimitForecast, Suspect};
