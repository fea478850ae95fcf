//! Why an attempt failed, and what follows: the one table.
//!
//! Contract: every failure has an [`ErrorKind`], decided from what happened, the HTTP status and the code in the body,
//! never from the words of a message. The kind alone decides what is done ([`ErrorKind::then`]), whether the provider
//! is at fault ([`ErrorKind::blames`]) and whether it may have cost something ([`ErrorKind::may_cost`]).

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::limits::MAX_EXCERPT;

/// What kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// No connection: refused, no such host, no encryption.
    Connect,
    /// The key is missing here.
    NoKey,
    /// The key is refused there.
    Unauthorized,
    /// Too many requests.
    RateLimited,
    /// The provider's own account is empty.
    Quota,
    /// The provider says that it is overloaded.
    Overloaded,
    /// The provider failed.
    Server,
    /// The provider does not have the model.
    UnknownModel,
    /// The provider does not have this service.
    Unsupported,
    /// The answer leads elsewhere.
    Redirect,
    /// The answer is none.
    Nonsense,
    /// The answer is too long.
    TooLarge,
    /// Nothing came in time.
    FirstToken,
    /// Nothing came in the part of the caller's time that this provider had; it was too short to blame it.
    Hurried,
    /// The answer stopped and did not go on.
    Stalled,
    /// The answer took too long as a whole.
    Total,
    /// The answer ended in its middle, or before it began.
    Cut,
    /// The answer does not fit the schema.
    Unfit,
    /// The conversation is too long for the model.
    ContextTooLong,
    /// The provider does not answer such requests.
    ContentPolicy,
    /// The request is wrong.
    BadRequest,
    /// All places at the provider are taken.
    Busy,
    /// The provider is left alone.
    LeftAlone,
    /// A budget is spent.
    Budget,
    /// What the call costs cannot be written down.
    Books,
    /// The caller's time was up.
    Deadline,
}

/// What is done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Ask again.
    Retry,
    /// Ask the next.
    Next,
    /// Nobody else would answer either.
    GiveUp,
}

impl ErrorKind {
    pub(crate) fn then(self) -> Then {
        use ErrorKind::*;
        match self {
            RateLimited | Overloaded | Server | Unfit => Then::Retry,
            Connect | NoKey | Unauthorized | Quota | UnknownModel | Unsupported | Redirect | Nonsense | TooLarge
            | FirstToken | Hurried | Stalled | Total | Cut | Busy | LeftAlone | Budget => Then::Next,
            ContextTooLong | ContentPolicy | BadRequest | Books | Deadline => Then::GiveUp,
        }
    }

    /// Whether it counts against the provider. A refusal of the request does not, nor does what the host decided
    /// itself.
    pub(crate) fn blames(self) -> bool {
        use ErrorKind::*;
        matches!(
            self,
            Connect
                | Unauthorized
                | Quota
                | Overloaded
                | Server
                | Redirect
                | Nonsense
                | TooLarge
                | FirstToken
                | Stalled
                | Total
                | Cut
        )
    }

    /// Whether the provider may charge it: it took the request and did not refuse it.
    pub(crate) fn may_cost(self) -> bool {
        use ErrorKind::*;
        matches!(self, Nonsense | TooLarge | FirstToken | Hurried | Stalled | Total | Cut | Unfit | Deadline)
    }

    /// Whether it is the request's own fault.
    pub(crate) fn is_request(self) -> bool {
        use ErrorKind::*;
        matches!(self, ContextTooLong | ContentPolicy | BadRequest)
    }
}

/// A failure of an attempt.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) kind: ErrorKind,
    pub(crate) text: String,
    /// When the provider wants to be asked again.
    pub(crate) retry_after: Option<Duration>,
}

impl Fault {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), retry_after: None }
    }
}

/// What a provider refuses with: an HTTP status, or an error inside an answer, and a body.
pub(crate) fn refusal(status: Option<u16>, body: &[u8], retry_after: Option<Duration>) -> Fault {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = body.get("error").unwrap_or(&body);
    // Gemini names the reason of a refusal among the details, everybody else in one of three places.
    let details = error.get("details").and_then(Value::as_array).into_iter().flatten();
    let codes = ["code", "type", "status"].into_iter().filter_map(|key| error.get(key));
    let codes = details.clone().filter_map(|detail| detail.get("reason")).chain(codes);
    let kind = codes
        .filter_map(Value::as_str)
        .find_map(of_code)
        .or_else(|| status.map(of_status))
        .unwrap_or(ErrorKind::Server);
    let delay = details.filter_map(|detail| detail.get("retryDelay")).find_map(Value::as_str);
    let delay = delay.and_then(|text| skillhost_types::parse_duration(text).ok());
    let said = error.get("message").or(Some(error)).and_then(Value::as_str).unwrap_or_default();
    let status = status.map(|status| format!("HTTP {status}"));
    let text = match kind {
        // Without what it said: that often has a part of the key in it.
        ErrorKind::Unauthorized => {
            format!("the key is refused{}", status.map(|s| format!(" ({s})")).unwrap_or_default())
        }
        _ => [status, Some(said.to_owned()).filter(|said| !said.is_empty())]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(": "),
    };
    Fault { kind, text, retry_after: retry_after.or(delay) }
}

/// Codes that say more than a status. General ones, such as `invalid_request_error`, are left to it.
fn of_code(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "context_length_exceeded" | "exceed_context_size_error" | "string_above_max_length" | "request_too_large" => {
            ErrorKind::ContextTooLong
        }
        "content_policy_violation" | "content_filter" => ErrorKind::ContentPolicy,
        "insufficient_quota" | "billing_error" => ErrorKind::Quota,
        "model_not_found" | "not_found_error" | "NOT_FOUND" => ErrorKind::UnknownModel,
        "rate_limit_exceeded" | "rate_limit_error" | "RESOURCE_EXHAUSTED" => ErrorKind::RateLimited,
        "overloaded_error" | "UNAVAILABLE" => ErrorKind::Overloaded,
        "invalid_api_key"
        | "authentication_error"
        | "permission_error"
        | "API_KEY_INVALID"
        | "UNAUTHENTICATED"
        | "PERMISSION_DENIED" => ErrorKind::Unauthorized,
        _ => return None,
    })
}

fn of_status(status: u16) -> ErrorKind {
    match status {
        300..=399 => ErrorKind::Redirect,
        401 | 403 => ErrorKind::Unauthorized,
        402 => ErrorKind::Quota,
        404 => ErrorKind::UnknownModel,
        408 => ErrorKind::Server,
        413 => ErrorKind::ContextTooLong,
        429 => ErrorKind::RateLimited,
        400..=499 => ErrorKind::BadRequest,
        503 | 529 => ErrorKind::Overloaded,
        500..=599 => ErrorKind::Server,
        _ => ErrorKind::Nonsense,
    }
}

/// One short line of what a provider said.
pub(crate) fn excerpt(text: &str) -> String {
    let line: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(MAX_EXCERPT).collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, body: &str) -> ErrorKind {
        refusal(Some(status), body.as_bytes(), None).kind
    }

    #[test]
    fn a_code_says_more_than_the_status_and_a_status_more_than_nothing() {
        use ErrorKind::*;
        let openai =
            |code: &str| format!(r#"{{"error":{{"message":"m","type":"invalid_request_error","code":"{code}"}}}}"#);
        for (status, body, expected) in [
            (400, openai("context_length_exceeded"), ContextTooLong),
            (400, openai("content_policy_violation"), ContentPolicy),
            (429, openai("insufficient_quota"), Quota),
            (429, openai("rate_limit_exceeded"), RateLimited),
            (401, openai("invalid_api_key"), Unauthorized),
            (404, openai("model_not_found"), UnknownModel),
            (400, openai("unknown_parameter"), BadRequest),
            (
                400,
                r#"{"error":{"code":400,"status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#.into(),
                Unauthorized,
            ),
            (529, r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#.into(), Overloaded),
            (404, r#"{"error":"model 'x' not found"}"#.into(), UnknownModel),
            (500, "<html>".into(), Server),
            (503, String::new(), Overloaded),
            (302, String::new(), Redirect),
            (429, String::new(), RateLimited),
            (418, "null".into(), BadRequest),
            (204, String::new(), Nonsense),
        ] {
            assert_eq!(kind(status, &body), expected, "{status} {body}");
        }
    }

    #[test]
    fn the_word_of_a_provider_is_cut_and_that_about_a_key_left_out() {
        let long = format!(r#"{{"error":{{"message":"a\nb{}"}}}}"#, "x".repeat(5_000));
        let text = excerpt(&refusal(Some(500), long.as_bytes(), None).text);
        assert!(text.starts_with("HTTP 500: a b") && text.len() == MAX_EXCERPT, "{text}");
        let fault = refusal(Some(401), br#"{"error":{"message":"Incorrect API key: sk-abc"}}"#, None);
        assert_eq!(fault.text, "the key is refused (HTTP 401)");
    }

    #[test]
    fn gemini_says_in_the_body_when_to_come_back() {
        let body =
            br#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"@type":"t","retryDelay":"37s"}]}}"#;
        assert_eq!(refusal(Some(429), body, None).retry_after, Some(Duration::from_secs(37)));
    }
}
