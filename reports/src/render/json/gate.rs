//! `gate.json`: the outcome of the gate, for programs.

use serde::Serialize;

use super::RESULT_VERSION;
use crate::gate::Outcome;

/// The outcome of the gate over some recordings. A value that was not measured is `null`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OutcomeJson<'a> {
    /// Version of the format.
    #[cfg_attr(test, schemars(with = "super::schema::Version"))]
    pub version: u32,
    /// The exit code of the verdict.
    #[cfg_attr(test, schemars(with = "super::schema::GateExitCode"))]
    pub exit_code: u8,
    /// The verdict, and the outcome of each policy.
    #[serde(flatten)]
    pub outcome: &'a Outcome,
}

/// An outcome as text: indented, with a newline at the end.
///
/// # Errors
/// Never: every part of an outcome has a JSON form.
pub fn gate_json(outcome: &Outcome) -> Result<String, serde_json::Error> {
    let exit_code = outcome.verdict.exit_code();
    let json = OutcomeJson { version: RESULT_VERSION, exit_code, outcome };
    serde_json::to_string_pretty(&json).map(|text| text + "\n")
}
