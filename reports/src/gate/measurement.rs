//! A policy's value in one run, and its comparison with the limits of a budget.

use super::budget::PolicySetting;
use super::limit::{Limit, limits};
use super::policy::LimitKind;
use super::runs::Run;
use super::{Baseline, Evidence, GateVerdict};

/// A policy's value in one run. The outcome, `gate init` and `gate baseline` all read it.
#[derive(Clone, Debug)]
pub(super) struct Measurement {
    /// The value in the policy's unit; `None` if it is known only within bounds.
    pub(super) value: Option<f64>,
    /// The value with its unit, and whatever belongs to it: `41 (1.4 %)`.
    pub(super) text: String,
    /// A number for each key of the policy that this run can be compared by.
    pub(super) readings: Vec<Reading>,
    /// The list after the limit in the sentence: images, subjects, examples.
    pub(super) details: Vec<String>,
    /// The lines of the recording that the value was read from.
    pub(super) evidence: Vec<Evidence>,
}

/// The number that one bound limits. It need not be known exactly.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// The bound's key.
    pub(super) key: &'static str,
    /// If this is beyond the limit, the policy fails.
    pub(super) proved: f64,
    /// If only this is beyond the limit, the policy is inconclusive.
    pub(super) possible: f64,
    /// The number in words: `12 images`.
    pub(super) text: String,
}

/// The reason why a run has no value of a policy.
#[derive(Clone, Debug)]
pub(super) enum NotMeasured {
    /// No recording of this kind has it.
    OtherKind(String),
    /// This recording does not have it; another may.
    Missing {
        /// The key that has no number, if others have one.
        key: Option<&'static str>,
        why: String,
    },
    /// It should have it, and the measurement is inconclusive.
    Inconclusive(String),
}

/// The outcome of a policy for one run.
#[derive(Clone, Debug)]
pub(super) struct Evaluation {
    /// Never flaky: that is of several attempts.
    pub(super) verdict: GateVerdict,
    pub(super) measured: Option<String>,
    pub(super) allowed: String,
    pub(super) message: String,
    pub(super) evidence: Vec<Evidence>,
}

impl Reading {
    /// A number that is known exactly.
    pub(super) fn exact(key: &'static str, value: f64, text: String) -> Reading {
        Reading { key, proved: value, possible: value, text }
    }

    fn verdict(&self, limit: &Limit) -> GateVerdict {
        let is_beyond = |value: f64| match limit.kind {
            LimitKind::Minimum => value < limit.value,
            LimitKind::Maximum | LimitKind::OverBaseline => value > limit.value,
        };
        if is_beyond(self.proved) {
            GateVerdict::Fail
        } else if is_beyond(self.possible) {
            GateVerdict::Inconclusive
        } else {
            GateVerdict::Pass
        }
    }
}

impl NotMeasured {
    pub(super) fn other_kind(why: &str) -> NotMeasured {
        NotMeasured::OtherKind(why.to_owned())
    }

    pub(super) fn missing(why: impl Into<String>) -> NotMeasured {
        NotMeasured::Missing { key: None, why: why.into() }
    }
}

impl Evaluation {
    /// Evaluates a policy for a run.
    ///
    /// # Errors
    /// The run has no value of it, or the baseline has none to compare it with.
    pub(super) fn of(
        setting: &PolicySetting,
        run: &Run<'_>,
        baseline: Option<&Baseline>,
        baseline_runs: &[Run<'_>],
    ) -> Result<Evaluation, NotMeasured> {
        let measurement = match (setting.policy.measure)(setting, run, baseline_runs) {
            Ok(measurement) => Ok(measurement),
            Err(NotMeasured::Inconclusive(why)) => Err(why),
            Err(not_measured) => return Err(not_measured),
        };
        let limits = limits(setting, run, baseline)?;
        match measurement {
            Ok(measurement) => measurement.compared_with(setting, &limits),
            Err(why) => Ok(Evaluation::inconclusive(allowed(&limits), why)),
        }
    }

    /// The policy cannot be decided, for the reason `why`.
    pub(super) fn inconclusive(allowed: String, why: String) -> Evaluation {
        Evaluation {
            verdict: GateVerdict::Inconclusive,
            measured: None,
            allowed,
            message: why,
            evidence: Vec::new(),
        }
    }
}

impl Measurement {
    fn compared_with(
        self,
        setting: &PolicySetting,
        limits: &[Limit],
    ) -> Result<Evaluation, NotMeasured> {
        let mut compared = Vec::new();
        for limit in limits {
            let reading = self.readings.iter().find(|reading| reading.key == limit.reading);
            let reading = reading.ok_or_else(|| NotMeasured::Missing {
                key: Some(limit.reading),
                why: "the recording does not have it".to_owned(),
            })?;
            compared.push((reading.verdict(limit), reading, limit));
        }
        // A setting without a limit is refused when the budget is read.
        let gravest = compared.iter().map(|(verdict, ..)| *verdict).max();
        let verdict = gravest.ok_or_else(|| NotMeasured::missing("it has no limit"))?;
        let decisive = compared.iter().filter(|(of, ..)| *of == verdict);
        let sentences: Vec<String> = decisive
            .map(|(_, reading, limit)| setting.policy.sentence(&reading.text, &limit.text))
            .collect();
        let mut message = sentences.join("; ");
        if !self.details.is_empty() {
            message += &format!(": {}", self.details.join("; "));
        }
        Ok(Evaluation {
            verdict,
            measured: Some(self.text),
            allowed: allowed(limits),
            message,
            evidence: self.evidence,
        })
    }
}

fn allowed(limits: &[Limit]) -> String {
    limits.iter().map(|limit| limit.words.as_str()).collect::<Vec<&str>>().join(", ")
}
