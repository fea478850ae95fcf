//! `/ws`: the door to the live feed.
//!
//! Contract: whoever listens is known by a token, in `Authorization` or in the first message, or by the dashboard's cookie if
//! the page that asks is this host's own. A token that is revoked and a session that ends close what they opened.

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;
use http::header::{AUTHORIZATION, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use skillhost_access::{Identity, Tokens};
use skillhost_feed::{Entrance, Pass, Viewer};

use crate::access;
use crate::dashboard;
use crate::listener::Peer;
use crate::problem::Problem;
use crate::shared::{App, Shared, State};

pub(crate) async fn feed(
    shared: State,
    Peer(peer): Peer,
    parts: Parts,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let app = shared.app()?;
    let entrance = entrance(app, &shared, &parts)?;
    let upgrade = upgrade.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
    let place = app
        .feed
        .admit(peer, &entrance)
        .map_err(|full| Problem::new(StatusCode::TOO_MANY_REQUESTS, full.to_string()))?;
    let feed = app.feed.clone();
    Ok(skillhost_feed::upgrade(upgrade).on_upgrade(|socket| skillhost_feed::serve(socket, feed, entrance, place)))
}

fn entrance(app: &App, shared: &Arc<Shared>, parts: &Parts) -> Result<Entrance, Problem> {
    if parts.headers.contains_key(AUTHORIZATION) {
        let identity = access::identity(app, &parts.headers)?;
        return Ok(Entrance::Known(by_token(&app.tokens, identity)));
    }
    // Any page may have the browser send the cookie; only the host's own pages got this far with an `Origin`.
    if parts.headers.contains_key(ORIGIN)
        && let Some(identity) = dashboard::identity(app, &parts.headers).map_err(Problem::internal)?
    {
        return Ok(Entrance::Known(by_session(shared.clone(), parts.headers.clone(), &identity)));
    }
    let tokens = app.tokens.clone();
    Ok(Entrance::ByToken(Arc::new(move |token| {
        let identity = tokens.check(token).inspect_err(|error| tracing::error!(%error, "a token is not checked"));
        Some(by_token(&tokens, identity.ok()??))
    })))
}

fn viewer(identity: &Identity) -> Viewer {
    Viewer { tenant: identity.tenants.only().cloned() }
}

fn by_token(tokens: &Tokens, identity: Identity) -> Pass {
    let tokens = tokens.clone();
    // A token table that cannot be read for a moment revokes nobody.
    let held = move |identity: &Identity| tokens.still(identity).map_or(true, |now| now.as_ref() == Some(identity));
    Pass::new(viewer(&identity), move || held(&identity))
}

fn by_session(shared: Arc<Shared>, headers: HeaderMap, identity: &Identity) -> Pass {
    let first = identity.clone();
    let lasts = move || {
        let app = shared.opened();
        app.is_some_and(|app| dashboard::identity(app, &headers).map_or(true, |now| now.as_ref() == Some(&first)))
    };
    Pass::new(viewer(identity), lasts)
}
