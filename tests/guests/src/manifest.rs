//! Manifests in one line each. Nothing is checked: a lie passes as it stands.

use crate::{Answer, Content, Manifest, Output, Tool, ToolError, ToolHints, Want};
use serde_json::{Map, Value, json};

/// A manifest of version 1.0.0 without subscriptions and wants.
pub fn manifest(name: &str, tools: Vec<Tool>) -> Manifest {
    Manifest {
        name: name.into(),
        version: "1.0.0".into(),
        description: format!("A guest of the tests: {name}."),
        tools,
        subscriptions: vec![],
        wants: vec![],
    }
}

/// A tool whose input is an object with these optional parameters, each with its JSON Schema type.
pub fn tool(name: &str, description: &str, parameters: &[(&str, &str)]) -> Tool {
    let properties: Map<String, Value> =
        parameters.iter().map(|(name, kind)| ((*name).to_string(), parameter(kind))).collect();
    raw_tool(name, description, &json!({ "type": "object", "properties": properties }).to_string())
}

/// `any` has no type at all, so that a caller may pass whatever JSON it likes.
fn parameter(kind: &str) -> Value {
    match kind {
        "any" => json!({}),
        "strings" => json!({ "type": "array", "items": { "type": "string" } }),
        "objects" => json!({ "type": "array", "items": { "type": "object" } }),
        _ => json!({ "type": kind }),
    }
}

/// A tool with its input schema word by word.
pub fn raw_tool(name: &str, description: &str, input_schema: &str) -> Tool {
    Tool {
        name: name.into(),
        description: description.into(),
        input_schema: input_schema.into(),
        output_schema: None,
        hints: ToolHints::empty(),
    }
}

/// A want with a reason that a test may look for.
pub fn want(capability: &str, scope: &str) -> Want {
    Want { capability: capability.into(), scope: scope.into(), reason: format!("The tests try {capability}.") }
}

/// Structured output, with the same document as text.
pub fn data(value: Value) -> Answer {
    raw_data(value.to_string())
}

/// Structured output word by word, and no content.
pub fn raw_data(data: String) -> Answer {
    Ok(Output { data: Some(data), content: vec![] })
}

/// Text alone.
pub fn text(text: impl Into<String>) -> Answer {
    Ok(Output { data: None, content: vec![Content::Text(text.into())] })
}

/// `failed` with this message.
pub fn failed(why: impl Into<String>) -> Answer {
    Err(ToolError::Failed(why.into()))
}

/// `call` for a guest that answers every tool with its input.
pub fn echo(_tool: &str, input: String) -> Answer {
    raw_data(input)
}

/// The answer to a tool that the guest never described.
pub fn unknown(tool: &str) -> Answer {
    Err(ToolError::InvalidInput(format!("this guest has no tool `{tool}`")))
}

/// An input whose fields have defaults.
pub struct Input(pub Value);

impl Input {
    /// The document, or an empty object where it is none.
    pub fn read(document: &str) -> Self {
        Self(serde_json::from_str(document).unwrap_or_else(|_| json!({})))
    }

    /// A whole number that is not negative.
    pub fn number(&self, field: &str, default: u64) -> u64 {
        self.0[field].as_u64().unwrap_or(default)
    }

    /// A whole number.
    pub fn signed(&self, field: &str, default: i64) -> i64 {
        self.0[field].as_i64().unwrap_or(default)
    }

    /// A string.
    pub fn string<'a>(&'a self, field: &str, default: &'a str) -> &'a str {
        self.0[field].as_str().unwrap_or(default)
    }

    /// A string or nothing.
    pub fn maybe_string(&self, field: &str) -> Option<String> {
        self.0[field].as_str().map(String::from)
    }

    /// A whole number or nothing.
    pub fn maybe_number(&self, field: &str) -> Option<u64> {
        self.0[field].as_u64()
    }

    /// A list of strings, empty by default.
    pub fn strings(&self, field: &str) -> Vec<String> {
        let items = self.0[field].as_array();
        items.map(|all| all.iter().filter_map(|one| one.as_str().map(String::from)).collect()).unwrap_or_default()
    }

    /// A field that holds JSON, as a document; a string stands for itself.
    pub fn document(&self, field: &str) -> String {
        match &self.0[field] {
            Value::String(text) => text.clone(),
            Value::Null => "{}".into(),
            other => other.to_string(),
        }
    }
}
