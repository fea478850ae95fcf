//! What requests say, decoded; what cannot be decoded is told as a problem like everything else.

use std::convert::Infallible;
use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::LINK;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use crate::problem::Problem;
use crate::shared::Shared;
use skillhost_types::shown;

/// Most that a list gives at once: a page that any client holds in memory.
pub(super) const LARGEST_PAGE: usize = 1_000;

/// What a list gives when nobody says how much: what the command line shows.
pub(super) const USUAL_PAGE: usize = 100;

/// The names in the path.
pub(super) struct Path<T>(pub(super) T);

/// The query, and of what.
pub(super) struct Query {
    path: String,
    pairs: Vec<(String, String)>,
}

/// The whole body.
pub(super) struct Body(pub(super) Bytes);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Shared>> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let path = axum::extract::Path::from_request_parts(parts, shared).await;
        // All names are texts, so what does not decode is no text, and nothing is called that.
        path.map(|path| Self(path.0)).map_err(|error| Problem::not_found(format!("nothing has this path: {error}")))
    }
}

impl FromRequestParts<Arc<Shared>> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Shared>) -> Result<Self, Infallible> {
        let pairs = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        Ok(Self { path: parts.uri.path().to_owned(), pairs: pairs.into_owned().collect() })
    }
}

impl Query {
    /// The same, if it says nothing but what is one of `names`.
    pub(super) fn of(self, names: &[&str]) -> Result<Self, Problem> {
        let Some((other, _)) = self.pairs.iter().find(|(name, _)| !names.contains(&name.as_str())) else {
            return Ok(self);
        };
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        Err(bad(format!("`{}` is nothing to ask {} by; there is {}", shown(other), self.path, names.join(", "))))
    }

    /// All that it says of `name`.
    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// What it says of `name`, which is `wanted`.
    pub(super) fn one<T: FromStr>(&self, name: &str, wanted: &str) -> Result<Option<T>, Problem> {
        let mut values = self.all(name);
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(bad(format!("`{name}` is there more than once; say it once")));
        }
        let value = value.parse().map_err(|_| bad(format!("`{name}` is {wanted}, not `{}`", shown(value))))?;
        Ok(Some(value))
    }

    /// A position that it says.
    pub(super) fn position(&self, name: &str) -> Result<Option<u64>, Problem> {
        self.one(name, "a position: a whole number, as lists give it")
    }

    /// How much of a list it asks for.
    pub(super) fn limit(&self) -> Result<usize, Problem> {
        let wanted = format!("a number from 1 to {LARGEST_PAGE}");
        let limit = self.one("limit", &wanted)?.unwrap_or(USUAL_PAGE);
        if (1..=LARGEST_PAGE).contains(&limit) {
            return Ok(limit);
        }
        Err(bad(format!("`limit` is {wanted}; the next page begins where this one ends")))
    }

    /// The address that asks the same from another position on.
    fn at(&self, name: &str, position: u64) -> String {
        let others = self.pairs.iter().filter(|(own, _)| own != name);
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(others).append_pair(name, &position.to_string());
        format!("{}?{}", self.path, query.finish())
    }
}

/// A part of a list, and the address of the next one (RFC 8288).
pub(super) struct Part<T> {
    found: Vec<T>,
    next: Option<String>,
}

impl<T> Part<T> {
    /// What `query` found; `next` is where to go on, as what its parameter `name` says.
    pub(super) fn new(found: Vec<T>, query: &Query, name: &str, next: Option<u64>) -> Self {
        Self { found, next: next.map(|next| query.at(name, next)) }
    }
}

impl<T: Serialize> IntoResponse for Part<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.found).into_response();
        let link = self.next.and_then(|next| HeaderValue::try_from(format!("<{next}>; rel=\"next\"")).ok());
        if let Some(link) = link {
            response.headers_mut().insert(LINK, link);
        }
        response
    }
}

impl FromRequest<Arc<Shared>> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Problem> {
        // One that is too large or too slow is the guard's to tell of.
        let body = Bytes::from_request(request, shared).await;
        body.map(Self).map_err(|error| bad(format!("the body did not arrive: {}", error.body_text())))
    }
}

/// What the client got wrong.
pub(super) fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        let pairs = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        Query { path: "/api/runs".into(), pairs }
    }

    #[test]
    fn what_cannot_be_read_of_a_query_is_named_with_the_way_out() {
        let names = ["skill", "limit"];
        let told = |text: &str| {
            let read = query(text).of(&names).and_then(|query| query.limit().and(query.position("skill")));
            read.unwrap_err().detail
        };
        assert_eq!(told("skil=x"), "`skil` is nothing to ask /api/runs by; there is `skill`, `limit`");
        assert_eq!(told("limit=ten"), "`limit` is a number from 1 to 1000, not `ten`");
        assert_eq!(told("limit=1&limit=1"), "`limit` is there more than once; say it once");
        assert!(told("limit=0").starts_with("`limit` is a number from 1 to 1000; "));
        assert_eq!(told("skill=-1"), "`skill` is a position: a whole number, as lists give it, not `-1`");
    }

    #[test]
    fn the_next_page_is_asked_for_by_the_same_query_from_another_position_on() {
        let link = |query: &str, next| {
            let part = Part::new(vec![1], &self::query(query), "before", next).into_response();
            part.headers().get(LINK).map(|link| link.to_str().unwrap().to_owned())
        };
        assert_eq!(link("", None), None);
        assert_eq!(link("", Some(7)).unwrap(), "</api/runs?before=7>; rel=\"next\"");
        let expected = "</api/runs?skill=a%3E%26b&before=7>; rel=\"next\"";
        assert_eq!(link("before=9&skill=a>%26b", Some(7)).unwrap(), expected);
    }
}
