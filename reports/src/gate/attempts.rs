//! The attempts at a run put together: one outcome for each policy.

use std::borrow::Cow;

use super::measurement::Evaluation;
use super::policy::MEASUREMENT;
use super::{GateVerdict, PolicyLevel, PolicyOutcome, Status};

/// A policy's evaluation at each attempt.
pub(super) struct PolicyAttempts {
    pub(super) policy: Cow<'static, str>,
    pub(super) level: PolicyLevel,
    /// The limits of the budget.
    pub(super) allowed: String,
    /// `None` of an attempt that the policy does not apply to. Empty if it is off.
    pub(super) attempts: Vec<Option<Evaluation>>,
    /// The reason why it is off, if it applies to no attempt.
    pub(super) why_off: String,
}

/// A policy's outcome for a group, with the verdict that it alone would have.
pub(super) struct Line {
    pub(super) outcome: PolicyOutcome,
    pub(super) verdict: GateVerdict,
}

impl PolicyAttempts {
    pub(super) fn passed_at(&self, attempt: usize) -> bool {
        let evaluation = self.attempts.get(attempt).and_then(Option::as_ref);
        evaluation.is_none_or(|of| of.verdict == GateVerdict::Pass)
    }

    /// The outcome over all attempts. A policy that failed at one and passed at another has at most
    /// the level `flaky`, but for deaths and failed witnesses.
    pub(super) fn line(self, run: &str, flaky: PolicyLevel) -> Line {
        let PolicyAttempts { policy, level, allowed, attempts, why_off } = self;
        let run = run.to_owned();
        let Some(applied) = AppliedAttempts::of(attempts) else {
            let (measured, message, evidence) = (None, why_off, Vec::new());
            let status = Status::Off;
            let outcome =
                PolicyOutcome { policy, run, level, status, measured, allowed, message, evidence };
            return Line { outcome, verdict: GateVerdict::Pass };
        };
        let (status, verdict) = (applied.status(), applied.verdict());
        let level = match status {
            Status::Flaky if policy != MEASUREMENT => level.min(flaky),
            _ => level,
        };
        let Evaluation { measured, allowed, message, evidence, .. } = applied.into_worst();
        let outcome =
            PolicyOutcome { policy, run, level, status, measured, allowed, message, evidence };
        Line { outcome, verdict }
    }
}

/// The attempts that a policy applies to.
struct AppliedAttempts {
    /// There are several attempts, also if the policy applies to one only.
    several: bool,
    /// The number of those that it applies to.
    number: usize,
    /// The first of those with the gravest verdict, after its number, from 1.
    worst: (usize, Evaluation),
    last_passed: Option<usize>,
}

impl AppliedAttempts {
    /// `None` if the policy applies to no attempt.
    fn of(attempts: Vec<Option<Evaluation>>) -> Option<AppliedAttempts> {
        let several = attempts.len() > 1;
        let numbered = (1..).zip(attempts);
        let applied: Vec<(usize, Evaluation)> =
            numbered.filter_map(|(number, of)| Some((number, of?))).collect();
        let passed = |of: &&(usize, Evaluation)| of.1.verdict == GateVerdict::Pass;
        let last_passed = applied.iter().rfind(passed).map(|(number, _)| *number);
        let (number, gravest) = (applied.len(), applied.iter().map(|(_, of)| of.verdict).max()?);
        let worst = applied.into_iter().find(|(_, of)| of.verdict == gravest)?;
        Some(AppliedAttempts { several, number, worst, last_passed })
    }

    fn status(&self) -> Status {
        match (self.worst.1.verdict, self.last_passed) {
            (GateVerdict::Pass, _) => Status::Passed,
            (_, Some(_)) => Status::Flaky,
            (GateVerdict::Inconclusive, None) => Status::Inconclusive,
            (_, None) => Status::Failed,
        }
    }

    /// A death and an inconclusive attempt stay what they are if another attempt passed.
    fn verdict(&self) -> GateVerdict {
        match (self.worst.1.verdict, self.last_passed) {
            (GateVerdict::Fail, Some(_)) => GateVerdict::Flaky,
            (gravest, _) => gravest,
        }
    }

    /// The worst attempt; of several, its message says which one it is.
    fn into_worst(self) -> Evaluation {
        let status = self.status();
        let (number, mut worst) = self.worst;
        let of_several = match (status, self.last_passed) {
            _ if !self.several => String::new(),
            (Status::Passed, _) => format!("passed at each of {} attempts: ", self.number),
            (_, Some(passed)) => {
                let how = match worst.verdict {
                    GateVerdict::Inconclusive => "inconclusive",
                    _ => "failed",
                };
                format!("{how} at attempt {number}, passed at attempt {passed}: ")
            }
            (_, None) => {
                format!("passed at none of {} attempts; at attempt {number}: ", self.number)
            }
        };
        worst.message.insert_str(0, &of_several);
        worst
    }
}
