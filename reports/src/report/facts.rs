//! The facts of a report: command, choices, machine.

use serde_json::{Map, Value};

use super::FactGroup;
use leakbench_model::text::{bytes, duration_ms, duration_us, grouped, utc};
use leakbench_recording::ledger::Ledger;
use leakbench_scenarios::shell;

/// The facts of a run, in groups.
pub(super) fn of_run(ledger: &Ledger) -> Vec<FactGroup> {
    let start = &ledger.start;
    let mut reproduce = vec![
        fact("command", reproduce_command(&start.command)),
        fact("recorded", &utc(start.started_unix_s)),
        fact("took", &duration_ms(ledger.last_seen_ms)),
        fact(
            "cycles",
            &format!("{} in {}", grouped(ledger.cycles), duration_us(ledger.running_us())),
        ),
    ];
    if let Some(rate) = ledger.rate_per_s() {
        reproduce.push(fact("rate", &format!("{} cycles a second", grouped(rate.round() as u64))));
    }
    reproduce.push(fact("seed", &start.scenario.seed.to_string()));
    let mut runtime = vec![fact("subject", &start.subject)];
    runtime.extend(start.runtime.as_ref().map(|name| fact("runtime", name)));
    for subject in &ledger.subjects {
        if let Some(pid) = subject.pid {
            runtime.push((format!("process of subject {}", subject.number), pid.to_string()));
        }
    }
    let mut groups = vec![group("reproduce", reproduce), group("scenario", scenario(ledger))];
    groups.push(group("machine", machine(&start.fingerprint)));
    groups.push(group("runtime", runtime));
    let measuring = measuring(ledger);
    if !measuring.is_empty() {
        groups.push(group("cost of measuring", measuring));
    }
    groups
}

/// All choices, by the names of their flags.
fn scenario(ledger: &Ledger) -> Vec<(String, String)> {
    match serde_json::to_value(&ledger.start.scenario) {
        Ok(Value::Object(chosen)) => flat(&chosen),
        Ok(_) | Err(_) => vec![fact("scenario", "has a path that is not UTF-8; see the command")],
    }
}

fn measuring(ledger: &Ledger) -> Vec<(String, String)> {
    let Some(end) = &ledger.end else { return Vec::new() };
    let mut facts = Vec::new();
    facts.extend(end.supervisor_cpu_ms.map(|ms| fact("processor time", &duration_ms(ms))));
    facts.extend(
        end.supervisor_peak_rss_bytes.map(|peak| fact("peak resident memory", &bytes(peak))),
    );
    facts
}

/// The facts of a fingerprint.
pub(super) fn machine(fingerprint: &Map<String, Value>) -> Vec<(String, String)> {
    flat(fingerprint)
}

/// The facts that a fingerprint has no value for: `cpu model`.
pub(super) fn unread(fingerprint: &Map<String, Value>) -> Vec<String> {
    let absent = fingerprint.iter().filter(|(_, value)| value.is_null());
    absent.map(|(name, _)| name.replace('_', " ")).collect()
}

/// Names and values of an object, without null values.
fn flat(object: &Map<String, Value>) -> Vec<(String, String)> {
    let facts = object.iter().filter_map(|(name, value)| {
        let name = name.replace('_', "-");
        Some((name, words(value)?))
    });
    facts.collect()
}

fn words(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(true) => Some("yes".to_owned()),
        Value::Bool(false) => Some("no".to_owned()),
        // As typed on a command line, without grouped digits.
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Array(values) => {
            let all: Vec<String> = values.iter().filter_map(words).collect();
            (!all.is_empty()).then(|| all.join(", "))
        }
        Value::Object(object) => {
            let all = flat(object).into_iter().map(|(name, value)| format!("{name} {value}"));
            let all: Vec<String> = all.collect();
            (!all.is_empty()).then(|| all.join(", "))
        }
    }
}

/// A reproduce command, or why there is none to paste: commands of older recordings may have lost bytes.
pub(crate) fn reproduce_command(command: &str) -> &str {
    match shell::is_pasteable(command) {
        true => command,
        false => "not shown, since pasting it would run another command: see the recording",
    }
}

pub(super) fn fact(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

pub(super) fn group(name: &str, facts: Vec<(String, String)>) -> FactGroup {
    FactGroup { name: name.to_owned(), facts }
}
