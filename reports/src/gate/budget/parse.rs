//! The parser of budget files. An unknown key, policy or value is an error.

use std::borrow::Cow;

use leakbench_model::Resource;
use toml::de::DeValue;

use super::{Bound, Budget, BudgetError, BudgetProblem, Origin, PolicySetting, default_bounds};
use crate::gate::PolicyLevel;
use crate::gate::policies::POLICIES;
use crate::gate::policy::{ALLOW, MEASUREMENT, Numbers, Policy};
use crate::gate::toml_text::{AtLine, Number, Table, most_similar};

/// Whole numbers are compared with measurements as floating point, which is exact up to here.
const WHOLE_MAX: i64 = 1 << 53;

type Problem = AtLine<BudgetProblem>;

impl Budget {
    /// Reads the text of the budget file `name`.
    ///
    /// # Errors
    /// It is not TOML, has another version, or an unknown key, policy or value.
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
                "policy" => read_policies(&file, key, value, &mut budget.settings),
                // Defaults of runs, which the gate does not use.
                "run" => match value.what {
                    DeValue::Table(_) => Ok(()),
                    _ => Err(wrong(key, value, "the file", "a table")),
                },
                _ => Err(unknown(key, "the file", &["version", "gate", "policy", "run"])),
            };
            read.map_err(|problem| error(Some(problem.line), problem.what))?;
        }
        if version { Ok(budget) } else { Err(error(None, BudgetProblem::NoVersion)) }
    }
}

fn read_version(value: AtLine<&DeValue<'_>>) -> Result<(), Problem> {
    match Number::of(value.what) {
        Some(Number::Whole(Budget::VERSION)) => Ok(()),
        _ => {
            let found = shown(value.what);
            Err(AtLine { line: value.line, what: BudgetProblem::OtherVersion { found } })
        }
    }
}

fn read_gate<'a>(
    file: &Table<'a>,
    key: AtLine<&str>,
    value: AtLine<&DeValue<'a>>,
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

/// Replaces the setting of each policy that has a table.
fn read_policies<'a>(
    file: &Table<'a>,
    key: AtLine<&str>,
    value: AtLine<&DeValue<'a>>,
    settings: &mut [PolicySetting],
) -> Result<(), Problem> {
    let wanted = "tables, [policy.NAME]";
    let tables = file.within(value.what).ok_or_else(|| wrong(key, value, "the file", wanted))?;
    for (name, value) in tables.entries() {
        let (index, policy) = Policy::named(name.what)
            .ok_or_else(|| AtLine { line: name.line, what: unknown_policy(name.what) })?;
        let table = tables.within(value.what);
        let table = table.ok_or_else(|| wrong(name, value, "[policy]", "a table"))?;
        settings[index] = read_setting(policy, name.line, &table)?;
    }
    Ok(())
}

fn unknown_policy(found: &str) -> BudgetProblem {
    if found == MEASUREMENT {
        return BudgetProblem::Measurement;
    }
    let known: Vec<Cow<'static, str>> = POLICIES.iter().map(Policy::name).collect();
    let known: Vec<&str> = known.iter().map(|name| &**name).collect();
    BudgetProblem::unknown("policy", found, "[policy]", &known)
}

fn read_setting(
    policy: &'static Policy,
    line: usize,
    table: &Table<'_>,
) -> Result<PolicySetting, Problem> {
    let place = format!("[policy.{}]", policy.name());
    // A policy that has a table is wanted.
    let mut level = PolicyLevel::Error;
    let mut given: Vec<Bound> = Vec::new();
    let mut allow = Vec::new();
    for (key, value) in table.entries() {
        match policy.key(key.what) {
            Some(known) => {
                let number = Number::of(value.what);
                let number = number.and_then(|number| in_range(known.numbers, number));
                let number =
                    number.ok_or_else(|| wrong(key, value, &place, known.numbers.words()))?;
                given.push(Bound { key: known.name, value: number, line: Some(key.line) });
            }
            None if key.what == "level" => level = read_level(key, value, &place)?,
            None if key.what == ALLOW && policy.exempts_resources => {
                allow = read_allow(table, key, value, &place)?;
            }
            None => return Err(unknown(key, &place, &known_keys(policy))),
        }
    }
    let order = |bound: &Bound| policy.keys.iter().position(|key| key.name == bound.key);
    given.sort_by_key(order);
    let bounds = if given.is_empty() { default_bounds(policy) } else { given };
    if bounds.is_empty() && level != PolicyLevel::Off {
        let keys = policy.keys.iter().map(|key| key.name).collect();
        let what = BudgetProblem::NoBound { policy: policy.name().into_owned(), keys };
        return Err(AtLine { line, what });
    }
    Ok(PolicySetting { policy, level, origin: Origin::File { line }, bounds, allow })
}

fn read_level(
    key: AtLine<&str>,
    value: AtLine<&DeValue<'_>>,
    place: &str,
) -> Result<PolicyLevel, Problem> {
    let level = value.what.as_str().and_then(|name| name.parse().ok());
    level.ok_or_else(|| wrong(key, value, place, "\"off\", \"warn\" or \"error\""))
}

fn read_allow<'a>(
    table: &Table<'a>,
    key: AtLine<&str>,
    value: AtLine<&DeValue<'a>>,
    place: &str,
) -> Result<Vec<Resource>, Problem> {
    let names = table.texts(value.what);
    let names = names.ok_or_else(|| wrong(key, value, place, "a list of resources' names"))?;
    let mut allow = Vec::new();
    for name in names {
        let resource = Resource::ALL.into_iter().find(|resource| resource.dashed() == name.what);
        allow.push(resource.ok_or_else(|| {
            let place = format!("`{ALLOW}` of {place}");
            let known = Resource::ALL.map(Resource::dashed);
            let known = known.each_ref().map(String::as_str);
            let what = BudgetProblem::unknown("resource", &name.what, &place, &known);
            AtLine { line: name.line, what }
        })?);
    }
    Ok(allow)
}

fn known_keys(policy: &Policy) -> Vec<&'static str> {
    let allow = policy.exempts_resources.then_some(ALLOW);
    std::iter::once("level").chain(policy.keys.iter().map(|key| key.name)).chain(allow).collect()
}

/// The number, if it is one of `numbers`.
fn in_range(numbers: Numbers, number: Number) -> Option<f64> {
    let value = match number {
        Number::Whole(whole) if whole <= WHOLE_MAX => whole as f64,
        Number::Fraction(fraction) if numbers != Numbers::Whole => fraction,
        _ => return None,
    };
    let fits = match numbers {
        Numbers::Whole | Numbers::NotNegative => value >= 0.0,
        Numbers::Share => (0.0..=1.0).contains(&value),
        Numbers::Positive => value > 0.0,
    };
    (fits && value.is_finite()).then_some(value)
}

fn unknown(key: AtLine<&str>, place: &str, known: &[&str]) -> Problem {
    AtLine { line: key.line, what: BudgetProblem::unknown("key", key.what, place, known) }
}

fn wrong(key: AtLine<&str>, value: AtLine<&DeValue<'_>>, place: &str, wanted: &str) -> Problem {
    let what = BudgetProblem::wrong_value(key.what, place, wanted, value.what);
    AtLine { line: key.line, what }
}

impl BudgetProblem {
    pub(in crate::gate) fn unknown(
        kind: &'static str,
        found: &str,
        place: &str,
        known: &[&str],
    ) -> BudgetProblem {
        BudgetProblem::UnknownName {
            kind,
            found: found.to_owned(),
            place: place.to_owned(),
            meant: most_similar(found, known.iter().copied()).map(str::to_owned),
            known: known.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    pub(in crate::gate) fn wrong_value(
        key: &str,
        place: &str,
        wanted: &str,
        found: &DeValue<'_>,
    ) -> BudgetProblem {
        BudgetProblem::WrongValue {
            key: key.to_owned(),
            place: place.to_owned(),
            wanted: wanted.to_owned(),
            found: shown(found),
        }
    }
}

/// A value as it is in a file; of a list or a table, only its type.
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
