//! `gate.json`: what the gate says, for programs. A versioned format, described by
//! `schema/gate.schema.json`: within version 2 fields may be added, and none changes its meaning or
//! goes.

use serde::Serialize;

use crate::gate::Outcome;

/// Version of the format, in [`OutcomeJson::version`].
pub const GATE_VERSION: u32 = 2;

/// What the gate says of some recordings. What was not measured is `null`.
#[derive(Clone, Debug, Serialize)]
pub struct OutcomeJson<'a> {
    /// [`GATE_VERSION`].
    pub version: u32,
    /// The exit code that goes with the verdict.
    pub exit_code: u8,
    /// The verdict, and how each policy came out.
    #[serde(flatten)]
    pub outcome: &'a Outcome,
}

/// An outcome as text: indented, with a newline at the end.
///
/// # Errors
/// None that an outcome can have: every part of it has a JSON form.
pub fn gate_json(outcome: &Outcome) -> Result<String, serde_json::Error> {
    let exit_code = outcome.verdict.exit_code();
    let json = OutcomeJson { version: GATE_VERSION, exit_code, outcome };
    serde_json::to_string_pretty(&json).map(|text| text + "\n")
}
