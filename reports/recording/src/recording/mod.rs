//! The recording of a run or of an observation: its lines, one recorder and one reader for both.
//!
//! A recording is a file of JSON objects, one a line, in the order of events.

mod error;
mod file;
mod line;
mod read;
mod recorder;
mod repeats;
mod run;
mod run_bounds;
mod slot_map;
mod thinning;

pub use error::RecordingError;
pub use line::{Group, Keep, Line, List, Member, Pins, RecordingKind};
pub use read::{RECORDING_FILE, Recording};
pub use recorder::Recorder;
pub use run::*;
pub use slot_map::{SlotMap, SlotRun};
