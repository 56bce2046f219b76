//! Tests of what is made of recordings, in one binary for the sake of build time.

mod common;
mod formats;
mod judge;
mod ledger;
mod observation;
mod progress;
mod recorder;
mod trend;
