//! What a run, or an observation, looks like to people and to programs: one file a format. Pure: each makes text of
//! a ledger and its judgement, and writes nothing itself.

mod comparison;
mod csv;
mod format;
mod gate;
mod gate_json;
mod github;
mod headline;
mod hints;
mod html;
mod json;
mod junit;
mod markdown;
mod observation;
mod openmetrics;
mod page;
mod progress;
mod table;
mod terminal;

pub use comparison::{
    COMPARISON_VERSION, ComparisonJson, ComparisonSummary, RowJson, RunJson, SettingJson,
    comparison_markdown,
};
pub(crate) use comparison::{
    LEGEND as COMPARISON_LEGEND, cells_with_ratios as comparison_grid, refusals,
    verdict as row_verdict,
};
pub use format::{Format, FormatError, GATE_FILE, Judged, ReportFile};
pub use gate::gate_summary;
pub use gate_json::{GATE_VERSION, OutcomeJson, gate_json};
pub use headline::headline;
pub(crate) use headline::verdict_word;
pub use hints::{Kept, comparison_hints, observation_hints, run_hints};
pub use html::html;
pub use json::{
    AtEndJson, HolderJson, ImagesJson, LingeringJson, PeakJson, RESULT_VERSION, ReleaseJson,
    ResultJson, SubjectJson, SupervisorJson,
};
pub use observation::{
    ExampleJson, ForecastJson, ObservationJson, ObservationProgress, ObservationSummary,
    ProcessJson, ResourceJson, SuspectJson, observation_headline,
};
pub use page::Closing;
pub use progress::Progress;
pub use terminal::TerminalSummary;
pub(crate) use terminal::{about, holder, lingering_image};

pub use leakbench_model::text::printable;
pub use leakbench_model::text::utc;
