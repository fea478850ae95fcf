//! In and out.

use axum::extract::Request;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use http::header::{HeaderValue, ORIGIN, SET_COOKIE};

use super::fault::Fault;
use super::posted::{Posted, fields, from_a_page};
use crate::shared::{Shared, State};

/// Longest login form, in bytes: a token and an address.
const LONGEST: usize = 4 << 10;

/// `GET /login`: the login is where the pages are.
pub(super) async fn form() -> Redirect {
    Redirect::to("/")
}

/// `POST /login`: a token, and the page to go on to. Attempts are not counted: nobody guesses 258 bits.
pub(super) async fn login(shared: State, request: Request) -> Result<Response, Fault> {
    let app = shared.app()?;
    let (parts, body) = request.into_parts();
    from_a_page(&parts.headers)?;
    let secure = is_secure(&shared, parts.headers.get(ORIGIN));
    let fields = fields(Request::from_parts(parts, body), LONGEST).await?;
    let next = fields.get("next").filter(|next| is_own(next)).unwrap_or("/").to_owned();
    let token = fields.get("token").unwrap_or_default().trim();
    let Some(identity) = app.tokens.check(token).map_err(Fault::internal)? else {
        let message = Some("This token is unknown or was revoked. `skillhost token list` shows which there are.");
        return Err(Fault::Login { status: StatusCode::UNAUTHORIZED, next, message });
    };
    tracing::info!(token = &*identity.name, "somebody logged in to the dashboard");
    let secret = app.sessions.open(identity, app.host.events().source());
    Ok(with_cookie(Redirect::to(&next).into_response(), app.sessions.set_cookie(Some(&secret), secure)))
}

/// `POST /logout`
pub(super) async fn logout(shared: State, Posted { session, .. }: Posted) -> Response {
    let cookie = session.close(is_secure(&shared, None));
    with_cookie(Redirect::to("/").into_response(), cookie)
}

fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// Does the browser see TLS? A proxy may speak it where this host does not.
fn is_secure(shared: &Shared, origin: Option<&HeaderValue>) -> bool {
    shared.http.tls.is_some() || origin.is_some_and(|origin| origin.as_bytes().starts_with(b"https:"))
}

/// A path of this host and nothing that a browser takes for another's.
fn is_own(next: &str) -> bool {
    next.starts_with('/')
        && !next.starts_with("//")
        && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_goes_on_to_a_page_of_this_host_only() {
        for own in ["/", "/skills/jq?x=1", "/runs/01K"] {
            assert!(is_own(own), "{own}");
        }
        for foreign in ["", "skills", "//evil.test", "/\\evil.test", "https://evil.test", "/a\r\nb", "/\t/evil.test"] {
            assert!(!is_own(foreign), "{foreign:?}");
        }
    }
}
