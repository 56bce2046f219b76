//! Observations of any process, with no help from it: what was recorded, what it means, and what
//! is drawn from it.

mod record;
mod recorder;
mod recording;
mod resource;

pub use record::*;
pub use recorder::ObservationRecorder;
pub use recording::ObservationRecording;
pub use resource::Resource;
