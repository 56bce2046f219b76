//! A budget: a setting for each policy, from a file that is checked in, or the default ones.
//!
//! ```toml
//! version = 1
//!
//! [gate]
//! flaky = "error"            # or "warn": a policy that failed at one attempt and passed at another
//!
//! [policy.lingering-at-end]
//! level = "error"            # or "warn", "off"; a table without a level means "error"
//! max = 0
//!
//! [policy.peak-mappings]
//! over-baseline = 1.1        # times the value in the file given with --baseline
//! ```

mod error;
mod init;
mod parse;

pub use error::{BudgetError, BudgetProblem};
pub(super) use init::{MeasuredRuns, Suggest, Suggestion};
pub(super) use parse::shown;

use leakbench_model::Resource;

use super::PolicyLevel;
use super::policies::POLICIES;
use super::policy::{OVER_BASELINE, Policy};

/// A setting for each policy.
#[derive(Clone, Debug)]
pub struct Budget {
    name: String,
    flaky: PolicyLevel,
    /// In the order of [`POLICIES`].
    settings: Vec<PolicySetting>,
}

/// A policy with the level and the bounds that a budget gives it.
#[derive(Clone, Debug)]
pub(super) struct PolicySetting {
    pub(super) policy: &'static Policy,
    pub(super) level: PolicyLevel,
    pub(super) origin: Origin,
    /// Each key once, in the order of the policy's keys.
    pub(super) bounds: Vec<Bound>,
    /// Resources that may grow.
    pub(super) allow: Vec<Resource>,
}

/// The origin of a setting. A setting that was asked for and cannot be evaluated is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The default.
    Default,
    /// A budget file.
    File {
        /// The line of its table, from 1.
        line: usize,
    },
    /// Runs that were given with `--against`.
    BaselineRuns,
}

/// A bound with its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bound {
    pub(super) key: &'static str,
    pub(super) value: f64,
    /// Its line in the budget file, from 1; `None` of a default.
    pub(super) line: Option<usize>,
}

impl Budget {
    /// Version of the file format that this leakbench reads and writes.
    pub const VERSION: i64 = 1;

    /// Its source: a file's name, or `default budgets`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The level of a policy that failed at one attempt and passed at another. A death or a failed
    /// witness stays an error, and so does any policy if no attempt passed all policies of level
    /// error.
    pub fn flaky(&self) -> PolicyLevel {
        self.flaky
    }

    /// The level of the policy `name`; `None` if there is no such policy.
    pub fn level(&self, name: &str) -> Option<PolicyLevel> {
        Policy::named(name).map(|(index, _)| self.settings[index].level)
    }

    pub(super) fn settings(&self) -> &[PolicySetting] {
        &self.settings
    }

    /// This budget for recordings that are given together with baseline runs: a policy that needs
    /// them, and that the budget does not name, has the level error.
    pub(super) fn with_baseline_runs(&self) -> Budget {
        let mut budget = self.clone();
        for setting in &mut budget.settings {
            if setting.policy.needs_baseline_runs && setting.origin == Origin::Default {
                setting.level = PolicyLevel::Error;
                setting.origin = Origin::BaselineRuns;
            }
        }
        budget
    }
}

impl Default for Budget {
    /// The default setting of every policy.
    fn default() -> Budget {
        Budget {
            name: "default budgets".to_owned(),
            flaky: PolicyLevel::Error,
            settings: POLICIES.iter().map(PolicySetting::default_of).collect(),
        }
    }
}

impl PolicySetting {
    /// The setting of a budget that does not name the policy.
    pub(super) fn default_of(policy: &'static Policy) -> PolicySetting {
        PolicySetting {
            policy,
            level: policy.level,
            origin: Origin::Default,
            bounds: default_bounds(policy),
            allow: Vec::new(),
        }
    }

    /// A file or a flag asked for it.
    pub(super) fn is_explicit(&self) -> bool {
        self.origin != Origin::Default
    }

    /// It is on, and compares its value with that of a baseline.
    pub(super) fn uses_baseline(&self) -> bool {
        let mut bounds = self.bounds.iter();
        self.level != PolicyLevel::Off && bounds.any(|bound| bound.key == OVER_BASELINE)
    }

    /// The line of a key, or else of the policy's table.
    pub(super) fn line_of(&self, key: Option<&str>) -> Option<usize> {
        let bound = self.bounds.iter().find(|bound| key == Some(bound.key));
        let table = match self.origin {
            Origin::File { line } => Some(line),
            Origin::Default | Origin::BaselineRuns => None,
        };
        bound.and_then(|bound| bound.line).or(table)
    }
}

fn default_bounds(policy: &Policy) -> Vec<Bound> {
    let keys = policy.keys.iter();
    keys.filter_map(|key| Some(Bound { key: key.name, value: key.default?, line: None })).collect()
}
