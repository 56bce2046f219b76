//! Runs beside each other: as a table on a terminal, as Markdown, and as `comparison.json`.

mod cells;
mod json;
mod summary;

pub(crate) use cells::{LEGEND, cells_with_ratios, refusals, verdict};
pub use json::{COMPARISON_VERSION, ComparisonJson, RowJson, RunJson, SettingJson};
pub use summary::{ComparisonSummary, comparison_markdown};
