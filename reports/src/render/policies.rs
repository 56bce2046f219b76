//! How grave what a policy says is, for every format that tells of policies.

use crate::gate::{Outcome, PolicyLevel, PolicyOutcome};
use crate::judge::Verdict;

/// The level at which a policy that did not pass is told. Of a gate that passes as a whole nothing
/// may fail a job, not even a flaky policy of level error, where the budget lets those pass.
pub(super) fn told_level(outcome: &Outcome, policy: &PolicyOutcome) -> PolicyLevel {
    match policy.level {
        PolicyLevel::Error if outcome.verdict == Verdict::Clean => PolicyLevel::Warn,
        level => level,
    }
}
