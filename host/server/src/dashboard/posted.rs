//! A form that was sent.
//!
//! Contract: whoever takes [`Posted`] gets what a page of this host sent for the session that the page was made for. What
//! another site sent, or a page of another session, is refused before anything of it is looked at.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use http::header::{CONTENT_TYPE, ORIGIN};
use http::{HeaderMap, StatusCode};
use subtle::ConstantTimeEq as _;

use super::fault::Fault;
use super::session::Session;
use crate::shared::Shared;

/// The field that holds the session's mark.
pub(super) const CSRF: &str = "csrf";

/// How much longer a form is than what was typed, at the worst: every byte becomes three.
const EXPANSION: usize = 3;

/// A form of a session's own.
pub(super) struct Posted {
    pub(super) session: Session,
    pub(super) fields: Fields,
}

/// The fields of a form, in their order.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The fields of an address.
    pub(super) fn of(query: Option<&str>) -> Self {
        Self::decode(query.unwrap_or_default().as_bytes())
    }

    fn decode(encoded: &[u8]) -> Self {
        let pairs = url::form_urlencoded::parse(encoded);
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// The first field called `name`.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All fields called `name`.
    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

impl FromRequest<Arc<Shared>> for Posted {
    type Rejection = Fault;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Fault> {
        let (mut parts, body) = request.into_parts();
        from_a_page(&parts.headers)?;
        let session = Session::from_request_parts(&mut parts, shared).await?;
        let fields = fields(Request::from_parts(parts, body), shared.max_body.saturating_mul(EXPANSION)).await?;
        let mark = fields.get(CSRF).unwrap_or_default();
        if !bool::from(mark.as_bytes().ct_eq(session.csrf().as_bytes())) {
            return Err(Fault::forbidden(
                "This form was made for another login. Go back, load the page again, and send it once more.",
            ));
        }
        Ok(Self { session, fields })
    }
}

/// Refuses what does not say which page it was sent from, as browsers do with every form. That the page is one of this host's
/// own is the guard's to know.
pub(super) fn from_a_page(headers: &HeaderMap) -> Result<(), Fault> {
    if headers.contains_key(ORIGIN) {
        return Ok(());
    }
    Err(Fault::forbidden("This form was not sent from a page of this host, so nothing was done."))
}

/// The fields of a form that is at most `longest` bytes long.
pub(super) async fn fields(request: Request, longest: usize) -> Result<Fields, Fault> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/x-www-form-urlencoded") {
        return Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "This takes a form of this host's own pages."));
    }
    let body = to_bytes(request.into_body(), longest).await.map_err(|_| {
        Fault::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "This is more than the host takes at once; see max_body in config.yaml.",
        )
    })?;
    Ok(Fields::decode(&body))
}
