//! JSON Schemas of the types that go in and out, in the 2020-12 dialect that the contract names.
//!
//! Price: building one allocates a tree of values, so it happens in `describe` and nowhere else.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

/// What a tool reads `T` from: an object.
pub fn of_input<T: JsonSchema>() -> String {
    let mut schema = of::<T>(SchemaSettings::draft2020_12().for_deserialize());
    if CHOICES.iter().any(|key| schema.get(*key).is_some()) && schema.get("type").is_none() {
        // An enum of structs is an object, but its schema does not say so at the root.
        schema.insert("type".into(), "object".into());
    }
    schema.to_value().to_string()
}

/// What `T` is read from.
pub(crate) fn of_answer<T: JsonSchema>() -> String {
    of::<T>(SchemaSettings::draft2020_12().for_deserialize()).to_value().to_string()
}

/// What `T` is written as.
pub fn of_output<T: JsonSchema>() -> String {
    of::<T>(SchemaSettings::draft2020_12().for_serialize()).to_value().to_string()
}

/// Under one of these, a schema's type may stand one level down.
const CHOICES: [&str; 4] = ["oneOf", "anyOf", "allOf", "$ref"];

fn of<T: JsonSchema>(settings: SchemaSettings) -> Schema {
    // The contract fixes the dialect, and a Rust type's name means nothing to callers.
    let settings = settings.with(|settings| settings.meta_schema = None);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title");
    schema
}
