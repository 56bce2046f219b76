//! One finding of a rule.

use leakbench_model::Verdict;
use schemars::JsonSchema;
use serde::Serialize;

/// One finding of a rule about a run or an observation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// Name of the rule.
    #[serde(rename = "policy")]
    pub rule: &'static str,
    /// Severity.
    pub level: Level,
    /// The finding with its numbers: a clause without capital and full stop. It may contain names from
    /// processes and files: data, never markup.
    pub message: String,
    /// The verdict that this finding alone justifies; `None` if the run may be clean despite it.
    #[serde(skip)]
    pub supports: Option<Verdict>,
}

leakbench_model::names! {
    /// Severity of a finding. A run with an error is not clean.
    #[derive(PartialOrd, Ord)]
    Level ("level of a finding") {
        /// The run is not clean, or would not be if it had not ended early.
        Error = "error",
        /// A reader should investigate it.
        Warn = "warn",
        /// A reader may want to know it.
        Note = "note",
    }
}

impl Finding {
    /// An error: a clean run cannot have it.
    pub(crate) fn error(rule: &'static str, supports: Verdict, message: String) -> Finding {
        Finding { rule, level: Level::Error, message, supports: Some(supports) }
    }

    /// A warning: a clean run may have it.
    pub(crate) fn warning(rule: &'static str, message: String) -> Finding {
        Finding { rule, level: Level::Warn, message, supports: None }
    }

    /// A note: a clean run may have it.
    pub fn note(rule: &'static str, message: String) -> Finding {
        Finding { rule, level: Level::Note, message, supports: None }
    }
}
