//! Tests of what is made of recordings, in one binary for the sake of build time.

#[path = "../../recording/tests/fixtures/mod.rs"]
mod fixtures;

mod any_run;
mod common;
mod comparison;
mod draw;
mod faults;
mod files;
mod formats;
mod gate;
mod growth;
mod hints;
mod observation;
mod progress;
mod recorded;
mod report_of_comparison;
mod report_of_observation;
mod report_of_run;
