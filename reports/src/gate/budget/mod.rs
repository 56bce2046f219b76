//! A budget: a rule for each policy, from a file that is checked in, or as it is by default.
//!
//! ```toml
//! version = 1
//!
//! [gate]
//! flaky = "error"            # or "warn": what failed at one attempt and passed at another
//!
//! [policy.lingering-at-end]
//! level = "error"            # or "warn", "off"; a table without a level means "error"
//! max = 0
//!
//! [policy.peak-mappings]
//! over-baseline = 1.1        # of what the file given with --baseline has
//! ```

mod error;
mod init;
mod parse;

pub use error::{BudgetError, BudgetProblem};
pub(super) use parse::shown;

use std::collections::BTreeMap;

use super::PolicyLevel;
use super::policy::Policy;
use leakbench_recording::observation::Resource;

/// A rule for each policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    name: String,
    flaky: PolicyLevel,
    rules: BTreeMap<Policy, Rule>,
}

/// What a policy allows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    pub(super) level: PolicyLevel,
    pub(super) asked_by: AskedBy,
    /// Each key once, in the order of the policy's keys.
    pub(super) bounds: Vec<Bound>,
    /// Resources that may grow; of policy `growth` alone.
    pub(super) allow: Vec<Resource>,
}

/// Who wants a policy judged, and is not to be told nothing where it cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AskedBy {
    /// It is as it is by default.
    Nobody,
    /// A file: the line of its table.
    File(usize),
    /// Baseline runs that were given (`--against`).
    Against,
}

/// How much is allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bound {
    pub(super) key: &'static str,
    pub(super) value: f64,
    /// `None` of a default.
    pub(super) line: Option<usize>,
}

impl Budget {
    /// Version of the file format that this leakbench reads and writes.
    pub const VERSION: i64 = 1;

    /// Where it is from: a file's name, or `default budgets`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it means that a policy failed at one attempt and passed at another: an error, or a
    /// warning. It stays an error of a death, of a witness that failed, and where no attempt passed
    /// every policy of level error.
    pub fn flaky(&self) -> PolicyLevel {
        self.flaky
    }

    /// The level of a policy.
    pub fn level(&self, policy: Policy) -> PolicyLevel {
        self.rule(policy).level
    }

    /// This budget for recordings that baseline runs are given with: where it says nothing of
    /// throughput, that is judged by its default bound.
    pub(super) fn with_runs_to_hold_against(&self) -> Budget {
        let mut budget = self.clone();
        budget.rules.entry(Policy::Throughput).or_insert_with(|| Rule {
            level: PolicyLevel::Error,
            asked_by: AskedBy::Against,
            ..Rule::default_of(Policy::Throughput)
        });
        budget
    }

    pub(super) fn rule(&self, policy: Policy) -> Rule {
        self.rules.get(&policy).cloned().unwrap_or_else(|| Rule::default_of(policy))
    }
}

impl Default for Budget {
    /// Every policy as it is by default.
    fn default() -> Budget {
        Budget {
            name: "default budgets".to_owned(),
            flaky: PolicyLevel::Error,
            rules: BTreeMap::new(),
        }
    }
}

impl Rule {
    fn default_of(policy: Policy) -> Rule {
        Rule {
            level: policy.default_level(),
            asked_by: AskedBy::Nobody,
            bounds: default_bounds(policy),
            allow: Vec::new(),
        }
    }

    /// Whether somebody asked for it.
    pub(super) fn is_explicit(&self) -> bool {
        self.asked_by != AskedBy::Nobody
    }

    pub(super) fn bound(&self, key: &str) -> Option<f64> {
        self.bounds.iter().find(|bound| bound.key == key).map(|bound| bound.value)
    }

    /// The line of a key, or else of the policy's table.
    pub(super) fn line_of(&self, key: Option<&str>) -> Option<usize> {
        let bound = self.bounds.iter().find(|bound| key == Some(bound.key));
        let line = match self.asked_by {
            AskedBy::File(line) => Some(line),
            AskedBy::Nobody | AskedBy::Against => None,
        };
        bound.and_then(|bound| bound.line).or(line)
    }
}

fn default_bounds(policy: Policy) -> Vec<Bound> {
    let bounds = policy.default_bounds().iter();
    bounds.map(|&(key, value)| Bound { key, value, line: None }).collect()
}
