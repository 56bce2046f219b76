//! The JSON Schemas of the documents, generated from the types that are serialised and compared with
//! the files in `schema/`.
//!
//! Other crates know nothing of schemas: their types are described here, and the tests of documents
//! hold these descriptions to what is written. Enums of names come from the names themselves.

use std::borrow::Cow;
use std::path::Path;

use leakbench_scenarios::{Options, Values};
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
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
    /// The verdict. A proved leak is a leak, whatever else is unknown.
    Verdict = leakbench_model::Verdict::NAMES;
    /// The exit code of the verdict: 0 clean, 1 leak, 3 the subject died, 4 inconclusive, 130
    /// interrupted.
    ExitCode = leakbench_model::Verdict::ALL.map(leakbench_model::Verdict::exit_code);
    /// The verdict of the gate: the gravest of the policies of level error. A run that is only slow is
    /// `fail`, and no leak.
    GateVerdict = crate::gate::GateVerdict::NAMES;
    /// The exit code of the gate's verdict: 0 pass, 1 fail or flaky, 3 the subject died, 4
    /// inconclusive.
    GateExitCode = {
        let codes = crate::gate::GateVerdict::ALL.map(crate::gate::GateVerdict::exit_code);
        std::collections::BTreeSet::from(codes)
    };
    /// The effect of a policy's failure: none, a warning, or that the gate fails.
    PolicyLevel = crate::gate::PolicyLevel::NAMES;
    /// The outcome of a policy. `flaky`: within the budget at some attempts, and not at others.
    /// `inconclusive` is never a pass.
    PolicyStatus = crate::gate::Status::NAMES;
    /// The choice of a free slot for an instance.
    Strategy = leakbench_model::Strategy::NAMES;
    /// The effect of a module's drop on slots that map its image.
    OnDrop = leakbench_model::OnDrop::NAMES;
    /// The reason why an image lingers: the kind of its holder.
    Reason = leakbench_model::Reason::NAMES;
    /// The state of a slot that holds an image.
    SlotState = leakbench_model::SlotState::REPORTED
        .into_iter()
        .filter(|state| state.as_holder() == *state)
        .map(leakbench_model::SlotState::as_str)
        .collect::<Vec<&str>>();
    /// The name of a resource. If it ends in `_bytes`, amounts are bytes, else objects.
    Resource = leakbench_model::Resource::ALL
        .map(leakbench_model::Resource::as_str);
    /// The class of a resource.
    ResourceClass = {
        use leakbench_recording::observation::ResourceClass::*;
        [Leak, Reservation, Sawtooth, Bounded, Flat].map(|class| class.as_str())
    };
}

/// Images by their fate: `made` is the sum of the others.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Images {
    /// All images that were made.
    made: u64,
    /// Released before the drop of their module returned.
    synchronous: u64,
    /// Released later.
    late: u64,
    /// Not released, though their module was dropped.
    lingering: u64,
    /// Images of unknown fate.
    unknown: u64,
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

/// A holder of an image.
#[derive(JsonSchema, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum Holder {
    /// A mapping in a slot of the pool.
    Slot {
        /// The slot's number.
        slot: u32,
        /// The slot's state.
        #[schemars(with = "SlotState")]
        state: String,
    },
    /// A descriptor.
    Fd {
        /// Its number.
        fd: i32,
    },
    /// A mapping outside every slot.
    Mapping {
        /// Its start.
        start: u64,
        /// Its end.
        end: u64,
    },
}

/// Images that linger for one reason.
#[derive(JsonSchema, Serialize)]
pub(crate) struct ImagesByReason {
    /// The reason.
    #[schemars(with = "Reason")]
    reason: String,
    /// Their number. Each image counts for one reason.
    images: u64,
}

/// Slots in one state that map a lingering image.
#[derive(JsonSchema, Serialize)]
pub(crate) struct SlotsByState {
    /// Their state.
    #[schemars(with = "SlotState")]
    state: String,
    /// Their number. Each slot counts once.
    slots: u64,
}

/// A finding of the judge.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Finding {
    /// The name of the judge's rule.
    policy: String,
    /// Its gravity. A run with an error is not clean.
    level: Level,
    /// A clause with its numbers. It may contain names from processes and files: data, never markup.
    message: String,
}

/// The gravity of a finding.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only its schema is used")]
enum Level {
    Error,
    Warn,
    Note,
}

/// A failure of a witness, after which its counts cannot be trusted.
#[derive(JsonSchema, Serialize)]
pub(crate) struct WitnessFailure {
    /// Time since the run began, in ms.
    at_ms: u64,
    /// The number of the process in the run.
    subject: u32,
    /// The witness.
    witness: Witness,
    /// The failure in words.
    what: String,
}

/// One of the two witnesses.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only its schema is used")]
enum Witness {
    DeathWatch,
    ProcScan,
}

/// Number of slots in each state.
#[derive(JsonSchema, Serialize)]
pub(crate) struct SlotCounts {
    /// Free, mapping nothing.
    cold: u64,
    /// Free, mapping memory but no image.
    warm: u64,
    /// Free, affine to a live module.
    affine_live: u64,
    /// Lent to an instance.
    in_use: u64,
    /// In a state that the subject does not know.
    unknown: u64,
    /// Waiting in the decommit queue.
    queued: u64,
    /// Free, affine to a dropped module.
    affine_dropped: u64,
}

/// The end of a subject.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Exit {
    /// Time since the run began, in ms.
    at_ms: u64,
    /// The number of the process in the run.
    subject: u32,
    /// The way it ended.
    how: ExitKind,
    /// The last step that each of its threads began.
    last_steps: Vec<LastStep>,
}

/// The way a subject ended.
#[derive(JsonSchema, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[expect(dead_code, reason = "only its schema is used")]
enum ExitKind {
    /// It completed its steps and left.
    Done,
    /// A step failed, and the subject reported it.
    Failed {
        /// The runtime's message.
        error: String,
    },
    /// It left without a report.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// A signal ended it that leakbench did not send.
    Signaled {
        /// The number of the signal.
        signal: i32,
    },
    /// It made no progress for the timeout, and leakbench killed it.
    Hung {
        /// Time without progress, in ms.
        silent_ms: u64,
    },
    /// It violated the protocol, and leakbench killed it.
    ProtocolViolation {
        /// The line that it sent.
        line: String,
    },
    /// leakbench ended it because the user, or the failure of another process, ended the run.
    Stopped,
}

/// The last step of a thread.
#[derive(JsonSchema, Serialize)]
struct LastStep {
    /// The thread.
    thread: u32,
    /// Its cycle.
    cycle: u64,
    /// The step in words.
    step: String,
}

/// The end of an observed process.
#[derive(JsonSchema, Serialize)]
pub(crate) struct ProcessExit {
    /// Time since the observation began, in ms.
    at_ms: u64,
    /// The way it ended.
    how: ProcessExitKind,
}

/// The way an observed process ended.
#[derive(JsonSchema, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[expect(dead_code, reason = "only its schema is used")]
enum ProcessExitKind {
    /// It left with an exit code.
    Exited {
        /// The exit code.
        code: i32,
    },
    /// A signal ended it that leakbench did not send.
    Signaled {
        /// The number of the signal.
        signal: i32,
    },
    /// leakbench ended it, at the end of its time or at the user's request.
    Stopped,
    /// It is gone, and only its parent knows how it ended.
    Vanished,
}

/// An event of an observation.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Remark {
    /// Time since the observation began, in ms.
    at_ms: u64,
    /// True if it makes an observation without leaks inconclusive.
    prevents_clean: bool,
    /// The event in words.
    what: String,
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
        Values::Subject | Values::Text | Values::Path => json!({ "type": "string" }),
        Values::List(items) => json!({ "type": "array", "items": self::values(items) }),
    }
}

/// The outcome of the gate over some recordings.
#[derive(JsonSchema, Serialize)]
pub(crate) struct GateOutcome {
    /// The verdict.
    #[schemars(with = "GateVerdict")]
    verdict: String,
    /// The verdict in a sentence, for people.
    headline: String,
    /// The source of the budget: a file's name, or `default budgets`.
    budget: String,
    /// Every policy of every run, also those that are off.
    policies: Vec<PolicyOutcome>,
}

/// The outcome of a policy for one run, or for all attempts at one run.
#[derive(JsonSchema, Serialize)]
struct PolicyOutcome {
    /// The policy's key in a budget file.
    policy: String,
    /// The name of the recording; of a run with several attempts, that of the first and their number.
    run: String,
    /// The effect of a failure.
    #[schemars(with = "PolicyLevel")]
    level: String,
    /// The outcome.
    #[schemars(with = "PolicyStatus")]
    status: String,
    /// The measured value with its unit; null if there is none.
    measured: Option<String>,
    /// The limits; empty if there are none.
    allowed: String,
    /// The outcome in a sentence. It may contain names of processes and files: data, never markup.
    message: String,
    /// The lines of the recording that the value was read from.
    evidence: Vec<Evidence>,
}

/// A line of a recording.
#[derive(JsonSchema, Serialize)]
struct Evidence {
    /// The recording's file.
    path: String,
    /// The line, from 1.
    line: usize,
    /// The content of the line.
    what: String,
}

/// Closes objects, and describes the fields of variants that have no doc comment.
fn strict(schema: &mut Schema) {
    let object = schema.ensure_object();
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
