//! The errors of the gate: a budget, a baseline or runs that were given, and that cannot be used.

use leakbench_model::text::printable;

use super::policy::OVER_BASELINE;

/// An error that prevents any judgement: a policy that was asked for and cannot be evaluated must not
/// pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// No recording has a run.
    #[error("nothing to judge: the recordings that were given have no run")]
    NoRun,
    /// The budget file has a policy that no recording has a value of.
    #[error(
        "{}{}: {}policy {policy} cannot be evaluated for this recording: {}; remove it, or set \
         `level = \"off\"`",
        printable(budget),
        line.map_or(String::new(), |line| format!(":{line}")),
        key.map_or(String::new(), |key| format!("`{key}` of ")),
        printable(why)
    )]
    CannotEvaluate {
        /// The budget file.
        budget: String,
        /// The line of the key, or else of the policy's table.
        line: Option<usize>,
        /// The policy.
        policy: String,
        /// The key, if the policy has several.
        key: Option<&'static str>,
        /// The reason.
        why: String,
    },
    /// Baseline runs were given, and no recording can be compared with them.
    #[error(
        "--against was given, and policy {policy} cannot be evaluated: {}; give runs of the same \
         command, or remove --against",
        printable(why)
    )]
    CannotCompare {
        /// The policy that needs baseline runs.
        policy: String,
        /// The reason.
        why: String,
    },
    /// Baseline runs were given, and the budget file turns off the policy that needs them.
    #[error(
        "{}{}: policy {policy} is off, and --against was given for it: remove its `level = \"off\"`, \
         or remove --against",
        printable(budget),
        line.map_or(String::new(), |line| format!(":{line}")),
    )]
    UnusedBaselineRuns {
        /// The budget file.
        budget: String,
        /// The line of the policy's table.
        line: Option<usize>,
        /// The policy that needs baseline runs.
        policy: String,
    },
    /// A baseline file was given, and no policy uses it.
    #[error(
        "--baseline was given, and no policy that is on in {} has the key `{OVER_BASELINE}`: add it \
         to a budget file, such as `over-baseline = 1.1` in [policy.peak-mappings], or remove \
         --baseline",
        printable(budget)
    )]
    UnusedBaseline {
        /// The budget file, or `default budgets`.
        budget: String,
    },
}
