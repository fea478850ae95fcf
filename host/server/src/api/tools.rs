//! Tools, called.
//!
//! Contract: the answer is the object that `run --json` prints, with the status of its kind, also where nothing ran. A
//! call whose caller goes away is cancelled and written down as such; one with an `Idempotency-Key` runs to its end, for whoever
//! repeats it. Price over the run itself: one copy of the input and one of the output.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use skillhost_lifecycle::{Host, RunRequest};
use skillhost_types::{self as types, ErrorKind, LimitsPatch, RunError, RunId, RunRecord, Usage};

use super::answers::{Answer, Answers, Call, Claim};
use super::extract::{Body, Path, bad};
use super::schemas::Run;
use crate::access::Caller;
use crate::calls::Calls;
use crate::problem::{Problem, blocking};
use crate::shared::{App, Shared, State};

/// The header with which a call can be repeated.
static KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The header of an answer that was given before.
static REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Longest key, in bytes: several UUIDs.
const LONGEST_KEY: usize = 255;

/// What a call without a body is given.
const NOTHING: &str = "{}";

/// The key of a call, if it has one.
pub(super) struct Key(Option<String>);

impl FromRequestParts<Arc<Shared>> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Shared>) -> Result<Self, Problem> {
        let mut keys = parts.headers.get_all(&KEY).iter();
        let Some(key) = keys.next() else { return Ok(Self(None)) };
        let visible =
            |key: &&str| (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        match key.to_str().ok().filter(visible) {
            Some(key) if keys.next().is_none() => Ok(Self(Some(key.to_owned()))),
            _ => Err(bad(format!("`Idempotency-Key` is one text of 1 to {LONGEST_KEY} visible ASCII characters"))),
        }
    }
}

/// Calls a tool
///
/// The body is the input, JSON whatever its content type says; without a body it is `{}`. The answer is the object of
/// `skillhost run --json`, also of a run that failed. Who goes away before the answer cancels the run. With an `Idempotency-Key`
/// the run goes on, and whoever sends the key again within a day gets what came of it. What has not run
/// (`overloaded`, `denied`, `not-found`, sometimes `internal`) leaves the key free.
#[utoipa::path(post, path = "/api/skills/{skill}/tools/{tool}", operation_id = "callTool", tag = "skills",
    params(
        ("skill" = String, Path, description = "The skill's name"),
        ("tool" = String, Path, description = "The tool's name"),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$",
            description = "Known to the caller alone: an UUID, say"),
    ),
    request_body(content = serde_json::Value, description = "The input", content_type = "application/json"),
    responses(
        (status = 200, description = "The tool gave its output", body = Run,
            headers(("Idempotency-Replayed" = Option<String>, description = "`true` if it was given before"))),
        (status = 400, description = "`invalid-input`: no JSON, or it does not fit the tool's schema; or the key is none", content(
            (Run = "application/json"), (Problem = "application/problem+json"))),
        (status = 403, description = "`denied`: the skill waits for approval or was rejected; or the token's role does not suffice",
            content((Run = "application/json"), (Problem = "application/problem+json"))),
        (status = 404, description = "`not-found`: there is no such skill or tool, or its file was refused", content(
            (Run = "application/json"), (Problem = "application/problem+json"))),
        (status = 409, description = "The first call with this key runs yet, or nobody knows what came of it"),
        (status = 422, description = "`tool-error`, `trap`, `fuel`, `memory`, `output` or `host-calls`; or the key came with \
            another input before", content((Run = "application/json"), (Problem = "application/problem+json"))),
        (status = 429, description = "`overloaded`: no place within the queueing time; or the token or its tenant has too many keys",
            content((Run = "application/json"), (Problem = "application/problem+json")),
            headers(("Retry-After" = u32, description = "Seconds"))),
        (status = 500, description = "`internal`: the host's own fault", content(
            (Run = "application/json"), (Problem = "application/problem+json"))),
        (status = 503, description = "The host is starting, or it stops, which cancels what still runs", content(
            (Run = "application/json"), (Problem = "application/problem+json")),
            headers(("Retry-After" = u32, description = "Seconds"))),
        (status = 504, description = "`deadline`: it took too long", body = Run),
    ))]
pub(super) async fn call(
    shared: State,
    Caller(identity): Caller,
    Path((skill, tool)): Path<(String, String)>,
    Key(key): Key,
    Body(body): Body,
) -> Result<Response, Problem> {
    let Some(app) = shared.opened() else { return Err(Problem::starting()) };
    let mut request = RunRequest {
        skill,
        tool: Some(tool),
        input: String::new(),
        caller: types::Caller::Http(identity.name.clone()),
        tenant: identity.tenants.runs_as(),
        limits: LimitsPatch::default(),
        progress: None,
        cancel: None,
    };
    request.input = match String::from_utf8(body.into()) {
        Ok(input) if input.is_empty() => NOTHING.to_owned(),
        Ok(input) => input,
        Err(error) => {
            let error = RunError::new(ErrorKind::InvalidInput, format!("the input is no JSON: {}", error.utf8_error()));
            let source = app.host.events().source();
            return given(&request.unrun(RunId::new(source), source.now(), error));
        }
    };
    let Some(key) = key else {
        return given(&*shared.calls.run(&app.host, request).await);
    };
    let RunRequest { skill, tenant, input, .. } = &request;
    let tool = request.tool.as_deref().unwrap_or_default();
    let call = Call::new(tenant.clone(), identity.key(), skill, tool, &key, input);
    let App { host, answers, .. } = app;
    let once = once(shared.calls.clone(), host.clone(), answers.clone(), call, request);
    shared.calls.spawn(once).await.map_err(Problem::internal)?
}

/// Runs what `call` asks for, unless it was asked for before.
async fn once(
    calls: Calls,
    host: Host,
    answers: Arc<Answers>,
    call: Call,
    request: RunRequest,
) -> Result<Response, Problem> {
    let source = host.events().source();
    let run = RunId::new(source);
    let conflict = |detail: String| Err(Problem::new(StatusCode::CONFLICT, detail));
    let claim = match answers.claim(&call, run, source.now()).await {
        Ok(claim) => claim,
        Err(error) => {
            let error = RunError::new(
                ErrorKind::Internal,
                format!("the call did not run: its `Idempotency-Key` could not be kept: {error}"),
            );
            return given(&request.unrun(run, source.now(), error));
        }
    };
    match claim {
        Claim::First(_running) => {
            let record = calls.run_as(run, &host, request).await;
            let answer = answer(&record)?;
            let written =
                if has_run(&record) { answers.keep(&call, answer.clone()).await } else { answers.release(&call).await };
            if let Err(error) = written {
                // Whoever repeats the call then hears that this is not known, which is the truth.
                tracing::error!(%run, %error, "the outcome of a call with an `Idempotency-Key` is not kept");
            }
            Ok(answer.into_response())
        }
        Claim::Answered(answer) => Ok(replayed(answer)),
        Claim::Runs(run) => conflict(format!("the first call with this `Idempotency-Key` runs yet, as {run}")),
        Claim::Lost(run) => {
            let found = blocking(move || host.events().run(run)).await?;
            // Of a long output the log says only that there was one.
            match found.filter(|record| !record.ok || record.output.is_some()) {
                Some(record) => Ok(replayed(answer(&record)?)),
                None => conflict(format!(
                    "what came of the first call with this `Idempotency-Key`, run {run}, is not known: the host ended before it \
                     was written down, or could not write it; see what it did, and use another key to run it again"
                )),
            }
        }
        Claim::OtherInput(run) => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!(
                "this `Idempotency-Key` came with another input before, as run {run}; use a new key for a new call"
            ),
        )),
        Claim::Full => Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "the token, or its tenant, has too many calls with an `Idempotency-Key` within a day; without one this call would run",
        )),
    }
}

/// Did anything run, so that a repetition is to get what came of it? A host that failed or stops may have done so before.
fn has_run(record: &RunRecord) -> bool {
    match record.error.as_ref().map(|error| error.kind) {
        Some(ErrorKind::Overloaded | ErrorKind::Denied | ErrorKind::NotFound) => false,
        Some(ErrorKind::Internal | ErrorKind::Cancelled) => record.usage != Usage::default(),
        _ => true,
    }
}

fn answer(record: &RunRecord) -> Result<Answer, Problem> {
    let status = record.error.as_ref().map_or(StatusCode::OK, |error| status(error.kind));
    let body = Bytes::from(serde_json::to_vec(record).map_err(Problem::internal)?);
    Ok(Answer { status, body })
}

fn given(record: &RunRecord) -> Result<Response, Problem> {
    Ok(answer(record)?.into_response())
}

fn replayed(answer: Answer) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(REPLAYED.clone(), HeaderValue::from_static("true"));
    response
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = super::json(self.status, self.body);
        if matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// The status that says the kind.
fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::InvalidInput | ErrorKind::Usage => StatusCode::BAD_REQUEST,
        ErrorKind::Denied => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::ToolError
        | ErrorKind::Trap
        | ErrorKind::Fuel
        | ErrorKind::Memory
        | ErrorKind::Output
        | ErrorKind::HostCalls => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Overloaded => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        // Whoever still waits did not cancel it: the host is stopping.
        ErrorKind::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Deadline => StatusCode::GATEWAY_TIMEOUT,
    }
}

#[cfg(test)]
mod tests {
    use skillhost_types::{Source as _, System, Tenant};

    use super::*;

    #[test]
    fn what_ran_is_kept_for_whoever_repeats_it_and_what_did_not_may_be_tried_again() {
        let record = |kind: Option<ErrorKind>, fuel: u64| RunRecord {
            run: RunId::new(&System),
            skill: "s".into(),
            tool: "t".into(),
            digest: None,
            tenant: Tenant::default(),
            caller: types::Caller::Cli,
            started_at: System.now(),
            ok: kind.is_none(),
            output: None,
            error: kind.map(|kind| RunError::new(kind, "")),
            usage: Usage { fuel, ..Usage::default() },
            log: Vec::new(),
            calls: Vec::new(),
        };
        for (kind, fuel, kept, expected) in [
            (None, 1, true, 200),
            (Some(ErrorKind::InvalidInput), 0, true, 400),
            (Some(ErrorKind::Denied), 0, false, 403),
            (Some(ErrorKind::NotFound), 0, false, 404),
            (Some(ErrorKind::ToolError), 1, true, 422),
            (Some(ErrorKind::Trap), 1, true, 422),
            (Some(ErrorKind::Fuel), 1, true, 422),
            (Some(ErrorKind::Memory), 1, true, 422),
            (Some(ErrorKind::Output), 1, true, 422),
            (Some(ErrorKind::HostCalls), 1, true, 422),
            (Some(ErrorKind::Overloaded), 0, false, 429),
            // Nothing ran; it ran and could not be written down.
            (Some(ErrorKind::Internal), 0, false, 500),
            (Some(ErrorKind::Internal), 1, true, 500),
            // It stopped before it ran.
            (Some(ErrorKind::Cancelled), 0, false, 503),
            (Some(ErrorKind::Cancelled), 1, true, 503),
            (Some(ErrorKind::Deadline), 1, true, 504),
        ] {
            let record = record(kind, fuel);
            assert_eq!(has_run(&record), kept, "{kind:?}");
            let response = given(&record).unwrap();
            assert_eq!(response.status(), expected, "{kind:?}");
            assert_eq!(response.headers().contains_key(RETRY_AFTER), matches!(expected, 429 | 503), "{kind:?}");
        }
    }
}
