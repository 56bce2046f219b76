//! The outcome: each policy for each scenario, attempts put together, and the verdict.

use super::baseline::Baseline;
use super::budget::{AskedBy, Budget, Rule};
use super::check::{Against, Answer, Told, check, measurement};
use super::policy::{MEASUREMENT, OVER_BASELINE, Policy};
use super::runs::{Attempt, Unit, runs, units};
use super::{Outcome, PolicyLevel, PolicyOutcome, Status};
use crate::recorded::Recorded;
use leakbench_model::Verdict;
use leakbench_model::text::{counted, printable};

/// Why nothing is judged. What was asked for and cannot be answered must not pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// There is no run in what was given.
    #[error("there is nothing to judge: no recording was given, or what was given has no run")]
    Nothing,
    /// A policy of the budget file that no recording has the number of.
    #[error(
        "{}{}: no measurement answers {}policy {policy}: {}; take it out, or set `level = \"off\"`",
        printable(budget),
        line.map_or(String::new(), |line| format!(":{line}")),
        key.map_or(String::new(), |key| format!("`{key}` of ")),
        printable(why)
    )]
    Unanswered {
        /// The budget file.
        budget: String,
        /// The line of the key, or else of the policy's table.
        line: Option<usize>,
        /// The policy.
        policy: &'static str,
        /// The key, where it is one of several.
        key: Option<&'static str>,
        /// Why not.
        why: String,
    },
    /// Baseline runs that nothing can be held against.
    #[error(
        "--against was given, and throughput cannot be judged: {}; give runs of the same command, \
         or leave --against out",
        printable(why)
    )]
    AgainstAnswersNothing {
        /// Why not.
        why: String,
    },
    /// Baseline runs beside a budget that wants none.
    #[error(
        "{}{}: policy throughput is off, and --against was given, which is for nothing else: take \
         its `level = \"off\"` out, or leave --against out",
        printable(budget),
        line.map_or(String::new(), |line| format!(":{line}")),
    )]
    AgainstNothing {
        /// The budget file.
        budget: String,
        /// The line of the policy's table.
        line: Option<usize>,
    },
    /// A baseline that no policy is held against.
    #[error(
        "--baseline was given, and no policy that is on in {} has `{OVER_BASELINE}`: write it in a \
         budget file, such as `over-baseline = 1.1` in [policy.peak-mappings], or leave --baseline out",
        printable(budget)
    )]
    BaselineForNothing {
        /// The budget file, or the default budgets.
        budget: String,
    },
}

/// What is said of one unit by one policy.
struct Line {
    outcome: PolicyOutcome,
    /// What its failure comes to.
    verdict: Verdict,
}

/// Judges recordings by a budget. Each has the name that it is told by. Those of the same command
/// are attempts at one run, in the order given; all others are judged for themselves. `against`
/// answers `over-baseline`, and `baseline_runs`, made by the same job, answer `throughput`: whoever
/// gives them has it judged also where the budget says nothing of it.
///
/// # Errors
/// There is nothing to judge, the budget file has a policy that no recording can answer, or a
/// baseline or baseline runs are given and nothing would be held against them.
pub fn judge(
    budget: &Budget,
    recordings: &[(String, Recorded)],
    against: Option<&Baseline>,
    baseline_runs: &[(String, Recorded)],
) -> Result<Outcome, GateError> {
    let units = units(recordings);
    if units.is_empty() {
        return Err(GateError::Nothing);
    }
    let with_runs;
    let budget = if baseline_runs.is_empty() {
        budget
    } else {
        with_runs = budget.with_runs_to_hold_against();
        &with_runs
    };
    must_be_used(budget, against, baseline_runs)?;
    let baseline_runs = runs(baseline_runs);
    let against = Against { baseline: against, runs: &baseline_runs };
    for policy in Policy::ALL {
        must_be_answered(budget, policy, &units, against)?;
    }
    let mut verdict = Verdict::Clean;
    let mut lines = Vec::new();
    for unit in &units {
        let of_unit = judge_unit(budget, unit, against);
        verdict = verdict.max(verdict_of(unit, &of_unit));
        lines.extend(of_unit);
    }
    let headline = headline(verdict, &lines, units.len());
    let policies = lines.into_iter().map(|line| line.outcome).collect();
    Ok(Outcome { verdict, headline, budget: budget.name().to_owned(), policies })
}

/// What was given to hold recordings against must be for something.
fn must_be_used(
    budget: &Budget,
    baseline: Option<&Baseline>,
    baseline_runs: &[(String, Recorded)],
) -> Result<(), GateError> {
    let name = || budget.name().to_owned();
    let throughput = budget.rule(Policy::Throughput);
    if !baseline_runs.is_empty() && throughput.level == PolicyLevel::Off {
        return Err(GateError::AgainstNothing { budget: name(), line: throughput.line_of(None) });
    }
    let is_held = |policy| {
        let rule = budget.rule(policy);
        rule.level != PolicyLevel::Off && rule.bound(OVER_BASELINE).is_some()
    };
    if baseline.is_some() && !Policy::ALL.into_iter().any(is_held) {
        return Err(GateError::BaselineForNothing { budget: name() });
    }
    Ok(())
}

/// A policy that a file asks for must have a number in some recording, or one that was lost
/// because the run failed.
fn must_be_answered(
    budget: &Budget,
    policy: Policy,
    units: &[Unit<'_>],
    against: Against<'_>,
) -> Result<(), GateError> {
    let rule = budget.rule(policy);
    if rule.level == PolicyLevel::Off || !rule.is_explicit() {
        return Ok(());
    }
    let mut unanswered = None;
    for attempt in units.iter().flat_map(|unit| &unit.attempts) {
        if attempt.gap.is_some() {
            return Ok(());
        }
        for run in &attempt.repeats {
            let (key, why) = match check(policy, &rule, run, against) {
                Answer::Told(_) => return Ok(()),
                Answer::Missing { key: None, .. } if measurement(run).verdict != Verdict::Clean => {
                    return Ok(());
                }
                Answer::Missing { key, why } => (key, why),
                Answer::OtherKind(why) => (None, why),
            };
            unanswered.get_or_insert((key, why));
        }
    }
    let Some((key, why)) = unanswered else {
        return Ok(());
    };
    if rule.asked_by == AskedBy::Against {
        return Err(GateError::AgainstAnswersNothing { why });
    }
    Err(GateError::Unanswered {
        budget: budget.name().to_owned(),
        line: rule.line_of(key),
        policy: policy.name(),
        key,
        why,
    })
}

/// A policy of a unit.
struct Asked {
    policy: &'static str,
    level: PolicyLevel,
    allowed: String,
    /// What each attempt says, `None` of one that it does not apply to; or why it is off.
    told: Result<Vec<Option<Told>>, String>,
}

impl Asked {
    fn passed_at(&self, attempt: usize) -> bool {
        let told = self.told.as_ref().ok().and_then(|told| told.get(attempt)?.as_ref());
        told.is_none_or(|told| told.verdict == Verdict::Clean)
    }
}

fn judge_unit(budget: &Budget, unit: &Unit<'_>, against: Against<'_>) -> Vec<Line> {
    let measured = unit.attempts.iter().map(|attempt| Some(measured(attempt))).collect();
    let mut asked = vec![Asked {
        policy: MEASUREMENT,
        level: PolicyLevel::Error,
        allowed: String::new(),
        told: Ok(measured),
    }];
    asked.extend(Policy::ALL.map(|policy| ask(budget, unit, policy, against)));
    // Attempts that each fail in another way are no run that passed.
    let errors = || asked.iter().filter(|asked| asked.level == PolicyLevel::Error);
    let good = |attempt| errors().all(|asked| asked.passed_at(attempt));
    let flaky = match (0..unit.attempts.len()).any(good) {
        true => budget.flaky(),
        false => PolicyLevel::Error,
    };
    asked.into_iter().map(|asked| together(unit, asked, flaky)).collect()
}

fn ask(budget: &Budget, unit: &Unit<'_>, policy: Policy, against: Against<'_>) -> Asked {
    let rule = budget.rule(policy);
    let told = if rule.level == PolicyLevel::Off {
        Err("off".to_owned())
    } else {
        let mut why = String::new();
        let attempts = unit.attempts.iter();
        let told = attempts.map(|attempt| attempted(policy, &rule, attempt, against, &mut why));
        let told: Vec<Option<Told>> = told.collect();
        let applies = told.iter().any(Option::is_some);
        if applies { Ok(told) } else { Err(format!("does not apply: {why}")) }
    };
    Asked { policy: policy.name(), level: rule.level, allowed: rule.allowed(), told }
}

/// A policy for one attempt: the worst of its repeats, each of which must pass. `None`, with the
/// reason in `why`, where it does not apply.
fn attempted(
    policy: Policy,
    rule: &Rule,
    attempt: &Attempt<'_>,
    against: Against<'_>,
    why: &mut String,
) -> Option<Told> {
    let told = attempt.repeats.iter().filter_map(|run| {
        let told = match check(policy, rule, run, against) {
            Answer::Told(told) => told,
            // Another recording answers it, so this one should have.
            Answer::Missing { why, .. } if rule.is_explicit() => match Answer::untold(rule, why) {
                Answer::Told(told) => told,
                _ => return None,
            },
            Answer::Missing { why: reason, .. } | Answer::OtherKind(reason) => {
                *why = reason;
                return None;
            }
        };
        Some((run.name.as_str(), told))
    });
    worst(told.collect())
}

fn measured(attempt: &Attempt<'_>) -> Told {
    let repeats = attempt.repeats.iter();
    let worst = worst(repeats.map(|run| (run.name.as_str(), measurement(run))).collect());
    match (&attempt.gap, worst) {
        (Some(gap), worst) if worst.as_ref().is_none_or(|of| of.verdict < Verdict::Leak) => Told {
            verdict: Verdict::Inconclusive,
            measured: None,
            allowed: "every run that was asked for".to_owned(),
            message: gap.clone(),
            evidence: worst.map_or(Vec::new(), |worst| worst.evidence),
        },
        (_, Some(worst)) => worst,
        (_, None) => Told {
            verdict: Verdict::Inconclusive,
            measured: None,
            allowed: "every run that was asked for".to_owned(),
            message: "nothing was run".to_owned(),
            evidence: Vec::new(),
        },
    }
}

/// The first of those with the gravest verdict, which says which of several it is.
fn worst(told: Vec<(&str, Told)>) -> Option<Told> {
    let several = told.len();
    let gravest = told.iter().map(|(_, told)| told.verdict).max()?;
    let (name, mut worst) = told.into_iter().find(|(_, told)| told.verdict == gravest)?;
    if several > 1 {
        worst.message = match gravest {
            Verdict::Clean => format!("all {several} runs, such as {name}: {}", worst.message),
            _ => format!("{name}: {}", worst.message),
        };
    }
    Some(worst)
}

/// What several attempts come to, where a policy that failed at one and passed at another is of
/// level `flaky` at most. Nothing makes less of a death or of a witness that failed.
fn together(unit: &Unit<'_>, asked: Asked, flaky: PolicyLevel) -> Line {
    let Asked { policy, level, allowed, told } = asked;
    let attempts = match told {
        Ok(attempts) => attempts,
        Err(message) => {
            let (run, status) = (unit.name(), Status::Off);
            let (measured, evidence) = (None, Vec::new());
            let outcome =
                PolicyOutcome { policy, run, level, status, measured, allowed, message, evidence };
            return Line { outcome, verdict: Verdict::Clean };
        }
    };
    let several = attempts.len() > 1;
    // Numbered from 1, without those that it does not apply to.
    let told: Vec<(usize, Told)> =
        (1..).zip(attempts).filter_map(|(number, told)| Some((number, told?))).collect();
    let passed = |of: &&(usize, Told)| of.1.verdict == Verdict::Clean;
    let last_passed = told.iter().rfind(passed).map(|(number, _)| *number);
    let gravest = told.iter().map(|(_, told)| told.verdict).max().unwrap_or(Verdict::Inconclusive);
    let status = match (gravest, last_passed) {
        (Verdict::Clean, _) => Status::Passed,
        (_, Some(_)) => Status::Flaky,
        (Verdict::Inconclusive, None) => Status::Inconclusive,
        (_, None) => Status::Failed,
    };
    let how = |verdict| if verdict == Verdict::Inconclusive { "inconclusive" } else { "failed" };
    let attempts = told.len();
    let first = told.iter().position(|(_, told)| told.verdict == gravest);
    let Some((number, worst)) = first.and_then(|first| told.into_iter().nth(first)) else {
        let message = "nothing was read".to_owned();
        let (measured, evidence) = (None, Vec::new());
        let (run, status) = (unit.name(), Status::Inconclusive);
        let outcome =
            PolicyOutcome { policy, run, level, status, measured, allowed, message, evidence };
        return Line { outcome, verdict: Verdict::Inconclusive };
    };
    let of_several = match (status, last_passed) {
        _ if !several => String::new(),
        (Status::Passed, _) => format!("passed at each of {attempts} attempts: "),
        (_, Some(passed)) => {
            let how = how(gravest);
            format!("flaky: {how} at attempt {number}, passed at attempt {passed}: ")
        }
        (_, None) => format!("passed at none of {attempts} attempts; at attempt {number}: "),
    };
    let message = of_several + &worst.message;
    let level = match status {
        Status::Flaky if policy != MEASUREMENT => level.min(flaky),
        _ => level,
    };
    let outcome = PolicyOutcome {
        policy,
        run: unit.name(),
        level,
        status,
        measured: worst.measured,
        allowed: worst.allowed,
        message,
        evidence: worst.evidence,
    };
    Line { outcome, verdict: gravest }
}

/// The gravest of what policies of level error come to. Of an observed process a leak that was
/// seen is the verdict, whatever its end.
fn verdict_of(unit: &Unit<'_>, lines: &[Line]) -> Verdict {
    let errors = lines.iter().filter(|line| line.outcome.level == PolicyLevel::Error);
    let verdicts: Vec<Verdict> = errors.map(|line| line.verdict).collect();
    if unit.is_observation() && verdicts.contains(&Verdict::Leak) {
        return Verdict::Leak;
    }
    verdicts.into_iter().max().unwrap_or(Verdict::Clean)
}

/// `FAIL — lingering-at-end: 12 images … (and 2 more policies)`.
fn headline(verdict: Verdict, lines: &[Line], units: usize) -> String {
    let at = |level| lines.iter().filter(move |line| line.outcome.level == level);
    let told = |line: &&Line| line.verdict != Verdict::Clean;
    let text = if verdict == Verdict::Clean {
        let answered = |line: &&Line| line.outcome.status == Status::Passed;
        let passed = lines.iter().filter(answered).count() as u64;
        let policies = match passed {
            1 => "1 policy".to_owned(),
            passed => format!("{} policies", leakbench_model::text::grouped(passed)),
        };
        let warned = at(PolicyLevel::Warn).filter(told).count() as u64;
        let runs = if units > 1 { format!(" over {units} scenarios") } else { String::new() };
        let warnings = match warned {
            0 => String::new(),
            warned => format!(", {}", counted(warned, "warning")),
        };
        format!("PASS — {policies} within budget{runs}{warnings}")
    } else {
        let mut failed: Vec<&Line> = at(PolicyLevel::Error).filter(told).collect();
        // What decided it first.
        failed.sort_by_key(|line| line.verdict != verdict);
        let word = match verdict {
            Verdict::Inconclusive => "INCONCLUSIVE",
            _ => "FAIL",
        };
        let first = failed.first().map_or(String::new(), |line| {
            let run = if units > 1 { format!("{}: ", line.outcome.run) } else { String::new() };
            format!("{run}{}: {}", line.outcome.policy, line.outcome.message)
        });
        let more = match failed.len() {
            0 | 1 => String::new(),
            2 => " (and 1 more policy)".to_owned(),
            failed => format!(" (and {} more policies)", failed - 1),
        };
        format!("{word} — {first}{more}")
    };
    printable(&text).into_owned()
}
