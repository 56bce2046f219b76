//! Results as JSON for programs. All documents have one version: within it, fields may be added,
//! and none changes its meaning or is removed. `schema/` describes them.

mod comparison;
mod gate;
mod observation;
mod run;
#[cfg(test)]
mod schema;

pub use comparison::{ComparisonJson, RowJson, RunJson, SettingJson};
pub use gate::{OutcomeJson, gate_json};
pub use observation::{
    ExampleJson, ForecastJson, ObservationJson, ProcessJson, ResourceJson, SuspectJson,
};
pub use run::{LingeringJson, ReleaseJson, ResultJson, SubjectJson, SupervisorJson};

use leakbench_model::{Footprint, Resource, Verdict};
use leakbench_recording::ledger::Images;
use serde::{Serialize, Serializer};

/// Version of `result.json`, `comparison.json` and `gate.json`.
pub const RESULT_VERSION: u32 = 2;

/// The first fields of a result.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct VerdictJson {
    /// Version of the format. Within a version, fields may be added, and none changes its meaning
    /// or is removed.
    #[cfg_attr(test, schemars(with = "schema::Version"))]
    pub version: u32,
    /// The verdict.
    pub verdict: Verdict,
    /// The exit code of the verdict.
    #[cfg_attr(test, schemars(with = "schema::ExitCode"))]
    pub exit_code: u8,
    /// The verdict in a sentence, for people.
    pub headline: String,
}

/// The last fields of a result: how to reproduce it, and the machine.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OriginJson<'a> {
    /// The command that reproduces it.
    pub command: &'a str,
    /// Its start, in seconds since 1970.
    pub started_unix_s: u64,
    /// The machine.
    pub fingerprint: &'a serde_json::Map<String, serde_json::Value>,
}

/// Images by their fate: `made` is the sum of the others.
pub type ImagesJson = Images;

/// The amount of each resource that a run samples; `null` where it was not measured.
#[derive(Clone, Copy, Debug)]
pub struct AmountsJson(Footprint);

impl Serialize for AmountsJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Resource::OF_A_RUN.map(|resource| (resource, self.0.of(resource))))
    }
}

impl VerdictJson {
    fn new(verdict: Verdict, headline: String) -> VerdictJson {
        VerdictJson { version: RESULT_VERSION, verdict, exit_code: verdict.exit_code(), headline }
    }
}

/// A document: indented, with a newline at the end.
fn to_text(document: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(document).map(|text| text + "\n")
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1e3
}

fn microseconds(ns: u64) -> f64 {
    ns as f64 / 1e3
}
