//! Who calls, and whether that is enough.
//!
//! Contract: a handler that takes [`Viewer`], [`Caller`] or [`Admin`] runs for nobody else. A token comes in `Authorization`
//! only, never in an address and never in a cookie. Price: one indexed read per request.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use skillhost_access::{Identity, Role};

use crate::dashboard;
use crate::problem::Problem;
use crate::shared::{App, Shared};

/// Whoever may read.
pub(crate) struct Viewer(pub(crate) Identity);

/// Whoever may run tools as well.
pub(crate) struct Caller(pub(crate) Identity);

/// Whoever may decide as well.
pub(crate) struct Admin(pub(crate) Identity);

/// The holder of the request's token.
pub(crate) fn identity(app: &App, headers: &HeaderMap) -> Result<Identity, Problem> {
    let mut headers = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (headers.next(), headers.next()) else { return Err(Problem::unauthorized()) };
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::unauthorized());
    }
    app.tokens.check(token.trim()).map_err(Problem::internal)?.ok_or_else(Problem::unauthorized)
}

/// Does somebody ask whom a token or the cookie of a session makes known?
pub(crate) fn is_known(shared: &Shared, headers: &HeaderMap) -> bool {
    let by_cookie = |app| dashboard::identity(app, headers).is_ok_and(|identity| identity.is_some());
    shared.opened().is_some_and(|app| identity(app, headers).is_ok() || by_cookie(app))
}

fn at_least(role: Role, parts: &Parts, shared: &Shared) -> Result<Identity, Problem> {
    // Also while it stops: what a call is told then is its handler's to say.
    let identity = identity(shared.opened().ok_or_else(Problem::starting)?, &parts.headers)?;
    if identity.role < role {
        return Err(Problem::forbidden(format!(
            "this takes the role `{role}`, and `{}` is a {}; `skillhost token add NAME --role {role}` makes a token for it",
            identity.name, identity.role
        )));
    }
    Ok(identity)
}

macro_rules! extract {
    ($name:ident) => {
        impl FromRequestParts<Arc<Shared>> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
                at_least(Role::$name, parts, shared).map(Self)
            }
        }
    };
}

extract!(Viewer);
extract!(Caller);
extract!(Admin);
