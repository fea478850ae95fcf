//! Answers that must fit a schema.
//!
//! Contract: an answer with a schema is given out only if it is JSON and fits; a fence of Markdown around it is taken
//! off. Schemas are written by skills, so the host passes in who compiles them with bounds. Price: a parse and a
//! check.

use serde_json::Value;

/// Says why a document does not fit.
pub type Check = Box<dyn Fn(&Value) -> Result<(), String> + Send + Sync>;

/// Makes a check of a JSON Schema's text, or says why it is none. It bounds what a check costs: skills write these
/// schemas.
pub type CompileSchema = dyn Fn(&str) -> Result<Check, String> + Send + Sync;

/// The text without a fence, if it fits.
pub(crate) fn fit(text: &str, check: &Check) -> Result<String, String> {
    let bare = unfenced(text);
    let document: Value = serde_json::from_str(bare).map_err(|error| format!("the answer is no JSON ({error})"))?;
    check(&document).map_err(|reason| format!("the answer does not fit the output schema: {reason}"))?;
    Ok(bare.to_owned())
}

fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let inner = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    // The first line of a fence names the language.
    inner.and_then(|inner| inner.split_once('\n')).map_or(text, |(_, inner)| inner.trim())
}

/// Whether OpenAI's strict mode takes the schema: every object closed, every property required. Others it refuses
/// whole.
pub(crate) fn is_strict(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => {
            let closed = match fields.get("properties").and_then(Value::as_object) {
                Some(properties) => {
                    let required = fields.get("required").and_then(Value::as_array);
                    fields.get("additionalProperties") == Some(&Value::Bool(false))
                        && properties.keys().all(|name| {
                            required.is_some_and(|names| names.iter().any(|one| one.as_str() == Some(name)))
                        })
                }
                None => fields.get("type").and_then(Value::as_str) != Some("object"),
            };
            closed && fields.values().all(is_strict)
        }
        Value::Array(items) => items.iter().all(is_strict),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_fits_with_and_without_a_fence() {
        let check: Check = Box::new(|value| if value["a"] == 1 { Ok(()) } else { Err("`a` is 1".into()) });
        for text in ["{\"a\":1}", " {\"a\":1}\n", "```json\n{\"a\":1}\n```", "```\n{\"a\":1}```"] {
            assert_eq!(fit(text, &check), Ok("{\"a\":1}".to_owned()), "{text}");
        }
        assert!(fit("{\"a\":2}", &check).is_err_and(|why| why.contains("`a` is 1")));
        assert!(fit("Sure! {\"a\":1}", &check).is_err_and(|why| why.contains("no JSON")));
    }

    #[test]
    fn strict_is_a_schema_whose_objects_are_closed_and_complete() {
        let closed =
            json!({"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false});
        assert!(is_strict(&closed));
        assert!(is_strict(&json!({"type":"array","items":closed})));
        for open in [
            json!({"type":"object"}),
            json!({"type":"object","properties":{"a":{}},"required":["a"]}),
            json!({"type":"object","properties":{"a":{}},"additionalProperties":false}),
            json!({"type":"array","items":{"type":"object"}}),
        ] {
            assert!(!is_strict(&open), "{open}");
        }
    }
}
