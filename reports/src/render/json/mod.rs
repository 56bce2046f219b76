//! Results as JSON for programs. All documents have one version: within it, fields may be added,
//! and none changes its meaning or is removed. `schema/` describes them.

mod comparison;
mod observation;
mod run;
#[cfg(test)]
mod schema;

pub use comparison::{ComparisonJson, RowJson, RunJson, SettingJson};
pub use observation::{
    ExampleJson, ForecastJson, ObservationJson, ProcessJson, ResourceJson, SuspectJson,
};
pub use run::{HolderJson, LingeringJson, ReleaseJson, ResultJson, SubjectJson, SupervisorJson};

use leakbench_model::Verdict;
use leakbench_recording::ledger::Images;
use leakbench_recording::recording::Footprint;
use serde::Serialize;

/// Version of `result.json`, of a run as of an observation.
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
    #[cfg_attr(test, schemars(with = "schema::Verdict"))]
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
    /// When it began, in seconds since 1970.
    pub started_unix_s: u64,
    /// The machine.
    pub fingerprint: &'a serde_json::Map<String, serde_json::Value>,
}

/// Images by their fate: `made` is the sum of the others.
pub type ImagesJson = Images;

/// Peaks, each at its own time, summed over processes.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PeakJson {
    /// Mappings.
    pub mappings: Option<u64>,
    /// Open descriptors.
    pub fds: Option<u64>,
    /// Resident memory in bytes.
    pub rss_bytes: Option<u64>,
    /// Resident shared memory, with pages of memfds.
    pub shmem_bytes: Option<u64>,
    /// Page tables in bytes.
    pub page_tables_bytes: Option<u64>,
}

/// The footprint after every module was dropped, summed over processes.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AtEndJson {
    /// Mappings.
    pub mappings: Option<u64>,
    /// Mappings of memfds.
    pub memfd_mappings: Option<u64>,
    /// Open descriptors.
    pub fds: Option<u64>,
    /// Resident memory in bytes.
    pub rss_bytes: Option<u64>,
}

impl VerdictJson {
    fn new(verdict: Verdict, headline: String) -> VerdictJson {
        VerdictJson { version: RESULT_VERSION, verdict, exit_code: verdict.exit_code(), headline }
    }
}

impl AtEndJson {
    fn of(at_end: &Footprint) -> AtEndJson {
        AtEndJson {
            mappings: at_end.mappings,
            memfd_mappings: at_end.memfd_mappings,
            fds: at_end.fds,
            rss_bytes: at_end.rss_bytes,
        }
    }
}

impl PeakJson {
    fn of(peak: &Footprint) -> PeakJson {
        PeakJson {
            mappings: peak.mappings,
            fds: peak.fds,
            rss_bytes: peak.rss_bytes,
            shmem_bytes: peak.shmem_bytes,
            page_tables_bytes: peak.page_tables_bytes,
        }
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
