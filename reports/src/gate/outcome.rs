//! The outcome of the gate: plain data that every format of it is written from.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use leakbench_model::text::printable;
use serde::{Serialize, Serializer};

use super::GateVerdict;

/// The outcome of a gate over some recordings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Outcome {
    /// The gravest verdict of the policies of level error.
    pub verdict: GateVerdict,
    /// The verdict in a sentence, for people. Control characters are escaped.
    pub headline: String,
    /// The budget's source: a file's name, or `default budgets`.
    pub budget: String,
    /// Every policy of every run, also those that are off.
    pub policies: Vec<PolicyOutcome>,
}

impl Outcome {
    /// The policy whose sentence the headline has, if it is not a pass.
    pub fn decisive(&self) -> Option<&PolicyOutcome> {
        let quotes = |policy: &&PolicyOutcome| {
            let sentence = format!("{}{}", policy.policy, quoted(policy));
            self.headline.contains(&sentence)
        };
        self.policies.iter().find(quotes)
    }

    /// The headline without that sentence, for texts that have it above.
    pub fn short_headline(&self) -> String {
        match self.decisive() {
            Some(policy) => self.headline.replacen(&quoted(policy), "", 1),
            None => self.headline.clone(),
        }
    }
}

/// A policy's sentence as headlines have it.
fn quoted(policy: &PolicyOutcome) -> String {
    printable(&format!(": {}", policy.message)).into_owned()
}

/// The outcome of a policy for one run, or for all attempts at one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PolicyOutcome {
    /// The policy's key in a budget file: `lingering-at-end`.
    pub policy: Cow<'static, str>,
    /// The name of the recording; of a run with several attempts, that of the first and their number.
    pub run: String,
    /// The effect of a failure.
    pub level: PolicyLevel,
    /// The outcome.
    pub status: Status,
    /// The measured value with its unit; null if there is none.
    pub measured: Option<String>,
    /// The limits: `at most 0`. Empty if there are none.
    pub allowed: String,
    /// A sentence, without its full stop: `12 images lingering at the end, budget 0: inode 4711 of
    /// module 88, held by slot 17 (affine), ...`. It may contain names of processes and files: data,
    /// never markup.
    pub message: String,
    /// The lines of the recording that the measured value was read from.
    pub evidence: Vec<Evidence>,
}

leakbench_model::names! {
    /// The effect of a policy's failure: none, a warning, or that the gate fails.
    #[derive(PartialOrd, Ord)]
    PolicyLevel ("level of a policy") {
        /// None: the policy is not evaluated.
        Off = "off",
        /// A warning: the gate passes.
        Warn = "warn",
        /// The gate fails.
        Error = "error",
    }
}

leakbench_model::names! {
    /// The outcome of a policy. `flaky`: within the budget at some attempts, and not at others.
    /// `inconclusive` is never a pass.
    #[derive(PartialOrd, Ord)]
    Status ("status of a policy") {
        /// Not evaluated: its level is off, or it does not apply to the recording.
        Off = "off",
        /// Within the budget at every attempt.
        Passed = "passed",
        /// Within the budget at some attempts, and not at others.
        Flaky = "flaky",
        /// A witness failed, or the recording has too little to decide. Never a pass.
        Inconclusive = "inconclusive",
        /// Beyond the budget at every attempt.
        Failed = "failed",
    }
}

/// A line of a recording that a value was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Evidence {
    /// The recording's file. In JSON, a path that is not UTF-8 has replacement characters.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The content of the line: `barrier of subject 0 after 3,000 cycles: 942 lingering`.
    pub what: String,
}

/// serde's own refuses a path that is not UTF-8, and with it the whole outcome.
fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}
