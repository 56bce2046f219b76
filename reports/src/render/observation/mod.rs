//! What an observation of any process looks like, one file a format.

mod headline;
mod json;
mod progress;
mod terminal;

pub use headline::observation_headline;
pub use json::{
    ExampleJson, ForecastJson, ObservationJson, ProcessJson, ResourceJson, SuspectJson,
};
pub use progress::ObservationProgress;
pub use terminal::ObservationSummary;
