//! Observations of any process without its cooperation: lines, ledger and judge.
//!
//! ```text
//! lines ─► ObservationLedger ─► Accounts (a class for each resource) ─► Suspects ─► Diagnosis
//! ```

mod accounts;
mod bounds;
mod judge;
mod ledger;
mod line;
mod old_objects;
mod spacing;
mod suspects;
mod teardown;
mod together;

pub use accounts::{Account, Accounts, ResourceClass};
pub use judge::{Diagnosis, rules};
pub use judge::{GROWTH, sample_summary, unobserved_children};
pub use ledger::ObservationLedger;
pub use line::*;
pub use old_objects::{AGE_MAX, OldObjects};
pub use suspects::{LimitForecast, Suspect};

/// The minimum time between two samples, in ms. With shorter intervals most of the change between two
/// samples would be the sampler's own.
pub const INTERVAL_MIN_MS: u64 = 5;

/// The recording of an observation.
pub type ObservationRecording = crate::recording::Recording<ObservationRecord>;
/// The recorder of an observation.
pub type ObservationRecorder = crate::recording::Recorder<ObservationRecord>;
