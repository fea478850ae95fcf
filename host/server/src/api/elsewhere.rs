//! Routes that other modules serve, described here: what serves some of them is no handler of this crate.
#![expect(dead_code, reason = "only their descriptions are used")]

use super::schemas::Health;
use crate::problem::Problem;

/// Does it live, and how do its parts fare?
#[utoipa::path(get, path = "/health", operation_id = "health", tag = "host",
    responses((status = 200, description = "The process lives", body = Health)))]
pub(super) fn health() {}

/// Does it serve everything that it is to serve?
#[utoipa::path(get, path = "/ready", operation_id = "ready", tag = "host",
    responses(
        (status = 200, description = "It does", body = Health),
        (status = 503, description = "It does not, or not yet; the parts say why", body = Health),
    ))]
pub(super) fn ready() {}

/// Figures for Prometheus
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "host",
    responses((status = 200, description = "Prometheus' text format", body = String, content_type = "text/plain; version=0.0.4; charset=utf-8")))]
pub(super) fn metrics() {}

/// The live feed, a WebSocket
///
/// The token comes in `Authorization` or in the first message.
#[utoipa::path(get, path = "/ws", operation_id = "feed", tag = "events", security((), ("token" = [])),
    responses(
        (status = 101, description = "The connection is a WebSocket now"),
        (status = 400, description = "This is no upgrade to a WebSocket"),
        (status = 426, description = "This is no upgrade to a WebSocket"),
        (status = 429, description = "There are too many connections from this address"),
    ))]
pub(super) fn feed() {}

/// The Model Context Protocol, streamable HTTP
#[utoipa::path(post, path = "/mcp", operation_id = "mcp", tag = "mcp",
    request_body(content = Object, description = "JSON-RPC", content_type = "application/json"),
    responses(
        (status = 200, description = "JSON-RPC, or a stream of it", content(
            (Object = "application/json"), (String = "text/event-stream"))),
        (status = 202, description = "A notification was taken"),
        (status = 400, description = "This is no message, or the session is none", content(
            (Object = "application/json"), (String = "text/plain"), (Problem = "application/problem+json"))),
        (status = 404, description = "There is no such session", body = String, content_type = "text/plain"),
        (status = 406, description = "The client does not take both JSON and a stream", body = String, content_type = "text/plain"),
        (status = 415, description = "This is no JSON", body = String, content_type = "text/plain"),
    ))]
pub(super) fn mcp() {}

/// What the host has to say in a session of the Model Context Protocol
#[utoipa::path(get, path = "/mcp", operation_id = "mcpStream", tag = "mcp",
    responses(
        (status = 200, description = "A stream of JSON-RPC", body = String, content_type = "text/event-stream"),
        (status = 400, description = "The session is none", content(
            (String = "text/plain"), (Problem = "application/problem+json"))),
        (status = 404, description = "There is no such session", body = String, content_type = "text/plain"),
        (status = 406, description = "The client does not take a stream", body = String, content_type = "text/plain"),
    ))]
pub(super) fn mcp_stream() {}

/// Ends a session of the Model Context Protocol
#[utoipa::path(delete, path = "/mcp", operation_id = "mcpEnd", tag = "mcp",
    responses(
        (status = 204, description = "It has ended"),
        (status = 400, description = "The session is none", content(
            (String = "text/plain"), (Problem = "application/problem+json"))),
        (status = 404, description = "There is no such session", body = String, content_type = "text/plain"),
    ))]
pub(super) fn mcp_end() {}

/// This description
#[utoipa::path(get, path = "/api/openapi.json", operation_id = "openapi", tag = "host",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(super) fn openapi() {}
