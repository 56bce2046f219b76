//! Reads `comparison.json`: rows and the folders of their runs. Verdicts are not read: each run is
//! judged again from its own recording.

use serde::Deserialize;

use super::{Kind, Refusal, Swept};

/// Name of a comparison's file in its folder.
pub const COMPARISON_FILE: &str = "comparison.json";

/// Version of its format. Other versions are refused.
pub const COMPARISON_VERSION: u32 = 2;

/// The parts of the file that are read. `render::ComparisonJson` writes it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct ComparisonFile {
    pub(crate) kind: Kind,
    pub(crate) command: String,
    pub(crate) rounds: u32,
    pub(crate) interrupted: bool,
    pub(crate) swept: Vec<Swept>,
    pub(crate) rows: Vec<RowFile>,
}

/// A row of the file.
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

/// The folder of a run.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct RunFile {
    pub(crate) round: u32,
    pub(crate) folder: String,
}
