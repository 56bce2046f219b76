//! The JSON Schemas of the documents, generated from the types that are serialised and compared with
//! the files in `schema/`.
//!
//! A type of a document describes itself. Only what is written by hand is described here: numbers with a
//! fixed set of values, footprints, and the choices of a run.

use std::borrow::Cow;
use std::path::Path;

use leakbench_scenarios::{Options, Values};
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::{ComparisonJson, ObservationJson, OutcomeJson, RESULT_VERSION, ResultJson};

/// A type whose schema is a list of values.
macro_rules! values {
    ($( $(#[doc = $doc:literal])* $name:ident = $values:expr; )+) => { $(
        pub(crate) struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let description = [$($doc.trim()),*].join(" ");
                let values: Vec<Value> = $values.iter().map(|&value| json!(value)).collect();
                json_schema!({ "description": description, "enum": values })
            }
        }
    )+ };
}

values! {
    /// Version of the format. Within a version, fields may be added, and none changes its meaning or
    /// is removed.
    Version = [RESULT_VERSION];
    /// The exit code of the verdict: 0 clean, 1 leak, 3 the subject died, 4 inconclusive, 130
    /// interrupted.
    ExitCode = leakbench_model::Verdict::ALL.map(leakbench_model::Verdict::exit_code);
    /// The exit code of the gate's verdict: 0 pass, 1 fail or flaky, 3 the subject died, 4
    /// inconclusive.
    GateExitCode = {
        let codes = crate::gate::GateVerdict::ALL.map(crate::gate::GateVerdict::exit_code);
        std::collections::BTreeSet::from(codes)
    };
}

/// The footprint of a process. Missing measurements are absent.
pub(crate) struct Footprint;

impl JsonSchema for Footprint {
    fn schema_name() -> Cow<'static, str> {
        "Footprint".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let amounts = amounts(generator.subschema_for::<u64>());
        json_schema!({
            "description": "The footprint of a process. Missing measurements are absent.",
            "type": "object",
            "properties": amounts,
        })
    }
}

/// The amount of each resource that a run samples. Missing measurements are null.
pub(crate) struct Amounts;

impl JsonSchema for Amounts {
    fn schema_name() -> Cow<'static, str> {
        "Amounts".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let amounts = amounts(generator.subschema_for::<Option<u64>>());
        json_schema!({
            "description": "The amount of each resource that a run samples. Missing measurements are null.",
            "type": "object",
            "required": leakbench_model::Resource::OF_A_RUN,
            "properties": amounts,
        })
    }
}

/// A property for each resource that a run samples.
fn amounts(mut amount: Schema) -> Map<String, Value> {
    let properties = leakbench_model::Resource::OF_A_RUN.map(|resource| {
        amount.insert("description".to_owned(), json!(format!("Amount of {}.", resource.noun())));
        (resource.to_string(), amount.clone().to_value())
    });
    properties.into_iter().collect()
}

/// All choices of a run, from the table of options.
pub(crate) struct Scenario;

impl JsonSchema for Scenario {
    fn schema_name() -> Cow<'static, str> {
        "Scenario".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // Of a runtime without choices.
        let least = json!(leakbench_scenarios::Scenario::default());
        let rows = Options::rows();
        let properties = rows.iter().map(|row| {
            let mut schema = values(&row.values);
            if least.get(row.json_key).is_some_and(Value::is_null) {
                schema["type"] = json!([schema["type"], "null"]);
            }
            schema["description"] = json!(format!("{}.", row.help));
            (row.json_key.to_owned(), schema)
        });
        let properties: Map<String, Value> = properties.collect();
        let required: Vec<&str> = rows.iter().map(|row| row.json_key).collect();
        let required = required.into_iter().filter(|key| least.get(key).is_some());
        json_schema!({
            "description": "All choices of a run. Choices that the runtime lacks are absent.",
            "type": "object",
            "properties": properties,
            "required": required.collect::<Vec<&str>>(),
        })
    }
}

/// The schema of an option's values.
fn values(values: &Values) -> Value {
    match values {
        Values::Names(names) => json!({ "type": "string", "enum": names }),
        Values::Switch => json!({ "type": "boolean" }),
        Values::Number { min, max } => {
            let format = if *max > u32::MAX.into() { "uint64" } else { "uint32" };
            json!({ "type": "integer", "format": format, "minimum": min })
        }
        Values::Bytes => json!({ "type": "integer", "format": "uint64", "minimum": 0 }),
        Values::Subject | Values::Text | Values::Path | Values::Fault => {
            json!({ "type": "string" })
        }
        Values::List(items) => json!({ "type": "array", "items": self::values(items) }),
    }
}

/// Closes objects, writes descriptions in one line, and describes the fields of variants that have no
/// doc comment.
fn strict(schema: &mut Schema) {
    let object = schema.ensure_object();
    if let Some(Value::String(description)) = object.get_mut("description") {
        *description = description.replace('\n', " ");
    }
    let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for (name, description) in [("kind", "The kind."), ("reason", "The reason in words.")] {
        if let Some(field) = properties.get_mut(name).and_then(Value::as_object_mut) {
            field.entry("description").or_insert_with(|| description.into());
        }
    }
    object.insert("additionalProperties".to_owned(), false.into());
}

fn generated<T: JsonSchema>(name: &str, title: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    RecursiveTransform(strict).transform(&mut schema);
    let object: &mut Map<String, Value> = schema.ensure_object();
    object.insert("$id".to_owned(), json!(format!("urn:leakbench:{name}:{RESULT_VERSION}")));
    object.insert("title".to_owned(), json!(title));
    schema.to_value()
}

/// With `LEAKBENCH_BLESS`, the files are written.
#[test]
fn the_schemas_that_are_checked_in_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    for (name, title, schema) in [
        ("result", "Result of a leakbench run", generated::<ResultJson> as fn(&str, &str) -> Value),
        ("observation", "Result of a leakbench observation", generated::<ObservationJson>),
        ("comparison", "Comparison of leakbench runs", generated::<ComparisonJson>),
        ("gate", "Outcome of the leakbench gate", generated::<OutcomeJson<'_>>),
    ] {
        let path = folder.join(format!("{name}.schema.json"));
        let text = serde_json::to_string_pretty(&schema(name, title)).expect("text") + "\n";
        if std::env::var_os("LEAKBENCH_BLESS").is_some() {
            std::fs::write(&path, &text).expect("the file can be written");
        }
        let kept = std::fs::read_to_string(&path).expect("the file is checked in");
        assert!(kept == text, "{name}: run the test with LEAKBENCH_BLESS=1 and read the diff");
    }
}
