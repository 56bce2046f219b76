//! The limits that a budget and a baseline set to a policy's value.

use super::Baseline;
use super::budget::{Bound, PolicySetting};
use super::measurement::NotMeasured;
use super::numbers::figure;
use super::policy::{Key, LimitKind, MAX, OVER_BASELINE};
use super::runs::Run;

/// A limit of a number.
#[derive(Clone, Debug)]
pub(super) struct Limit {
    /// The key of the reading that it limits.
    pub(super) reading: &'static str,
    pub(super) kind: LimitKind,
    pub(super) value: f64,
    /// Its value: `0`, `2,250 (1.1 of the 2,045 in baseline.toml)`.
    pub(super) text: String,
    /// `at most 0`.
    pub(super) words: String,
}

/// The limits that a setting has for a run, in the order of the policy's keys. Of two maxima of one
/// number the lower holds.
///
/// # Errors
/// The baseline has no value for the run.
pub(super) fn limits(
    setting: &PolicySetting,
    run: &Run<'_>,
    baseline: Option<&Baseline>,
) -> Result<Vec<Limit>, NotMeasured> {
    let mut limits: Vec<Limit> = Vec::new();
    for bound in &setting.bounds {
        let Some(key) = setting.policy.key(bound.key) else { continue };
        let limit = match key.limit {
            LimitKind::OverBaseline => over_baseline(setting, bound, run, baseline)?,
            LimitKind::Maximum | LimitKind::Minimum => {
                Limit::new(key, key.name, bound.value, setting.policy.shown(key, bound.value))
            }
        };
        match limits.iter_mut().find(|other| other.reading == limit.reading) {
            Some(other) if other.value <= limit.value => {}
            Some(other) => *other = limit,
            None => limits.push(limit),
        }
    }
    Ok(limits)
}

impl Limit {
    fn new(key: &Key, reading: &'static str, value: f64, text: String) -> Limit {
        let words = key.limited_to(&text);
        Limit { reading, kind: key.limit, value, text, words }
    }
}

fn over_baseline(
    setting: &PolicySetting,
    bound: &Bound,
    run: &Run<'_>,
    baseline: Option<&Baseline>,
) -> Result<Limit, NotMeasured> {
    let policy = setting.policy;
    let missing = |why| NotMeasured::Missing { key: Some(OVER_BASELINE), why };
    let baseline = baseline
        .ok_or_else(|| missing("no baseline file was given (--baseline FILE)".to_owned()))?;
    let identity = run.identity();
    let base = baseline.value(&identity, &policy.name()).ok_or_else(|| {
        missing(format!(
            "{} has no {} of `{identity}`: run `leakbench gate baseline` again, on runs with \
             --processes and --cpus, so that they are the same on every machine",
            baseline.name(),
            policy.name(),
        ))
    })?;
    // 1.15 of 100 is 115, and in floating point a little less.
    let value = (base as f64 * bound.value * (1.0 + 1e-12)).floor();
    let [limit, base] = [value, base as f64].map(|amount| policy.unit.shown(amount));
    let ratio = figure(bound.value);
    let text = format!("{limit} ({ratio} of the {base} in {})", baseline.name());
    Ok(Limit::new(&Key::max(None), MAX, value, text))
}

impl PolicySetting {
    /// Its bounds in words: `at most 0`, `p99 at most 200 µs`. Empty if it has none.
    pub(super) fn allowed(&self) -> String {
        let bounds = self.bounds.iter().filter_map(|bound| {
            let key = self.policy.key(bound.key)?;
            Some(key.limited_to(&self.policy.shown(key, bound.value)))
        });
        bounds.collect::<Vec<String>>().join(", ")
    }
}
