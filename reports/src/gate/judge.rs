//! Judges recordings by a budget: evaluates each policy once for each run, refuses a budget that
//! cannot be evaluated, and puts the attempts at a run together.

use leakbench_model::text::{counted, grouped, printable};

use super::attempts::Line;
use super::baseline::Baseline;
use super::budget::{Budget, Origin};
use super::error::GateError;
use super::evaluated::EvaluatedGroup;
use super::measurement::NotMeasured;
use super::runs::{Group, Run, groups, runs};
use super::{GateVerdict, Outcome, PolicyLevel, Status};
use crate::recorded::Recorded;

/// Judges recordings, each given with the name that reports use for it. Recordings of the same
/// command are attempts at one run, in the order given. Policies with `over-baseline` are compared
/// with `baseline`. `baseline_runs`, made by the same job, turn on the policies that need them.
///
/// # Errors
/// No recording has a run, the budget file has a policy that no recording has a value of, or no
/// policy uses the baseline or the baseline runs.
pub fn judge(
    budget: &Budget,
    recordings: &[(String, Recorded)],
    baseline: Option<&Baseline>,
    baseline_runs: &[(String, Recorded)],
) -> Result<Outcome, GateError> {
    let groups = groups(recordings);
    if groups.is_empty() {
        return Err(GateError::NoRun);
    }
    let baseline_runs = runs(baseline_runs);
    let with_runs;
    let budget = if baseline_runs.is_empty() {
        budget
    } else {
        with_runs = budget.with_baseline_runs();
        &with_runs
    };
    refuse_unused(budget, baseline, &baseline_runs)?;
    let evaluate = |group| EvaluatedGroup::of(group, budget, baseline, &baseline_runs);
    let evaluated: Vec<EvaluatedGroup<'_>> = groups.iter().map(evaluate).collect();
    for index in 0..budget.settings().len() {
        refuse_unevaluable(budget, index, &evaluated)?;
    }
    let mut verdict = GateVerdict::Pass;
    let mut lines = Vec::new();
    for (group, evaluated) in groups.iter().zip(evaluated) {
        let of_group = evaluated.lines(budget);
        verdict = verdict.max(verdict_of(group, &of_group));
        lines.extend(of_group);
    }
    let headline = headline(verdict, &lines, groups.len());
    let policies = lines.into_iter().map(|line| line.outcome).collect();
    Ok(Outcome { verdict, headline, budget: budget.name().to_owned(), policies })
}

/// Refuses a baseline and baseline runs that no policy uses.
fn refuse_unused(
    budget: &Budget,
    baseline: Option<&Baseline>,
    baseline_runs: &[Run<'_>],
) -> Result<(), GateError> {
    let name = || budget.name().to_owned();
    let mut settings = budget.settings().iter();
    let off = settings
        .find(|setting| setting.policy.needs_baseline_runs && setting.level == PolicyLevel::Off);
    if let Some(off) = off.filter(|_| !baseline_runs.is_empty()) {
        let (line, policy) = (off.line_of(None), off.policy.name().into_owned());
        return Err(GateError::UnusedBaselineRuns { budget: name(), line, policy });
    }
    let is_used = budget.settings().iter().any(|setting| setting.uses_baseline());
    if baseline.is_some() && !is_used {
        return Err(GateError::UnusedBaseline { budget: name() });
    }
    Ok(())
}

/// Refuses a setting that a file or a flag asks for, and that no recording has a value of. It stands
/// if the value is missing because a run failed.
fn refuse_unevaluable(
    budget: &Budget,
    index: usize,
    groups: &[EvaluatedGroup<'_>],
) -> Result<(), GateError> {
    let setting = &budget.settings()[index];
    if setting.level == PolicyLevel::Off || !setting.is_explicit() {
        return Ok(());
    }
    let mut missing = None;
    for attempt in groups.iter().flat_map(|group| &group.attempts) {
        if attempt.gap.is_some() {
            return Ok(());
        }
        for run in &attempt.runs {
            let (key, why) = match &run.policies[index] {
                None | Some(Ok(_) | Err(NotMeasured::Inconclusive(_))) => return Ok(()),
                Some(Err(NotMeasured::Missing { key: None, .. }))
                    if run.completeness.verdict != GateVerdict::Pass =>
                {
                    return Ok(());
                }
                Some(Err(NotMeasured::Missing { key, why })) => (*key, why),
                Some(Err(NotMeasured::OtherKind(why))) => (None, why),
            };
            missing.get_or_insert((key, why));
        }
    }
    let Some((key, why)) = missing else {
        return Ok(());
    };
    let (policy, why) = (setting.policy.name().into_owned(), why.clone());
    if setting.origin == Origin::BaselineRuns {
        return Err(GateError::CannotCompare { policy, why });
    }
    let (budget, line) = (budget.name().to_owned(), setting.line_of(key));
    Err(GateError::CannotEvaluate { budget, line, policy, key, why })
}

/// The gravest verdict of the policies of level error. Of an observed process, a failure outweighs
/// its death: the leak was seen.
fn verdict_of(group: &Group<'_>, lines: &[Line]) -> GateVerdict {
    let errors = lines.iter().filter(|line| line.outcome.level == PolicyLevel::Error);
    let verdicts = errors.map(|line| line.verdict);
    let failed = [GateVerdict::Flaky, GateVerdict::Fail];
    let failure = verdicts.clone().filter(|verdict| failed.contains(verdict)).max();
    match failure {
        Some(failure) if group.is_observation() => failure,
        _ => verdicts.max().unwrap_or(GateVerdict::Pass),
    }
}

/// `FAIL — lingering-at-end: 12 images … (and 2 more policies)`.
fn headline(verdict: GateVerdict, lines: &[Line], groups: usize) -> String {
    let at = |level| lines.iter().filter(move |line| line.outcome.level == level);
    let has_not_passed = |line: &&Line| line.verdict != GateVerdict::Pass;
    let text = if verdict == GateVerdict::Pass {
        let passed = lines.iter().filter(|line| line.outcome.status == Status::Passed).count();
        let policies = match passed as u64 {
            1 => "1 policy".to_owned(),
            passed => format!("{} policies", grouped(passed)),
        };
        let runs = if groups > 1 { format!(" over {groups} runs") } else { String::new() };
        let warnings = match at(PolicyLevel::Warn).filter(has_not_passed).count() as u64 {
            0 => String::new(),
            warnings => format!(", {}", counted(warnings, "warning")),
        };
        format!("{policies} within budget{runs}{warnings}")
    } else {
        let mut failed: Vec<&Line> = at(PolicyLevel::Error).filter(has_not_passed).collect();
        // The decisive policy first.
        failed.sort_by_key(|line| line.verdict != verdict);
        let first = failed.first().map_or(String::new(), |line| {
            let run = if groups > 1 { format!("{}: ", line.outcome.run) } else { String::new() };
            format!("{run}{}: {}", line.outcome.policy, line.outcome.message)
        });
        let more = match failed.len() {
            0 | 1 => String::new(),
            2 => " (and 1 more policy)".to_owned(),
            failed => format!(" (and {} more policies)", failed - 1),
        };
        first + &more
    };
    printable(&format!("{} — {text}", verdict.word())).into_owned()
}
