//! What a run, or an observation, looks like to people and to programs: one file a format. Pure: each makes text of
//! a ledger and its judgement, and writes nothing itself.

mod comparison;
#[cfg(feature = "report")]
mod csv;
#[cfg(feature = "report")]
mod format;
#[cfg(feature = "report")]
mod gate;
#[cfg(feature = "report")]
mod gate_json;
#[cfg(feature = "report")]
mod github;
mod headline;
mod hints;
#[cfg(feature = "report")]
mod html;
mod json;
#[cfg(feature = "report")]
mod junit;
#[cfg(feature = "report")]
mod markdown;
mod observation;
#[cfg(feature = "report")]
mod openmetrics;
mod page;
mod progress;
mod table;
mod terminal;

pub use comparison::{
    COMPARISON_VERSION, ComparisonJson, ComparisonSummary, RowJson, RunJson, SettingJson,
    comparison_markdown,
};
#[cfg(feature = "report")]
pub(crate) use comparison::{
    LEGEND as COMPARISON_LEGEND, cells_with_ratios as comparison_grid, refusals,
    verdict as row_verdict,
};
#[cfg(feature = "report")]
pub use format::{Format, FormatError, GATE_FILE, Judged, ReportFile};
#[cfg(feature = "report")]
pub use gate::gate_summary;
#[cfg(feature = "report")]
pub use gate_json::{GATE_VERSION, OutcomeJson, gate_json};
pub use headline::headline;
pub(crate) use headline::verdict_word;
pub use hints::{Kept, comparison_hints, observation_hints, run_hints};
#[cfg(feature = "report")]
pub use html::html;
pub use json::{
    AtEndJson, HolderJson, ImagesJson, LingeringJson, PeakJson, RESULT_VERSION, ReleaseJson,
    ResultJson, SubjectJson, SupervisorJson,
};
pub use observation::{
    ExampleJson, MeetingJson, ObservationJson, ObservationProgress, ObservationSummary,
    ProcessJson, ResourceJson, SuspectJson, observation_headline,
};
pub use page::Closing;
pub use progress::Progress;
pub use terminal::TerminalSummary;
#[cfg(feature = "report")]
pub(crate) use terminal::{about, holder, lingering_image};

pub use crate::words::printable;
#[cfg(feature = "report")]
pub use crate::words::utc;
