//! `gate.json`: the outcome of the gate, for programs. `schema/gate.schema.json` describes it.
//! Within version 2, fields may be added; none is removed or changes its meaning.

use serde::Serialize;

use crate::gate::Outcome;

/// Version of the format, in [`OutcomeJson::version`].
pub const GATE_VERSION: u32 = 2;

/// The outcome of the gate over some recordings. A value that was not measured is `null`.
#[derive(Clone, Debug, Serialize)]
pub struct OutcomeJson<'a> {
    /// [`GATE_VERSION`].
    pub version: u32,
    /// The exit code of the verdict.
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
    let json = OutcomeJson { version: GATE_VERSION, exit_code, outcome };
    serde_json::to_string_pretty(&json).map(|text| text + "\n")
}
