//! What the gate says.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use leakbench_model::Verdict;

/// What the gate says of some recordings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Clean if it passes; a leak if a policy of level error failed or was flaky.
    pub verdict: Verdict,
    /// The verdict in a sentence, [`crate::render::printable`].
    pub headline: String,
    /// Where the budget is from: a file's name, or `default budgets`.
    pub budget: String,
    /// Every policy of every group of recordings, also those that are off.
    pub policies: Vec<PolicyOutcome>,
}

/// How a policy came out for one run, or for several attempts at the same run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyOutcome {
    /// The policy's key in a budget file: `lingering-at-end`.
    pub policy: &'static str,
    /// What it was applied to: the name of the recording, or of the run that has several attempts.
    pub run: String,
    /// What its failure means.
    pub level: PolicyLevel,
    /// How it came out.
    pub status: Status,
    /// What was measured, as people read it. `None` where nothing was.
    pub measured: Option<String>,
    /// What was allowed: `at most 0`.
    pub allowed: String,
    /// A sentence, without its full stop: `12 images lingering at the end, budget 0: inode 4711 of
    /// module 88, held by slot 17 (affine), ...`.
    pub message: String,
    /// The lines that it was read off.
    pub evidence: Vec<Evidence>,
}

/// What the failure of a policy means.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyLevel {
    /// It is not looked at.
    Off,
    /// It is told, and the gate passes.
    Warn,
    /// The gate fails.
    Error,
}

/// How a policy came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It was not looked at.
    Off,
    /// Within the budget, at every attempt.
    Passed,
    /// Within the budget at some attempts, and not at others.
    Flaky,
    /// A witness failed, or there is too little to tell from. Never a pass.
    Inconclusive,
    /// Beyond the budget, at every attempt.
    Failed,
}

/// A line that something was read off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The recording's file; of one that is no UTF-8 JSON has what can be shown of it.
    #[serde(serialize_with = "shown")]
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is there: `barrier of subject 0 after 3,000 cycles: 942 lingering`.
    pub what: String,
}

/// serde's own refuses a path that is no UTF-8, and with it the whole outcome.
fn shown<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}
