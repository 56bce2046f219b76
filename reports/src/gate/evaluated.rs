//! A group of recordings with the evaluation of every policy, made once for each run.

use super::attempts::{Line, PolicyAttempts};
use super::baseline::Baseline;
use super::budget::{Budget, PolicySetting};
use super::measurement::{Evaluation, NotMeasured};
use super::policy::MEASUREMENT;
use super::runs::{Group, Run};
use super::{GateVerdict, PolicyLevel};

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
        let mut all = vec![PolicyAttempts {
            policy: MEASUREMENT.into(),
            level: PolicyLevel::Error,
            allowed: String::new(),
            attempts: completeness.collect(),
            why_off: String::new(),
        }];
        let settings = budget.settings().iter().enumerate();
        all.extend(settings.map(|(index, setting)| self.policy_attempts(index, setting)));
        // Attempts that each fail another policy are no pass.
        let passes = |attempt| {
            let mut errors = all.iter().filter(|of| of.level == PolicyLevel::Error);
            errors.all(|of| of.passed_at(attempt))
        };
        let flaky = match (0..self.attempts.len()).any(passes) {
            true => budget.flaky(),
            false => PolicyLevel::Error,
        };
        all.into_iter().map(|of| of.line(&self.name, flaky)).collect()
    }

    fn policy_attempts(&self, index: usize, setting: &PolicySetting) -> PolicyAttempts {
        let (mut attempts, mut why_off) = (Vec::new(), "off".to_owned());
        if setting.level != PolicyLevel::Off {
            let mut why = String::new();
            for attempt in &self.attempts {
                attempts.push(attempt.evaluation(index, setting, &mut why));
            }
            why_off = format!("does not apply: {why}");
        }
        let (policy, level, allowed) = (setting.policy.name(), setting.level, setting.allowed());
        PolicyAttempts { policy, level, allowed, attempts, why_off }
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
