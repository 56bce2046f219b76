//! The recording: what a run observed, as lines that outlive it.

mod error;
mod file;
mod read;
mod record;
mod recorder;
mod slot_map;
mod thinning;

pub use error::RecordingError;
pub use file::Kept;
pub use leakbench_model::{Counts, Histogram, LastStep};
pub use read::{Line, read_lines};
pub use read::{RECORDING_FILE, Recording, RecordingKind};
pub use record::*;
pub use recorder::Recorder;
pub use slot_map::{SlotCell, SlotMap};
