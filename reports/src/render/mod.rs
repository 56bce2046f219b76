//! A run, an observation or a comparison as text, for people and for programs: a file or a folder
//! for each format. Pure: each makes text of what was judged, and writes nothing itself.

mod csv;
mod faults;
mod format;
mod gate;
mod github;
mod hints;
mod html;
mod json;
mod junit;
mod layout;
mod markdown;
mod openmetrics;
mod progress;
mod summary;
mod table;
mod width;

pub use faults::fault_text;
pub use format::{Format, FormatError, GATE_FILE, Judged, RESULT_FILE, ReportFile};
pub use gate::gate_summary;
pub use hints::{Kept, comparison_hints, observation_hints, run_hints};
pub use html::{fault_page, html};
pub use json::*;
pub use layout::Closing;
pub use markdown::comparison_markdown;
pub use progress::{ObservationProgress, Progress, RunProgress, RunSample};
pub use summary::{Summary, SummaryStyle};

pub use leakbench_model::text::{printable, utc};
