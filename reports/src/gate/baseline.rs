//! A baseline: what runs came to once, as text that is checked in and read in a diff. It holds
//! counts and sizes alone: times are for runs of the same job.
//!
//! ```toml
//! version = 1
//!
//! [run."leakbench --cycles 100000"]
//! lingering-at-end = 0
//! peak-mappings = 2_100
//! ```

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::budget::{BudgetError, BudgetProblem};
use super::check::{at_end_count, measurement, peak_count, peak_value, unaccounted_total};
use super::identity::identity;
use super::policy::{OVER_BASELINE, Policy};
use super::runs::{Run, runs};
use super::toml_text::{At, Number, Table, meant};
use crate::recorded::Recorded;
use leakbench_model::Verdict;
use leakbench_model::text::printable;

/// What runs came to, by the command that runs the same again, on any machine: without the folders
/// of drivers and modules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    name: String,
    /// By policy's name, for a file that is sorted.
    runs: BTreeMap<String, BTreeMap<&'static str, u64>>,
    left_out: Vec<String>,
}

/// A baseline file that cannot be read: it has the same faults as a budget's.
pub type BaselineError = BudgetError;

impl Baseline {
    /// Version of the file format that this leakbench reads and writes.
    pub const VERSION: i64 = 1;

    /// Of runs that were measured to their end; of several of one command the most of each number.
    pub fn of(recordings: &[(String, Recorded)]) -> Baseline {
        let mut baseline = Baseline { name: "baseline".to_owned(), ..Baseline::default() };
        for run in runs(recordings) {
            if measurement(&run).verdict != Verdict::Clean {
                baseline.left_out.push(run.name);
                continue;
            }
            let entry = baseline.runs.entry(run.identity()).or_default();
            for policy in Policy::ALL {
                if let Some(value) = value(policy, &run) {
                    let most = entry.entry(policy.name()).or_default();
                    *most = value.max(*most);
                }
            }
        }
        baseline
    }

    /// Names of recordings that it was not made of, since they died, were interrupted, or their
    /// witnesses failed.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Where it is from: a file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has no run.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Of the run with that [`identity`].
    pub(super) fn value(&self, identity: &str, policy: Policy) -> Option<u64> {
        self.runs.get(identity)?.get(policy.name()).copied()
    }

    /// The text of its file: the same runs give the same text.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "# What leakbench's gate holds later runs against, for `{OVER_BASELINE}` in its budget.\n\
             # Made anew by `leakbench gate baseline`; peaks are rounded up to two digits.\n\
             # A run is known by its command, without the folders of drivers and modules. Give runs\n\
             # --processes and --cpus, which a machine decides else, so that those of all are alike.\n\
             version = {}\n",
            Self::VERSION,
        );
        for (command, values) in &self.runs {
            // A basic string of TOML: what must be escaped there, JSON escapes the same way, but
            // for DEL.
            let key = serde_json::Value::from(command.as_str()).to_string();
            text += &format!("\n[run.{}]\n", key.replace('\u{7f}', "\\u007f"));
            for (policy, value) in values {
                text += &format!("{policy} = {}\n", whole(*value));
            }
        }
        text
    }

    /// Reads the text of the baseline file `name`.
    ///
    /// # Errors
    /// It is no TOML, of another version, or has a key or a value that is not known.
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
                    let problem = unknown(found, "the file", &["version", "run"]);
                    return Err(error(Some(key.line), problem));
                }
            }
        }
        if version { Ok(baseline) } else { Err(error(None, BudgetProblem::NoVersion)) }
    }
}

type Runs = BTreeMap<String, BTreeMap<&'static str, u64>>;

fn read_runs<'a>(
    file: &Table<'a>,
    key: At<&str>,
    value: At<&DeValue<'a>>,
) -> Result<Runs, At<BudgetProblem>> {
    let at = |line, what| At { line, what };
    let tables = file.within(value.what).ok_or_else(|| {
        at(key.line, wrong(key.what, "the file", "tables, [run.\"COMMAND\"]", value.what))
    })?;
    let mut runs = Runs::new();
    for (command, value) in tables.entries() {
        let place = format!("[run.{:?}]", printable(command.what));
        let table = tables
            .within(value.what)
            .ok_or_else(|| at(command.line, wrong(command.what, "[run]", "a table", value.what)))?;
        // As with several runs of one command.
        let values: &mut BTreeMap<_, u64> = runs.entry(identity(command.what)).or_default();
        for (name, value) in table.entries() {
            let kept = Policy::named(name.what).filter(|policy| is_kept(*policy));
            let policy = kept.ok_or_else(|| {
                let known: Vec<&'static str> =
                    Policy::ALL.into_iter().filter(|of| is_kept(*of)).map(Policy::name).collect();
                at(name.line, unknown(name.what, &place, &known))
            })?;
            let number = match Number::of(value.what) {
                Some(Number::Whole(whole)) => u64::try_from(whole).ok(),
                _ => None,
            };
            let number = number.ok_or_else(|| {
                at(name.line, wrong(name.what, &place, "a whole number from 0", value.what))
            })?;
            let most = values.entry(policy.name()).or_default();
            *most = number.max(*most);
        }
    }
    Ok(runs)
}

fn unknown(found: &str, place: &str, known: &[&'static str]) -> BudgetProblem {
    BudgetProblem::UnknownKey {
        found: found.to_owned(),
        place: place.to_owned(),
        meant: meant(found, known.iter().copied()).map(str::to_owned),
        known: known.to_vec(),
    }
}

fn wrong(key: &str, place: &str, wanted: &str, found: &DeValue<'_>) -> BudgetProblem {
    BudgetProblem::WrongValue {
        key: key.to_owned(),
        place: place.to_owned(),
        wanted: wanted.to_owned(),
        found: super::budget::shown(found),
    }
}

/// Whether a baseline has it: what a budget may bound by `over-baseline`.
fn is_kept(policy: Policy) -> bool {
    policy.keys().iter().any(|key| key.name == OVER_BASELINE)
}

/// Proved counts as they are; peaks without their noise.
fn value(policy: Policy, run: &Run<'_>) -> Option<u64> {
    match policy {
        Policy::LingeringAtEnd => at_end_count(run),
        Policy::LingeringPeak => peak_count(run),
        Policy::Unaccounted => unaccounted_total(run),
        _ if is_kept(policy) => Some(rounded_up(peak_value(run, policy.measure()?)?)),
        _ => None,
    }
}

/// To two digits.
pub(super) fn rounded_up(value: u64) -> u64 {
    let digits = value.checked_ilog10().unwrap_or(0);
    let unit = 10u64.pow(digits.saturating_sub(1));
    value.div_ceil(unit).saturating_mul(unit)
}

/// A whole number as TOML has it: `21_000_000`.
pub(super) fn whole(value: u64) -> String {
    leakbench_model::text::grouped(value).replace(',', "_")
}
