//! Runs as results of the protocol.
//!
//! Contract: whatever became of a run is a result with the run's name, and with its kind where it failed; data that a client's
//! era cannot take structured is text. Price: one copy of the output, in base64 where it is no text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmcp::model::{CallToolResult, ContentBlock, MetaObject};
use serde_json::{Value, json};
use skillhost_types::{Content, ErrorKind, Output, RunError, RunRecord};

use super::tools::Era;

/// What became of a run.
pub(super) fn result(record: &RunRecord, era: Era) -> CallToolResult {
    let run = Some(record.run.to_string());
    match (&record.output, &record.error) {
        (_, Some(error)) => failure(error, run),
        (Some(output), None) => success(output, run, era),
        (None, None) => failure(&RunError::new(ErrorKind::Internal, "the run has no outcome"), run),
    }
}

/// An error that whoever asked for the call is to read, with its kind for a program.
pub(super) fn failure(error: &RunError, run: Option<String>) -> CallToolResult {
    let mut result = CallToolResult::error(vec![ContentBlock::text(error.message.clone())]);
    result.meta = Some(meta(run, Some(error.kind)));
    result
}

fn success(output: &Output, run: Option<String>, era: Era) -> CallToolResult {
    let mut content: Vec<ContentBlock> = output.content.iter().map(block).collect();
    // Clients that do not look at structured content read it as text.
    if let (true, Some(data)) = (content.is_empty(), &output.data) {
        content.push(ContentBlock::text(data.to_string()));
    }
    let mut result = CallToolResult::success(content);
    result.structured_content = output.data.clone().filter(|data| era == Era::Stateless || data.is_object());
    result.meta = Some(meta(run, None));
    result
}

fn block(content: &Content) -> ContentBlock {
    match content {
        Content::Text { text } => ContentBlock::text(text.clone()),
        Content::Image { data, mime_type } => ContentBlock::image(STANDARD.encode(data), mime_type.clone()),
        Content::Audio { data, mime_type } => ContentBlock::audio(STANDARD.encode(data), mime_type.clone()),
    }
}

fn meta(run: Option<String>, kind: Option<ErrorKind>) -> MetaObject {
    let mut meta = MetaObject::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            meta.insert(key.to_owned(), value);
        }
    };
    put("run", run.map(Value::String));
    put("kind", kind.map(|kind| json!(kind)));
    meta
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(output: &Output, era: Era) -> Value {
        let mut value = serde_json::to_value(success(output, None, era)).unwrap();
        value.as_object_mut().unwrap().retain(|key, _| key == "content" || key == "structuredContent");
        value
    }

    #[test]
    fn data_without_content_is_text_as_well_and_structured_where_the_era_lets_it() {
        let number = Output { data: Some(json!(7)), content: Vec::new() };
        let text = json!([{"type": "text", "text": "7"}]);
        assert_eq!(shown(&number, Era::Sessions), json!({"content": text}));
        assert_eq!(shown(&number, Era::Stateless), json!({"content": text, "structuredContent": 7}));
        let object = Output { data: Some(json!({"n": 1})), content: vec![Content::Text { text: "one".into() }] };
        let expected = json!({"content": [{"type": "text", "text": "one"}], "structuredContent": {"n": 1}});
        assert_eq!(shown(&object, Era::Sessions), expected);
        let null = Output { data: Some(Value::Null), content: Vec::new() };
        assert_eq!(shown(&null, Era::Stateless)["structuredContent"], Value::Null);
        assert_eq!(shown(&null, Era::Stateless)["content"][0]["text"], "null");
    }

    #[test]
    fn pictures_and_sounds_are_base64_with_their_type() {
        let content = vec![
            Content::Image { data: vec![1, 2, 3], mime_type: "image/png".into() },
            Content::Audio { data: vec![4], mime_type: "audio/wav".into() },
        ];
        let expected = json!({"content": [
            {"type": "image", "data": "AQID", "mimeType": "image/png"},
            {"type": "audio", "data": "BA==", "mimeType": "audio/wav"},
        ]});
        assert_eq!(shown(&Output { data: None, content }, Era::Sessions), expected);
    }

    #[test]
    fn an_error_is_for_the_reader_and_its_kind_for_a_program() {
        let error = RunError::new(ErrorKind::HostCalls, "too many");
        let value = serde_json::to_value(failure(&error, Some("R".into()))).unwrap();
        assert_eq!(value["isError"], true);
        assert_eq!(value["content"][0]["text"], "too many");
        assert_eq!(value["_meta"], json!({"run": "R", "kind": "host-calls"}));
    }
}
