//! The pages for people.
//!
//! Contract: every page works without scripts, for whoever may see it and for nobody else: a session that a token opened says
//! who that is, and nothing here takes a token otherwise. What changes something is a form with the session's own mark, sent from
//! this host's own pages. What comes from skills is a stranger's text: it is shown with everything unseen made visible, cut where
//! it is long, and never becomes a link, a script or other markup than code between backticks. Price: a page is a few reads and some tens of kilobytes; open pages
//! ask for their tables again every few seconds.

mod activity;
mod address;
mod agents;
mod approvals;
mod assets;
mod capability;
mod chart;
mod events;
mod fault;
mod figures;
mod filters;
mod form;
mod layout;
mod ledger;
mod login;
mod models;
mod overview;
mod posted;
mod run;
mod runs;
mod session;
mod settings;
mod skill;
mod skills;
#[cfg(test)]
mod tests;
mod tool;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Uri};

use self::fault::Fault;
use crate::problem::Problem;
use crate::shared::Shared;

pub(crate) use session::{Sessions, identity};

/// Only this host's own files run and show, and no page of it is shown in another.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                              connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(overview::overview))
        .route("/login", get(login::form).post(login::login))
        .route("/logout", post(login::logout))
        .route("/skills", get(skills::skills))
        .route("/skills/{skill}", get(skill::skill))
        .route("/skills/{skill}/tools/{tool}", get(tool::form).post(tool::run))
        .route("/approvals", get(approvals::approvals))
        .route("/approvals/{id}", post(approvals::decide))
        .route("/activity", get(activity::activity))
        .route("/activity/new", get(activity::new))
        .route("/events", get(events::events))
        .route("/runs", get(runs::runs))
        .route("/runs/{run}", get(run::run))
        .route("/agents", get(agents::agents))
        .route("/agents/replay", post(agents::replay))
        .route("/models", get(models::models))
        .route("/ledger", get(ledger::ledger))
        .route("/settings", get(settings::settings))
        .layer(axum::middleware::map_response(protect))
        .route("/assets/{name}", get(assets::asset))
}

/// What is said where nothing is: to a person as a page, to a program as a problem.
pub(crate) async fn nowhere(uri: Uri, headers: HeaderMap) -> Response {
    let accepted = headers.get(ACCEPT).and_then(|accepted| accepted.to_str().ok()).unwrap_or_default();
    if accepted.contains("text/html") && !uri.path().starts_with("/api/") {
        return protect(Fault::not_found("There is no such page.").into_response()).await;
    }
    Problem::not_found("there is nothing here; `GET /api/openapi.json` says what there is").into_response()
}

/// What every page's headers say.
async fn protect(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 6] = [
        (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // With `no-referrer`, browsers send `Origin: null` with the forms of these very pages.
        (REFERRER_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    let headers: &mut HeaderMap = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
