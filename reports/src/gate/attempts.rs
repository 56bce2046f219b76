//! A group of recordings: each policy evaluated once for each run, and the attempts put together.

use super::baseline::Baseline;
use super::budget::{Budget, PolicySetting};
use super::measurement::{Evaluation, NotMeasured};
use super::policy::MEASUREMENT;
use super::runs::{Group, Run};
use super::{GateVerdict, PolicyLevel, PolicyOutcome, Status};

/// A group with the evaluation of every policy.
pub(super) struct EvaluatedGroup<'a> {
    name: String,
    pub(super) attempts: Vec<EvaluatedAttempt<'a>>,
}

pub(super) struct EvaluatedAttempt<'a> {
    /// The reason why there are fewer runs than were asked for.
    pub(super) gap: Option<&'a str>,
    pub(super) runs: Vec<EvaluatedRun<'a>>,
}

pub(super) struct EvaluatedRun<'a> {
    name: &'a str,
    pub(super) completeness: Evaluation,
    /// In the order of the budget's settings; `None` of a policy that is off.
    pub(super) policies: Vec<Option<Result<Evaluation, NotMeasured>>>,
}

/// A policy's outcome for a group, with what it contributes to the verdict.
pub(super) struct Line {
    pub(super) outcome: PolicyOutcome,
    pub(super) verdict: GateVerdict,
}

impl<'a> EvaluatedGroup<'a> {
    /// Evaluates each policy that is on, once for each run.
    pub(super) fn of(
        group: &'a Group<'a>,
        budget: &Budget,
        baseline: Option<&Baseline>,
        baseline_runs: &[Run<'_>],
    ) -> EvaluatedGroup<'a> {
        let evaluate = |run: &'a Run<'a>| {
            let policies = budget.settings().iter().map(|setting| {
                let is_on = setting.level != PolicyLevel::Off;
                is_on.then(|| Evaluation::of(setting, run, baseline, baseline_runs))
            });
            EvaluatedRun {
                name: &run.name,
                completeness: Evaluation::of_completeness(run),
                policies: policies.collect(),
            }
        };
        let attempts = group.attempts.iter().map(|attempt| EvaluatedAttempt {
            gap: attempt.gap.as_deref(),
            runs: attempt.repeats.iter().map(evaluate).collect(),
        });
        EvaluatedGroup { name: group.name(), attempts: attempts.collect() }
    }

    /// The outcome of each policy, the check for completeness first.
    pub(super) fn lines(&self, budget: &Budget) -> Vec<Line> {
        let completeness = self.attempts.iter().map(|attempt| Some(attempt.completeness()));
        let mut all = vec![OfAttempts {
            policy: MEASUREMENT.into(),
            level: PolicyLevel::Error,
            allowed: String::new(),
            attempts: Ok(completeness.collect()),
        }];
        let settings = budget.settings().iter().enumerate();
        all.extend(settings.map(|(index, setting)| self.of_attempts(index, setting)));
        // Attempts that each fail another policy are no pass.
        let passes = |attempt| {
            let mut errors = all.iter().filter(|of| of.level == PolicyLevel::Error);
            errors.all(|of| of.passed_at(attempt))
        };
        let flaky = match (0..self.attempts.len()).any(passes) {
            true => budget.flaky(),
            false => PolicyLevel::Error,
        };
        all.into_iter().map(|of| of.together(&self.name, flaky)).collect()
    }

    fn of_attempts(&self, index: usize, setting: &PolicySetting) -> OfAttempts {
        let attempts = if setting.level == PolicyLevel::Off {
            Err("off".to_owned())
        } else {
            let mut why = String::new();
            let attempts = self.attempts.iter();
            let attempts: Vec<Option<Evaluation>> =
                attempts.map(|attempt| attempt.evaluation(index, setting, &mut why)).collect();
            let applies = attempts.iter().any(Option::is_some);
            if applies { Ok(attempts) } else { Err(format!("does not apply: {why}")) }
        };
        OfAttempts {
            policy: setting.policy.name(),
            level: setting.level,
            allowed: setting.allowed(),
            attempts,
        }
    }
}

impl EvaluatedAttempt<'_> {
    /// The worst evaluation of its runs, each of which must pass. `None`, with the reason in `why`,
    /// if the policy does not apply.
    fn evaluation(
        &self,
        index: usize,
        setting: &PolicySetting,
        why: &mut String,
    ) -> Option<Evaluation> {
        let mut evaluations = Vec::new();
        for run in &self.runs {
            let evaluation = match run.policies[index].as_ref()? {
                Ok(evaluation) => evaluation.clone(),
                // Another recording has the value, so this one should have it.
                Err(NotMeasured::Missing { why, .. }) if setting.is_explicit() => {
                    Evaluation::inconclusive(setting.allowed(), why.clone())
                }
                Err(NotMeasured::Inconclusive(why)) => {
                    Evaluation::inconclusive(setting.allowed(), why.clone())
                }
                Err(NotMeasured::Missing { why: reason, .. } | NotMeasured::OtherKind(reason)) => {
                    why.clone_from(reason);
                    continue;
                }
            };
            evaluations.push((run.name, evaluation));
        }
        worst(evaluations)
    }

    fn completeness(&self) -> Evaluation {
        let runs = self.runs.iter().map(|run| (run.name, run.completeness.clone()));
        let worst = worst(runs.collect());
        match (self.gap, worst) {
            (Some(gap), None) => Evaluation::of_missing_runs(gap, Vec::new()),
            (Some(gap), Some(worst)) if worst.verdict <= GateVerdict::Inconclusive => {
                Evaluation::of_missing_runs(gap, worst.evidence)
            }
            (_, Some(worst)) => worst,
            (None, None) => Evaluation::of_missing_runs("nothing was run", Vec::new()),
        }
    }
}

/// The first of the evaluations with the gravest verdict; of several runs it names its own.
fn worst(evaluations: Vec<(&str, Evaluation)>) -> Option<Evaluation> {
    let several = evaluations.len();
    let gravest = evaluations.iter().map(|(_, of)| of.verdict).max()?;
    let (name, mut worst) = evaluations.into_iter().find(|(_, of)| of.verdict == gravest)?;
    if several > 1 {
        worst.message = match gravest {
            GateVerdict::Pass => format!("all {several} runs, such as {name}: {}", worst.message),
            _ => format!("{name}: {}", worst.message),
        };
    }
    Some(worst)
}

/// A policy's evaluation at each attempt.
struct OfAttempts {
    policy: std::borrow::Cow<'static, str>,
    level: PolicyLevel,
    allowed: String,
    /// `None` of an attempt that the policy does not apply to; or why it is off.
    attempts: Result<Vec<Option<Evaluation>>, String>,
}

impl OfAttempts {
    fn passed_at(&self, attempt: usize) -> bool {
        let evaluation = self.attempts.as_ref().ok().and_then(|all| all.get(attempt)?.as_ref());
        evaluation.is_none_or(|of| of.verdict == GateVerdict::Pass)
    }

    /// The outcome over all attempts. A policy that failed at one and passed at another has at most
    /// the level `flaky`, but for deaths and failed witnesses.
    fn together(self, run: &str, flaky: PolicyLevel) -> Line {
        let OfAttempts { policy, level, allowed, attempts } = self;
        let run = run.to_owned();
        let unmeasured = |allowed, status, message| {
            let (measured, evidence) = (None, Vec::new());
            (
                status,
                Evaluation { verdict: GateVerdict::Pass, measured, allowed, message, evidence },
            )
        };
        let (level, verdict, status, of) = match attempts.map(Attempts::of) {
            Err(why) => {
                let (status, of) = unmeasured(allowed, Status::Off, why);
                (level, GateVerdict::Pass, status, of)
            }
            Ok(None) => {
                let why = "no attempt has a recording".to_owned();
                let (status, of) = unmeasured(allowed, Status::Inconclusive, why);
                (level, GateVerdict::Inconclusive, status, of)
            }
            Ok(Some(attempts)) => {
                let status = attempts.status();
                let level = match status {
                    Status::Flaky if policy != MEASUREMENT => level.min(flaky),
                    _ => level,
                };
                (level, attempts.verdict(), status, attempts.into_worst())
            }
        };
        let Evaluation { measured, allowed, message, evidence, .. } = of;
        let outcome =
            PolicyOutcome { policy, run, level, status, measured, allowed, message, evidence };
        Line { outcome, verdict }
    }
}

/// The attempts that a policy applies to.
struct Attempts {
    /// There was more than one, also of those that it does not apply to.
    several: bool,
    number: usize,
    /// The first of those with the gravest verdict, and its number from 1.
    worst: (usize, Evaluation),
    last_passed: Option<usize>,
}

impl Attempts {
    fn of(attempts: Vec<Option<Evaluation>>) -> Option<Attempts> {
        let several = attempts.len() > 1;
        let numbered = (1..).zip(attempts);
        let applied: Vec<(usize, Evaluation)> =
            numbered.filter_map(|(number, of)| Some((number, of?))).collect();
        let passed = |of: &&(usize, Evaluation)| of.1.verdict == GateVerdict::Pass;
        let last_passed = applied.iter().rfind(passed).map(|(number, _)| *number);
        let (number, gravest) = (applied.len(), applied.iter().map(|(_, of)| of.verdict).max()?);
        let worst = applied.into_iter().find(|(_, of)| of.verdict == gravest)?;
        Some(Attempts { several, number, worst, last_passed })
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
