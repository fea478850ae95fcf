//! Messages as they come in: read once, and what is none is answered as JSON-RPC says.

use rmcp::ErrorData;
use rmcp::model::{ClientJsonRpcMessage, JsonRpcError, RequestId};
use serde_json::Value;

/// What came.
pub(super) enum Incoming {
    /// A message.
    Message(Box<ClientJsonRpcMessage>),
    /// Something that nobody waits for an answer to.
    Nothing,
    /// What is no message, and what to say of it.
    Wrong(Box<JsonRpcError>),
}

/// Reads one message. The parser's own bound on nesting (128) keeps deep documents out.
pub(super) fn read(bytes: &[u8]) -> Incoming {
    let error = match serde_json::from_slice(bytes) {
        Ok(message) => return Incoming::Message(Box::new(message)),
        Err(error) => error,
    };
    let wrong = |id, error| Incoming::Wrong(Box::new(JsonRpcError::new(id, error)));
    let value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(error) => return wrong(None, ErrorData::parse_error(format!("the message is no JSON: {error}"), None)),
    };
    let id = value.get("id").and_then(|id| serde_json::from_value::<RequestId>(id.clone()).ok());
    if id.is_none() && value.get("method").is_some_and(Value::is_string) && value.get("id").is_none() {
        return Incoming::Nothing;
    }
    wrong(id, ErrorData::invalid_request(format!("the message is no request of JSON-RPC 2.0: {error}"), None))
}
