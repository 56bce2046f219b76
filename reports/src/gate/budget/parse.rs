//! A budget from the text of its file. What is not understood is an error, never passed over.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::{AskedBy, Bound, Budget, BudgetError, BudgetProblem, Rule, default_bounds};
use crate::gate::PolicyLevel;
use crate::gate::policy::{ALLOW, KeyKind, MEASUREMENT, Policy};
use crate::gate::toml_text::{At, Number, Table, meant};
use leakbench_recording::observation::Resource;

/// Whole numbers are held against measurements as floating point, which is exact up to here.
const WHOLE_MAX: i64 = 1 << 53;

/// What is wrong, and in which line.
type Problem = At<BudgetProblem>;

impl Budget {
    /// Reads the text of the budget file `name`.
    ///
    /// # Errors
    /// It is no TOML, of another version, or has a key, a policy or a value that is not known.
    pub fn parse(text: &str, name: &str) -> Result<Budget, BudgetError> {
        let error =
            |line, problem| BudgetError { file: name.to_owned(), line, problem: Box::new(problem) };
        let file =
            Table::parse(text).map_err(|not| error(not.line, BudgetProblem::NotToml(not.why)))?;
        let mut budget = Budget { name: name.to_owned(), ..Budget::default() };
        let mut version = false;
        for (key, value) in file.entries() {
            let read = match key.what {
                "version" => {
                    version = true;
                    read_version(value)
                }
                "gate" => read_gate(&file, key, value).map(|flaky| {
                    budget.flaky = flaky.unwrap_or(budget.flaky);
                }),
                "policy" => read_policies(&file, key, value).map(|rules| budget.rules = rules),
                _ => Err(unknown(key, "the file", &["version", "gate", "policy"])),
            };
            read.map_err(|problem| error(Some(problem.line), problem.what))?;
        }
        if version { Ok(budget) } else { Err(error(None, BudgetProblem::NoVersion)) }
    }
}

fn read_version(value: At<&DeValue<'_>>) -> Result<(), Problem> {
    match Number::of(value.what) {
        Some(Number::Whole(Budget::VERSION)) => Ok(()),
        _ => {
            let found = shown(value.what);
            Err(At { line: value.line, what: BudgetProblem::OtherVersion { found } })
        }
    }
}

fn read_gate<'a>(
    file: &Table<'a>,
    key: At<&str>,
    value: At<&DeValue<'a>>,
) -> Result<Option<PolicyLevel>, Problem> {
    let gate = file.within(value.what).ok_or_else(|| wrong(key, value, "the file", "a table"))?;
    let mut flaky = None;
    for (key, value) in gate.entries() {
        flaky = match (key.what, value.what.as_str()) {
            ("flaky", Some("error")) => Some(PolicyLevel::Error),
            ("flaky", Some("warn")) => Some(PolicyLevel::Warn),
            ("flaky", _) => return Err(wrong(key, value, "[gate]", "\"error\" or \"warn\"")),
            _ => return Err(unknown(key, "[gate]", &["flaky"])),
        };
    }
    Ok(flaky)
}

fn read_policies<'a>(
    file: &Table<'a>,
    key: At<&str>,
    value: At<&DeValue<'a>>,
) -> Result<BTreeMap<Policy, Rule>, Problem> {
    let wanted = "tables, [policy.NAME]";
    let tables = file.within(value.what).ok_or_else(|| wrong(key, value, "the file", wanted))?;
    let mut rules = BTreeMap::new();
    for (name, value) in tables.entries() {
        let Some(policy) = Policy::named(name.what) else {
            let what = match name.what {
                MEASUREMENT => BudgetProblem::Measurement,
                found => BudgetProblem::UnknownPolicy {
                    found: found.to_owned(),
                    meant: meant(found, Policy::ALL.map(Policy::name)).map(str::to_owned),
                },
            };
            return Err(At { line: name.line, what });
        };
        let table = tables.within(value.what);
        let table = table.ok_or_else(|| wrong(name, value, "[policy]", "a table"))?;
        rules.insert(policy, read_rule(policy, name.line, &table)?);
    }
    Ok(rules)
}

fn read_rule(policy: Policy, line: usize, table: &Table<'_>) -> Result<Rule, Problem> {
    let place = format!("[policy.{}]", policy.name());
    // Who writes a table of a policy wants it.
    let mut level = PolicyLevel::Error;
    let mut given: Vec<Bound> = Vec::new();
    let mut allow = Vec::new();
    for (key, value) in table.entries() {
        match policy.keys().iter().find(|known| known.name == key.what) {
            Some(known) => {
                let number = Number::of(value.what).and_then(|number| bounded(known.kind, number));
                let number =
                    number.ok_or_else(|| wrong(key, value, &place, known.kind.wanted()))?;
                given.push(Bound { key: known.name, value: number, line: Some(key.line) });
            }
            None if key.what == "level" => level = read_level(key, value, &place)?,
            None if key.what == ALLOW && policy == Policy::Growth => {
                allow = read_allow(table, key, value, &place)?;
            }
            None => return Err(unknown(key, &place, &known_keys(policy))),
        }
    }
    let order = |bound: &Bound| policy.keys().iter().position(|key| key.name == bound.key);
    given.sort_by_key(order);
    let bounds = if given.is_empty() { default_bounds(policy) } else { given };
    if bounds.is_empty() && level != PolicyLevel::Off {
        let keys = policy.keys().iter().map(|key| key.name).collect();
        let what = BudgetProblem::BoundsNothing { policy: policy.name(), keys };
        return Err(At { line, what });
    }
    Ok(Rule { level, asked_by: AskedBy::File(line), bounds, allow })
}

fn read_level(key: At<&str>, value: At<&DeValue<'_>>, place: &str) -> Result<PolicyLevel, Problem> {
    match value.what.as_str() {
        Some("off") => Ok(PolicyLevel::Off),
        Some("warn") => Ok(PolicyLevel::Warn),
        Some("error") => Ok(PolicyLevel::Error),
        _ => Err(wrong(key, value, place, "\"off\", \"warn\" or \"error\"")),
    }
}

fn read_allow<'a>(
    table: &Table<'a>,
    key: At<&str>,
    value: At<&DeValue<'a>>,
    place: &str,
) -> Result<Vec<Resource>, Problem> {
    let names = table.texts(value.what);
    let names = names.ok_or_else(|| wrong(key, value, place, "a list of resources' names"))?;
    let mut allow = Vec::new();
    for name in names {
        let resource = Resource::ALL.into_iter().find(|resource| resource.as_str() == name.what);
        allow.push(resource.ok_or_else(|| {
            let name = At { line: name.line, what: name.what.as_str() };
            let known = Resource::ALL.map(Resource::as_str);
            unknown(name, &format!("`{ALLOW}` of {place}"), &known)
        })?);
    }
    Ok(allow)
}

fn known_keys(policy: Policy) -> Vec<&'static str> {
    let allow = (policy == Policy::Growth).then_some(ALLOW);
    std::iter::once("level").chain(policy.keys().iter().map(|key| key.name)).chain(allow).collect()
}

/// The number, if it is one that such a bound may be.
fn bounded(kind: KeyKind, number: Number) -> Option<f64> {
    let value = match number {
        Number::Whole(whole) if whole <= WHOLE_MAX => whole as f64,
        Number::Fraction(fraction) if kind != KeyKind::Count => fraction,
        _ => return None,
    };
    let fits = match kind {
        KeyKind::Count | KeyKind::Amount => value >= 0.0,
        KeyKind::Share => (0.0..=1.0).contains(&value),
        KeyKind::Ratio => value > 0.0,
    };
    (fits && value.is_finite()).then_some(value)
}

fn unknown(key: At<&str>, place: &str, known: &[&'static str]) -> Problem {
    let what = BudgetProblem::UnknownKey {
        found: key.what.to_owned(),
        place: place.to_owned(),
        meant: meant(key.what, known.iter().copied()).map(str::to_owned),
        known: known.to_vec(),
    };
    At { line: key.line, what }
}

fn wrong(key: At<&str>, value: At<&DeValue<'_>>, place: &str, wanted: &str) -> Problem {
    let what = BudgetProblem::WrongValue {
        key: key.what.to_owned(),
        place: place.to_owned(),
        wanted: wanted.to_owned(),
        found: shown(value.what),
    };
    At { line: key.line, what }
}

/// A value as it is in a file; of lists and tables, what it is.
pub(in crate::gate) fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(whole) => whole.as_str().to_owned(),
        DeValue::Float(fraction) => fraction.as_str().to_owned(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
