//! The recording: what a run observed, as lines that outlive it.

mod record;

pub use record::*;
