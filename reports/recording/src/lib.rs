//! What a run or an observation recorded, and what is concluded from it. Pure, but that
//! [`recording`] reads and writes files.
//!
//! ```text
//! recording ─► ledger ─► judge        observation: the same stages for any process
//! ```

pub mod judge;
pub mod ledger;
pub mod observation;
pub mod recording;
pub mod trend;
