//! JSON Schemas of the types that write themselves.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::SlotCounts;

/// The schema of an enum of names with these lines of documentation.
#[doc(hidden)]
pub fn of_names(documentation: &[&str], names: &[&str]) -> Schema {
    let lines = documentation.iter().map(|line| line.trim());
    let first: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    json_schema!({ "description": first.join(" "), "type": "string", "enum": names })
}

impl JsonSchema for SlotCounts {
    fn schema_name() -> Cow<'static, str> {
        "SlotCounts".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = serde_json::Map::new();
        for (state, name) in SlotCounts::COUNTED {
            let mut number = generator.subschema_for::<u64>();
            number.insert("description".to_owned(), format!("Slots: {}.", state.words()).into());
            properties.insert(name.to_owned(), number.to_value());
        }
        json_schema!({
            "description": "Number of slots in each state.",
            "type": "object",
            "required": SlotCounts::COUNTED.map(|(_, name)| name),
            "properties": properties,
        })
    }
}
