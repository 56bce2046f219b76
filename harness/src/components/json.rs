//! A survey as JSON. Pure.

use leakbench_components::Plan;
use serde::Serialize;

use super::Survey;
use super::cost::{Cost, MemoryOfInstance};
use super::fit::{Fits, Limits};
use super::text::conclusion;

/// Version of the JSON.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    file: String,
    headline: String,
    plan: &'a Plan,
    /// The memories of an instance in the order in which they are made.
    memories: &'a [MemoryOfInstance],
    /// What an instance takes.
    pooled: Option<Cost>,
    on_demand: Cost,
    /// Of a loaded copy, whose instances share them.
    descriptors: u64,
    /// This machine.
    limits: &'a Limits,
    /// How many instances fit into a process.
    fit: Fits,
}

/// # Errors
/// The survey has no JSON form.
pub(super) fn document(survey: &Survey) -> Result<String, serde_json::Error> {
    let Survey { path, plan, costs, limits, fits } = survey;
    let json = Json {
        version: VERSION,
        file: path.display().to_string(),
        headline: conclusion(survey),
        plan,
        memories: &costs.memories,
        pooled: costs.pooled,
        on_demand: costs.on_demand,
        descriptors: costs.descriptors,
        limits,
        fit: *fits,
    };
    Ok(serde_json::to_string_pretty(&json)? + "\n")
}
