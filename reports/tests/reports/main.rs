//! Tests of what is made of recordings, in one binary for the sake of build time.

mod common;
mod comparison;
mod draw;
mod formats;
mod growth;
mod judge;
mod ledger;
mod observation;
mod progress;
mod recorder;
mod report_of_run;
mod trend;
