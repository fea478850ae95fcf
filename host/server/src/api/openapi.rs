//! The description of everything that is served, as OpenAPI 3.1.
//!
//! Contract: every operation lists every status that it can answer with, and what the answer looks like then. What all
//! operations have in common is added here.

use bytes::Bytes;
use utoipa::OpenApi;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr};

use super::elsewhere;
use crate::problem::Problem;

/// The name of the security scheme.
const TOKEN: &str = "token";

/// What is served beside `/api`.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "skillhost",
        description = "A host for agent skills. `skillhost token add NAME --role viewer|caller|admin` makes a token; viewers read, \
            callers also run tools, admins also decide approvals. A token sees its tenant's world and no other.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT"),
    ),
    paths(
        elsewhere::health,
        elsewhere::ready,
        elsewhere::metrics,
        elsewhere::feed,
        elsewhere::mcp,
        elsewhere::mcp_stream,
        elsewhere::mcp_end,
        elsewhere::openapi,
    ),
    components(schemas(Problem))
)]
struct Described;

/// Paths that are open to all.
const OPEN: [&str; 3] = ["/health", "/ready", "/api/openapi.json"];

/// The description of `api` and of everything beside it.
pub(super) fn document(api: utoipa::openapi::OpenApi) -> Bytes {
    let mut document = Described::openapi();
    document.merge(api);
    let bearer =
        HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token of `skillhost token add`"));
    document
        .components
        .get_or_insert_default()
        .security_schemes
        .insert(TOKEN.to_owned(), SecurityScheme::Http(bearer.build()).into());
    for (path, item) in &mut document.paths.paths {
        for operation in [&mut item.get, &mut item.post, &mut item.delete].into_iter().flatten() {
            complete(operation, OPEN.contains(&path.as_str()));
        }
    }
    match serde_json::to_vec(&document) {
        Ok(text) => text.into(),
        Err(error) => {
            // Whoever asks gets nothing then; the test below does not let it come to that.
            tracing::error!(%error, "the description of the API cannot be written");
            Bytes::new()
        }
    }
}

/// Adds what all operations have in common.
fn complete(operation: &mut Operation, open: bool) {
    let mut common =
        vec![("403", "`Host` or `Origin` is none of this host's"), ("500", "The host's own fault; its log says more")];
    if !open {
        common.push(("401", "The token is missing or unknown"));
        common.push(("503", "The host is starting or stopping"));
        operation.security.get_or_insert_with(|| vec![SecurityRequirement::new(TOKEN, [] as [&str; 0])]);
    }
    if operation.request_body.is_some() {
        common.push(("408", "The body did not arrive within `http.body_timeout`"));
        common.push(("413", "The body is over `max_body`"));
    }
    let responses = &mut operation.responses.responses;
    for (status, description) in common {
        let response = || RefOr::T(ResponseBuilder::new().description(description).build());
        responses.entry(status.to_owned()).or_insert_with(response);
    }
    for (status, response) in responses.iter_mut() {
        let RefOr::T(response) = response else { continue };
        if status.starts_with(['4', '5']) && response.content.is_empty() {
            let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            response.content.insert("application/problem+json".to_owned(), problem.into());
        }
        if status == "503" && !open {
            retry_after(response);
        }
    }
}

fn retry_after(response: &mut Response) {
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).build();
    let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds")).build();
    response.headers.insert("Retry-After".to_owned(), header.into());
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    #[test]
    fn every_answer_is_described_and_every_reference_leads_somewhere() {
        let document: Value =
            serde_json::from_slice(&super::document(super::super::described().into_openapi())).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let text = document.to_string();
        let references: Vec<_> =
            text.split(r##""$ref":"#"##).skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(references.len() > 20);
        for reference in references {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let open = super::OPEN.contains(&path.as_str());
                assert_eq!(operation["security"].is_null(), open, "{method} {path}");
                assert_eq!(operation["responses"]["401"].is_null(), open, "{method} {path}");
                for (status, response) in operation["responses"].as_object().unwrap() {
                    let empty = response["content"].is_null();
                    assert_eq!(empty, matches!(status.as_str(), "101" | "202" | "204"), "{method} {path} {status}");
                }
            }
        }
    }
}
