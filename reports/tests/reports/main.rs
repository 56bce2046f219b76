//! Tests of what is made of recordings, in one binary for the sake of build time.

mod common;
mod comparison;
mod draw;
mod files;
mod formats;
mod gate;
mod growth;
mod hints;
mod judge;
mod ledger;
mod observation;
mod progress;
mod recorded;
mod recorder;
mod report_of_comparison;
mod report_of_observation;
mod report_of_run;
mod trend;
