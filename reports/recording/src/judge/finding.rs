//! One thing that a policy has to say.

use serde::Serialize;

use super::Verdict;

/// One thing that a policy has to say about a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The policy's name.
    #[serde(rename = "policy")]
    pub rule: &'static str,
    /// How grave it is.
    pub level: Level,
    /// A clause with its numbers, fit for a line of its own: no capital, no full stop.
    pub message: String,
    /// The verdict that it alone would justify; `None` where a run may be clean despite it.
    #[serde(skip)]
    pub supports: Option<Verdict>,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// It keeps the run from being clean.
    Error,
    /// It should be looked at.
    Warn,
    /// It is worth knowing.
    Note,
}

impl Level {
    /// The spelling used in JSON and on terminals.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Note => "note",
        }
    }
}

impl Finding {
    /// A finding that a clean run cannot have.
    pub fn error(rule: &'static str, supports: Verdict, message: String) -> Finding {
        Finding { rule, level: Level::Error, message, supports: Some(supports) }
    }

    /// A finding that a clean run may have.
    pub fn aside(rule: &'static str, level: Level, message: String) -> Finding {
        Finding { rule, level, message, supports: None }
    }
}
