//! Everything a tool may return, and what becomes of its errors.

use std::collections::BTreeMap;

use serde_json::json;
use skillhost_sdk::prelude::*;
use skillhost_sdk::{Blob, Content, mock};

#[derive(Debug, thiserror::Error)]
#[error("the plan could not be kept")]
struct NotKept(#[source] HostError);

/// As a crate with a `Result` of its own has it.
type Answer<T> = Result<T, ToolError>;

/// One tool for each kind of answer.
#[skill(name = "replies", version = "2.3.4", description = "Answers.")]
mod replies {
    use super::*;

    #[derive(Deserialize, JsonSchema)]
    pub struct Rows {
        pub rows: Vec<Row>,
    }

    #[derive(Deserialize, JsonSchema)]
    pub struct Row {
        pub count: u8,
    }

    /// Text.
    #[tool]
    pub fn text() -> String {
        "read me".to_owned()
    }

    /// Fixed text.
    #[tool]
    pub fn fixed() -> Result<&'static str, ToolError> {
        Ok("always")
    }

    /// All at once, with the schema of the data.
    #[tool(output = Vec<u8>)]
    pub fn all() -> Result<Output, ToolError> {
        Output::new().text("a").image("image/png", [1]).audio("audio/wav", [2]).text("b").data(&[7])
    }

    /// Data without a schema of its own.
    #[tool]
    pub fn loose() -> Result<Output, ToolError> {
        Output::new().data(&json!({"any": "thing"}))
    }

    /// Data that JSON cannot write.
    #[tool]
    pub fn unwritable() -> Result<BTreeMap<Vec<u8>, u8>, ToolError> {
        Ok(BTreeMap::from([(vec![1], 1)]))
    }

    /// Sums up.
    #[tool]
    pub fn sum(input: Rows) -> Result<String, ToolError> {
        let sum = input.rows.iter().try_fold(0_u8, |sum, row| sum.checked_add(row.count));
        Ok(sum.ok_or_else(|| ToolError::invalid_input("the sum is over 255: send fewer rows"))?.to_string())
    }

    /// Fails as `?` has it.
    #[tool]
    pub fn parse() -> Result<String, ToolError> {
        Ok("x".parse::<u8>()?.to_string())
    }

    /// Returns a `Result` by another name.
    #[tool]
    pub fn alias() -> Answer<Vec<u8>> {
        Ok(vec![1])
    }

    /// Is not there.
    #[cfg(target_os = "none")]
    #[tool]
    pub fn absent() -> String {
        nothing_of_this_name()
    }

    /// Fails as the skill's own error.
    #[tool]
    pub fn keep() -> Result<(), NotKept> {
        blackboard::set("plan", "x").map_err(NotKept)
    }
}

#[test]
fn what_the_attribute_gives_goes_before_cargo_and_the_doc_comment() {
    let manifest = replies::manifest();
    assert_eq!((&*manifest.name, &*manifest.version, &*manifest.description), ("replies", "2.3.4", "Answers."));
}

#[test]
fn a_string_is_text_and_has_no_schema() {
    let output = replies::call("text", "{}").unwrap();
    assert_eq!(output, Output::new().text("read me"));
    assert_eq!(replies::call("fixed", "{}").unwrap().texts(), "always");
    assert_eq!(replies::manifest().tool("text").unwrap().output_schema, None);
}

#[test]
fn a_result_may_go_by_another_name() {
    assert_eq!(replies::call("alias", "{}").unwrap().data.as_deref(), Some("[1]"));
    assert!(replies::manifest().tool("alias").unwrap().output_schema.is_some());
}

#[test]
fn a_tool_that_is_configured_away_is_in_neither_manifest_nor_dispatch() {
    assert_eq!(replies::manifest().tool("absent"), None);
    assert!(replies::call("absent", "{}").is_err());
}

#[test]
fn an_output_keeps_its_pieces_in_order() {
    let output = replies::call("all", "{}").unwrap();
    let blob = |mime_type: &str, byte| Blob { mime_type: mime_type.to_owned(), bytes: vec![byte] };
    let pieces = [
        Content::Text("a".to_owned()),
        Content::Image(blob("image/png", 1)),
        Content::Audio(blob("audio/wav", 2)),
        Content::Text("b".to_owned()),
    ];
    assert_eq!(output.content, pieces);
    assert_eq!(output.data.as_deref(), Some("[7]"));
}

#[test]
fn an_output_has_the_schema_that_is_named_for_it_or_none() {
    let manifest = replies::manifest();
    assert!(manifest.tool("all").unwrap().output_schema.as_deref().unwrap().contains(r#""type":"array""#));
    assert_eq!(manifest.tool("loose").unwrap().output_schema, None);
    assert_eq!(replies::call("loose", "{}").unwrap().value(), json!({"any": "thing"}));
}

#[test]
fn data_that_json_cannot_write_fails_the_call_and_not_the_component() {
    let error = replies::call("unwritable", "{}").unwrap_err();
    assert!(matches!(&error, ToolError::Failed(why) if why.contains("key must be a string")), "{error:?}");
}

#[test]
fn a_misfit_deep_in_the_input_is_named_by_its_path() {
    let error = replies::call("sum", r#"{"rows": [{"count": 1}, {"count": "two"}]}"#).unwrap_err();
    assert!(matches!(&error, ToolError::InvalidInput(why) if why.starts_with("`rows[1].count`: ")), "{error:?}");
}

#[test]
fn a_tools_own_refusal_reaches_the_caller_as_it_is() {
    let error = replies::call("sum", r#"{"rows": [{"count": 200}, {"count": 200}]}"#).unwrap_err();
    assert_eq!(error, ToolError::invalid_input("the sum is over 255: send fewer rows"));
}

#[test]
fn an_error_through_the_question_mark_is_failed() {
    let error = replies::call("parse", "{}").unwrap_err();
    assert_eq!(error, ToolError::failed("invalid digit found in string"));
}

#[test]
fn a_refusal_of_the_host_is_failed_and_its_absence_is_transient_however_deep() {
    mock::reset();
    mock::deny("blackboard.write plan");
    let denied = replies::call("keep", "{}").unwrap_err();
    assert_eq!(denied, ToolError::failed("the plan could not be kept: denied: blackboard.write plan"));
    mock::reset();
    mock::take_down();
    let down = replies::call("keep", "{}").unwrap_err();
    assert!(matches!(down, ToolError::Transient(_)), "{down:?}");
}

#[test]
fn the_kind_of_an_error_can_be_said() {
    let parsed = || "x".parse::<u8>();
    assert!(matches!(parsed().or_invalid_input(), Err(ToolError::InvalidInput(_))));
    assert!(matches!(parsed().or_transient(), Err(ToolError::Transient(_))));
}
