//! The documents against the schemas that are checked in, both ways: every document keeps to its
//! schema, and every property of a schema is written in some document.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use leakbench_model::{FailedSteps, FaultCount, Resource, SlotCounts};
use leakbench_recording::observation::{
    ObservationRecord, OldObjects, ProcessExit, ProcessExitKind,
};
use leakbench_recording::recording::{ExitKind, Interrupted, Record};
use leakbench_reports::render::Format;
use leakbench_scenarios::{Options, Values};
use serde_json::{Map, Value};

use super::{Case, cases};
use crate::common;
use crate::fixtures::observation;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("it is checked in");
    serde_json::from_str(&text).expect("it is JSON")
}

/// A schema with all its documents.
struct Checked {
    name: &'static str,
    schema: Value,
    validator: Validator,
    documents: Vec<(String, Value)>,
}

/// The schema of a document, by a field that no other has.
fn schema_of(document: &Value) -> &'static str {
    for (field, name) in [
        ("resources", "observation"),
        ("rows", "comparison"),
        ("policies", "gate"),
        ("images", "result"),
    ] {
        if document.get(field).is_some() {
            return name;
        }
    }
    panic!("no format has the fields of {document}")
}

fn checked() -> Vec<Checked> {
    let mut documents: Vec<(String, Value)> = Vec::new();
    let golden = std::fs::read_dir(folder("tests/golden")).expect("a folder");
    for path in golden.map(|entry| entry.expect("an entry").path()) {
        if path.extension().is_some_and(|extension| extension == "json") {
            documents.push((path.display().to_string(), read(&path)));
        }
    }
    let mut all = cases();
    all.extend([everything(), stopped(), slow_leak_below_traffic()]);
    all.extend(
        observation::cases().iter().map(|(name, recording, _)| Case::observation(name, recording)),
    );
    for case in all {
        let mut keep = |case: &Case| {
            for (name, text) in case.files(Format::Json) {
                let document = serde_json::from_str(&text).expect("it is JSON");
                documents.push((format!("{} of {}", name, case.name), document));
            }
        };
        keep(&case);
        if case.outcome.is_some() {
            keep(&Case { outcome: None, ..case });
        }
    }
    ["result", "observation", "comparison", "gate"]
        .into_iter()
        .map(|name| {
            let schema = read(&folder("schema").join(format!("{name}.schema.json")));
            assert!(jsonschema::meta::is_valid(&schema), "{name}");
            let validator = jsonschema::validator_for(&schema).expect("a schema");
            let own = documents.iter().filter(|(_, document)| schema_of(document) == name);
            let documents: Vec<_> = own.cloned().collect();
            assert!(!documents.is_empty(), "nothing is a {name}");
            Checked { name, schema, validator, documents }
        })
        .collect()
}

const FAULT: &str = "mmap=ENOMEM@every:97";

fn example(values: &Values) -> Value {
    match values {
        Values::Names(names) => names[0].into(),
        Values::Switch => true.into(),
        Values::Number { .. } | Values::Bytes => 100.into(),
        Values::Subject | Values::Path => "guest.wasm".into(),
        // Also a variable of the environment.
        Values::Text => "NAME=value".into(),
        Values::Fault => FAULT.into(),
        Values::List(items) => vec![example(items)].into(),
    }
}

/// A run with rare fields: options of few runtimes, and every way to end.
fn everything() -> Case {
    let mut recording = common::leak_queue();
    let Record::Start(start) = &mut recording.records[0] else { panic!("it has a start") };
    let options = Options::rows().into_iter();
    let every_option: Map<String, Value> =
        options.map(|row| (row.json_key.to_owned(), example(&row.values))).collect();
    start.scenario = serde_json::from_value(every_option.into()).expect("a scenario");
    let ways = [
        ExitKind::Failed { error: "all slots are in use".to_owned() },
        ExitKind::Exited { code: 3 },
        ExitKind::Signaled { signal: 9 },
        ExitKind::Hung { silent_ms: 60_000 },
        ExitKind::ProtocolViolation { line: "hello".to_owned() },
        ExitKind::Stopped,
    ];
    for (subject, how) in (1..).zip(ways) {
        recording.records.push(common::up(subject, 3_000));
        recording.records.push(common::exit(subject, 310, how, &[(7, "drop module 7")]));
    }
    let slots = common::leak_keep().records.iter().find_map(slots);
    for record in &mut recording.records {
        match record {
            Record::Barrier(barrier) => {
                barrier.slots = slots;
                barrier.failed_steps = FailedSteps {
                    under_faults: 3,
                    later: 1,
                    first_under_faults: Some("instantiating, module 7: no memory".to_owned()),
                    first_later: Some("instantiating, module 8: no slot".to_owned()),
                };
            }
            Record::Exit(exit) => {
                let fault = FAULT.parse().expect("a fault");
                exit.faults = vec![FaultCount { fault, calls: 291, injected: 3 }];
            }
            _ => {}
        }
    }
    recording.records.push(Record::Interrupted(Interrupted { at_ms: 315 }));
    Case::run("everything", &recording, None)
}

/// A process that leakbench ended.
fn stopped() -> Case {
    let mut recording = observation::socket_leak();
    let gone = ProcessExit {
        at_ms: 59_500,
        how: ProcessExitKind::Stopped,
        faults: vec![FaultCount { fault: FAULT.parse().expect("a fault"), calls: 97, injected: 1 }],
    };
    recording.records.insert(61, ObservationRecord::Exit(gone));
    Case::observation("stopped", &recording)
}

/// One socket in two seconds is never closed, and up to 420 others are at any time.
fn slow_leak_below_traffic() -> Case {
    let traffic = |second: u64| 20 + second * 7_919 % 401;
    let recording = observation::attached(|s| vec![(Resource::SocketFds, traffic(s) + s / 2)]);
    let age_s = 10;
    let old_objects = OldObjects {
        at_ms: 59_000,
        age_ms: age_s * 1_000,
        times_ms: (age_s..60).map(|second| second * 1_000).collect(),
        counts: [(Resource::SocketFds, (0..60 - age_s).map(|second| second / 2).collect())].into(),
        young: [(Resource::SocketFds, traffic(59))].into(),
    };
    let recording = observation::with(recording, ObservationRecord::OldObjects(old_objects));
    Case::observation("slow leak below traffic", &recording)
}

fn slots(record: &Record) -> Option<SlotCounts> {
    match record {
        Record::Barrier(barrier) => barrier.slots,
        _ => None,
    }
}

#[test]
fn every_document_keeps_to_its_schema() {
    for Checked { validator, documents, .. } in checked() {
        for (name, document) in documents {
            let wrong: Vec<String> = validator
                .iter_errors(&document)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
        }
    }
}

/// The paths of all objects in a document but open ones.
fn objects(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.push(at.to_owned());
            for (name, field) in fields.iter().filter(|(name, _)| *name != "fingerprint") {
                objects(field, &format!("{at}/{name}"), found);
            }
        }
        // Items of a list are alike.
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate().take(3) {
                objects(item, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn fields<'a>(document: &'a mut Value, at: &str) -> &'a mut Map<String, Value> {
    document.pointer_mut(at).and_then(Value::as_object_mut).expect("an object")
}

#[test]
fn a_document_with_another_field_or_without_one_or_with_a_wrong_one_fails() {
    // Their fields depend on the runtime, the kernel and the forecast.
    let optional = ["scenario", "at_rest", "at_last_barrier"];
    for Checked { name, validator, documents, .. } in checked() {
        let (_, document) =
            documents.iter().max_by_key(|(_, document)| document.to_string().len()).expect("some");
        let mut found = Vec::new();
        objects(document, "", &mut found);
        for at in found {
            let mut more = document.clone();
            fields(&mut more, &at).insert("nonsense".to_owned(), Value::Null);
            assert!(!validator.is_valid(&more), "{name}: {at}/nonsense");
            let names: Vec<String> = fields(&mut more, &at).keys().cloned().collect();
            for field in names.iter().filter(|field| *field != "nonsense") {
                let mut wrong = document.clone();
                fields(&mut wrong, &at).insert(field.clone(), Value::from(vec![Value::Null]));
                assert!(!validator.is_valid(&wrong), "{name}: {at}/{field} is no list of nothing");
                if optional.iter().any(|name| at.ends_with(name)) || field == "seconds_to_limit" {
                    continue;
                }
                let mut less = document.clone();
                fields(&mut less, &at).remove(field);
                assert!(!validator.is_valid(&less), "{name}: without {at}/{field}");
            }
        }
    }
}

/// Walks a document and its schema, and collects the properties that have a value.
fn visit(root: &Value, schema: &Value, at: &str, document: &Value, seen: &mut BTreeSet<String>) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let at = reference.strip_prefix('#').expect("within the schema");
        let target = root.pointer(at).expect("it is there");
        visit(root, target, at, document, seen);
    }
    for choice in ["oneOf", "anyOf"] {
        let options = schema.get(choice).and_then(Value::as_array);
        for (index, option) in options.into_iter().flatten().enumerate() {
            let kind = option.pointer("/properties/kind/const");
            if kind.is_none_or(|kind| document.get("kind") == Some(kind)) {
                visit(root, option, &format!("{at}/{choice}/{index}"), document, seen);
            }
        }
    }
    if let (Some(properties), Value::Object(fields)) = (schema.get("properties"), document) {
        for (name, field) in fields {
            let at = format!("{at}/properties/{name}");
            if let Some(schema) = properties.get(name).filter(|_| !field.is_null()) {
                visit(root, schema, &at, field, seen);
                seen.insert(at);
            }
        }
    }
    if let (Some(items), Value::Array(all)) = (schema.get("items"), document) {
        for item in all {
            visit(root, items, &format!("{at}/items"), item, seen);
        }
    }
}

/// All properties of a schema.
fn properties(schema: &Value, at: &str, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            for (name, field) in fields {
                let here = format!("{at}/{name}");
                if at.ends_with("/properties") {
                    found.insert(here.clone());
                    let described = field.get("description").or(field.get("$ref"));
                    assert!(described.is_some(), "{here} is not described");
                    let is_for_rust = |text: &str| text.contains("[`");
                    let description = field["description"].as_str();
                    assert!(!description.is_some_and(is_for_rust), "{here}: {description:?}");
                }
                properties(field, &here, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                properties(item, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_property_of_a_schema_is_described_and_written_somewhere() {
    for Checked { name, schema, documents, .. } in checked() {
        let mut seen = BTreeSet::new();
        for (_, document) in &documents {
            visit(&schema, &schema, "", document, &mut seen);
        }
        let mut all = BTreeSet::new();
        properties(&schema, "", &mut all);
        let dead: Vec<&String> = all.difference(&seen).collect();
        assert!(dead.is_empty(), "{name}: {dead:#?}");
    }
}
