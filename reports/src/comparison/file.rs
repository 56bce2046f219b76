//! `comparison.json` read back: what was compared, and which folder has which run. What the runs
//! came to is not read from it but judged anew, each from its own recording.

use serde::Deserialize;

use super::{Kind, Refusal, Swept};

/// Name of a comparison's file in its folder.
pub const COMPARISON_FILE: &str = "comparison.json";

/// Version of its format. Other versions are refused.
pub const COMPARISON_VERSION: u32 = 2;

/// What is read of the file. It is written by [`crate::render::ComparisonJson`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct ComparisonFile {
    pub(crate) kind: Kind,
    pub(crate) command: String,
    pub(crate) rounds: u32,
    pub(crate) interrupted: bool,
    pub(crate) swept: Vec<Swept>,
    pub(crate) rows: Vec<RowFile>,
}

/// A row of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct RowFile {
    pub(crate) name: String,
    pub(crate) subject: String,
    pub(crate) settings: Vec<SettingFile>,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) runs: Vec<RunFile>,
}

/// A swept flag's value, in the order of the swept flags.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct SettingFile {
    pub(crate) value: String,
}

/// Where a run is.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct RunFile {
    pub(crate) round: u32,
    pub(crate) folder: String,
}
