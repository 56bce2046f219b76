//! Tests of what is made of recordings, in one binary for the sake of build time.

mod common;
mod comparison;
mod formats;
mod gate;
mod growth;
mod judge;
mod ledger;
mod observation;
mod progress;
mod recorder;
mod trend;
