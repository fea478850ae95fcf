//! What goes into a run and what comes out.

use std::borrow::Cow;

use serde_json::Value;
use skillhost_capabilities::RawOutput;
use skillhost_redaction::Redactor;
use skillhost_types::{ByteSize, Content, ErrorKind, Limits, Output, RunError};

use super::Came;
use crate::schema::Schema;

/// The input's document.
pub(super) fn decode(input: &str, limits: &Limits) -> Result<Value, RunError> {
    if input.len() as u64 > limits.input {
        return Err(RunError::new(
            ErrorKind::InvalidInput,
            format!(
                "the input is {} bytes long; the limit is {} (`limits.input`)",
                input.len(),
                ByteSize(limits.input)
            ),
        ));
    }
    // The parser's own bound on nesting (128) keeps deep documents out.
    serde_json::from_str(input)
        .map_err(|error| RunError::new(ErrorKind::InvalidInput, format!("the input is no JSON: {error}")))
}

/// What is wrong with the input, and where.
pub(super) fn invalid_input(path: &str, message: &str) -> RunError {
    let place = if path.is_empty() { "the input" } else { path };
    RunError::new(ErrorKind::InvalidInput, format!("{place}: {message}"))
}

/// A native tool's output, once it is JSON and fits the tool's own schema.
pub(super) fn checked(raw: RawOutput, schema: Option<&Schema>) -> Result<Output, RunError> {
    let broken = |message: String| Err(RunError::new(ErrorKind::ToolError, message));
    let data: Option<Value> = match raw.data.as_deref().map(serde_json::from_str).transpose() {
        Ok(data) => data,
        Err(error) => return broken(format!("the tool's output is no JSON: {error}")),
    };
    if let Some(schema) = schema {
        let Some(data) = &data else {
            return broken("the tool gave no structured output, but has a schema for it".into());
        };
        if let Err(mismatch) = schema.check(data) {
            return broken(format!(
                "the tool's output breaks its own schema at `{}`: {}",
                mismatch.path, mismatch.message
            ));
        }
    }
    Ok(Output { data, content: raw.content })
}

/// What a plain component's `err` says: its text, or its value as JSON.
pub(super) fn plain_error(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "the function gave an error without a value".to_owned(),
        other => other.to_string(),
    }
}

/// Takes secrets out of what a run gave and said, ahead of everybody who hears of it.
pub(super) fn redact(redactor: &Redactor, result: &mut Result<Output, RunError>, came: &mut Came) {
    let clean = |text: &mut String| clean(redactor, text);
    match result {
        Ok(Output { data, content }) => {
            data.iter_mut().for_each(|data| redact_document(redactor, data));
            for content in content {
                if let Content::Text { text } = content {
                    clean(text);
                }
            }
        }
        Err(error) => clean(&mut error.message),
    }
    came.log.iter_mut().for_each(|line| clean(&mut line.message));
    for call in &mut came.calls {
        clean(&mut call.what);
        call.error.iter_mut().for_each(clean);
    }
}

fn clean(redactor: &Redactor, text: &mut String) {
    if let Cow::Owned(clean) = redactor.text(text) {
        *text = clean;
    }
}

/// Every text of a document, the names of its fields too.
fn redact_document(redactor: &Redactor, value: &mut Value) {
    match value {
        Value::String(text) => clean(redactor, text),
        Value::Array(items) => items.iter_mut().for_each(|item| redact_document(redactor, item)),
        Value::Object(fields) => {
            let renamed = |name: &String| match redactor.text(name) {
                Cow::Owned(clean) => Some((name.clone(), clean)),
                Cow::Borrowed(_) => None,
            };
            let names: Vec<_> = fields.keys().filter_map(renamed).collect();
            for (name, clean) in names {
                if let Some(value) = fields.remove(&name) {
                    fields.insert(clean, value);
                }
            }
            fields.values_mut().for_each(|value| redact_document(redactor, value));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
