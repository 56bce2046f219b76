//! A baseline: values of earlier runs, as a text that is checked in and read in a diff. It holds
//! counts and sizes only: times are compared with runs of the same job.
//!
//! ```toml
//! version = 1
//!
//! [run."leakbench --cycles 100000"]
//! lingering-at-end = 0
//! peak-mappings = 2_100
//! ```

use std::borrow::Cow;
use std::collections::BTreeMap;

use leakbench_model::text::printable;
use toml::de::DeValue;

use super::GateVerdict;
use super::budget::{BudgetError, BudgetProblem, PolicySetting};
use super::identity::identity;
use super::measurement::Evaluation;
use super::numbers::{rounded_up, toml_integer};
use super::policies::POLICIES;
use super::policy::{OVER_BASELINE, Policy};
use super::runs::{Run, runs};
use super::toml_text::{AtLine, Number, Table};
use crate::recorded::Recorded;

/// Values of runs, by the identity of the run: the same on every machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    name: String,
    runs: Runs,
    left_out: Vec<String>,
}

/// The value of each policy, by its name, of each run, by its identity: sorted, as in the file.
type Runs = BTreeMap<String, BTreeMap<Cow<'static, str>, u64>>;

/// A baseline file that cannot be read. Its faults are those of a budget file.
pub type BaselineError = BudgetError;

impl Baseline {
    /// Version of the file format that this leakbench reads and writes.
    pub const VERSION: i64 = 1;

    /// Takes the values of runs that were measured to their end; of several runs of one command the
    /// largest of each.
    pub fn of(recordings: &[(String, Recorded)]) -> Baseline {
        let mut baseline = Baseline { name: "baseline".to_owned(), ..Baseline::default() };
        for run in runs(recordings) {
            if Evaluation::of_completeness(&run).verdict != GateVerdict::Pass {
                baseline.left_out.push(run.name);
                continue;
            }
            let entry = baseline.runs.entry(run.identity()).or_default();
            for policy in POLICIES.iter().filter(|policy| policy.has_baseline()) {
                if let Some(value) = value(policy, &run) {
                    let largest = entry.entry(policy.name()).or_default();
                    *largest = value.max(*largest);
                }
            }
        }
        baseline
    }

    /// Names of recordings that it leaves out: the subject died, the run was interrupted, or a
    /// witness failed.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Its source: a file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// It has no run.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The value of a policy, of the run with that [`identity`].
    pub(super) fn value(&self, identity: &str, policy: &str) -> Option<u64> {
        self.runs.get(identity)?.get(policy).copied()
    }

    /// The text of its file: the same runs give the same text.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "# Values of earlier runs, for the key `{OVER_BASELINE}` of leakbench's budget files.\n\
             # Written by `leakbench gate baseline`; peaks are rounded up to two digits.\n\
             # A run is found by its command, without the folders of drivers and modules. Give runs\n\
             # --processes and --cpus, so that they are the same on every machine.\n\
             version = {}\n",
            Self::VERSION,
        );
        for (command, values) in &self.runs {
            // A basic string of TOML has the escapes of a JSON string, and must escape DEL too.
            let key = serde_json::Value::from(command.as_str()).to_string();
            text += &format!("\n[run.{}]\n", key.replace('\u{7f}', "\\u007f"));
            for (policy, value) in values {
                text += &format!("{policy} = {}\n", toml_integer(*value));
            }
        }
        text
    }

    /// Reads the text of the baseline file `name`.
    ///
    /// # Errors
    /// It is not TOML, has another version, an unknown key or value, or a last line without its end. leakbench
    /// writes whole lines, and half a number would be another limit.
    pub fn parse(text: &str, name: &str) -> Result<Baseline, BaselineError> {
        let error =
            |line, problem| BudgetError { file: name.to_owned(), line, problem: Box::new(problem) };
        let file =
            Table::parse(text).map_err(|not| error(not.line, BudgetProblem::NotToml(not.why)))?;
        let mut baseline = Baseline { name: name.to_owned(), ..Baseline::default() };
        let mut version = false;
        for (key, value) in file.entries() {
            match key.what {
                "version" if Number::of(value.what) == Some(Number::Whole(Self::VERSION)) => {
                    version = true;
                }
                "version" => {
                    let found = super::budget::shown(value.what);
                    return Err(error(Some(key.line), BudgetProblem::OtherVersion { found }));
                }
                "run" => {
                    let read = read_runs(&file, key, value);
                    baseline.runs =
                        read.map_err(|problem| error(Some(problem.line), problem.what))?;
                }
                found => {
                    let problem =
                        BudgetProblem::unknown("key", found, "the file", &["version", "run"]);
                    return Err(error(Some(key.line), problem));
                }
            }
        }
        match version {
            false => Err(error(None, BudgetProblem::NoVersion)),
            true if !text.ends_with('\n') => {
                Err(error(Some(text.lines().count()), BudgetProblem::Cut))
            }
            true => Ok(baseline),
        }
    }
}

fn read_runs<'a>(
    file: &Table<'a>,
    key: AtLine<&str>,
    value: AtLine<&DeValue<'a>>,
) -> Result<Runs, AtLine<BudgetProblem>> {
    let wrong = |key: AtLine<&str>, place: &str, wanted: &str, found: AtLine<&DeValue<'a>>| {
        let what = BudgetProblem::wrong_value(key.what, place, wanted, found.what);
        AtLine { line: key.line, what }
    };
    let tables = file
        .within(value.what)
        .ok_or_else(|| wrong(key, "the file", "tables, [run.\"COMMAND\"]", value))?;
    let known = POLICIES.iter().filter(|policy| policy.has_baseline()).map(Policy::name);
    let known: Vec<Cow<'static, str>> = known.collect();
    let mut runs = Runs::new();
    for (command, value) in tables.entries() {
        let place = format!("[run.{:?}]", printable(command.what));
        let table =
            tables.within(value.what).ok_or_else(|| wrong(command, "[run]", "a table", value))?;
        // Two commands may have the same identity.
        let values = runs.entry(identity(command.what)).or_default();
        for (name, value) in table.entries() {
            let policy = known.iter().find(|known| *known == name.what);
            let policy = policy.ok_or_else(|| {
                let known: Vec<&str> = known.iter().map(|name| &**name).collect();
                let what = BudgetProblem::unknown("policy", name.what, &place, &known);
                AtLine { line: name.line, what }
            })?;
            let number = match Number::of(value.what) {
                Some(Number::Whole(whole)) => u64::try_from(whole).ok(),
                _ => None,
            };
            let number =
                number.ok_or_else(|| wrong(name, &place, "a whole number from 0", value))?;
            let largest = values.entry(policy.clone()).or_default();
            *largest = number.max(*largest);
        }
    }
    Ok(runs)
}

/// Counts of objects as they are; peaks of resources without their noise.
fn value(policy: &'static Policy, run: &Run<'_>) -> Option<u64> {
    let measured = (policy.measure)(&PolicySetting::default_of(policy), run, &[]);
    let value = measured.ok()?.value? as u64;
    Some(if policy.resource().is_some() { rounded_up(value) } else { value })
}
