//! One page over as many redirects as it takes.
//!
//! Promises the answer of the last address, or an [`Error`] that says which address failed and what would change it. Each
//! address on the way is a request of its own, so that the host checks each. Bounded by [`MAX_REDIRECTS`]; the body by
//! the [`Transport`].

use url::Url;

/// Redirects that are followed. Sites need two or three; more is a circle.
const MAX_REDIRECTS: usize = 5;

/// An answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) content_type: Option<String>,
    /// Empty unless the status is a success: nothing else is read.
    pub(crate) body: Vec<u8>,
    /// Whether there was more of it than is read.
    pub(crate) cut: bool,
}

/// Why an address gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(any(test, target_family = "wasm")), allow(dead_code, reason = "only a component's transport gives all"))]
pub(crate) enum Refusal {
    /// The host does not let the skill go there.
    Denied,
    /// There is no such name.
    Dns,
    /// It may work later: no connection, or no answer in time.
    Unreachable(String),
    /// It would fail again: a certificate, a broken answer.
    Failed(String),
}

/// Sends one GET and follows nothing.
pub(crate) trait Transport {
    fn get(&self, url: &Url) -> Result<Response, Refusal>;
}

/// Why there is no page.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Error {
    #[error("`url` is `{url}`: {reason}; give a full address, such as https://example.com/page")]
    Url { url: String, reason: String },
    #[error(
        "the host does not let this skill fetch {url}: that needs the grant `{grant}`, and a public address; an operator can \
         give the grant"
    )]
    Denied { url: String, grant: String },
    #[error("there is no host named `{host}`: check the spelling of the address")]
    Dns { host: String },
    #[error("{url} cannot be reached now: {why}")]
    Unreachable { url: String, why: String },
    #[error("{url} gave no answer that can be read: {why}")]
    Failed { url: String, why: String },
    #[error("{url} answered with status {status}: {advice}")]
    Status { url: String, status: u16, advice: &'static str },
    #[error("{url} redirects to `{location}`, which is no web address")]
    Location { url: String, location: String },
    #[error("more than {MAX_REDIRECTS} redirects, the last one to {url}: the site sends visitors in a circle")]
    Redirects { url: String },
    #[error("{url} is `{media}`, which is no text: fetch a page or a text instead")]
    NotText { url: String, media: String },
}

impl Error {
    /// Whether the same call may work later.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Status { status: 408 | 425 | 429 | 500..=599, .. })
    }
}

/// The address of a page, if it is one that may be asked for.
pub(crate) fn address(text: &str) -> Result<Url, Error> {
    let refused = |reason: &str| Error::Url { url: text.to_owned(), reason: reason.to_owned() };
    let url = Url::parse(text.trim()).map_err(|error| refused(&error.to_string()))?;
    if !is_web(&url) {
        return Err(refused("only http and https addresses without user name and password can be fetched"));
    }
    Ok(url)
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty() && url.password().is_none()
}

/// Fetches `url`; gives where it was found and what was there.
pub(crate) fn follow(transport: &impl Transport, mut url: Url) -> Result<(Url, Response), Error> {
    for _ in 0..=MAX_REDIRECTS {
        url.set_fragment(None);
        let response = transport.get(&url).map_err(|refusal| explain(&url, refusal))?;
        match (response.status, &response.location) {
            (200..=299, _) => return Ok((url, response)),
            (301 | 302 | 303 | 307 | 308, Some(location)) => {
                let next = url.join(location).ok().filter(is_web);
                url = next.ok_or_else(|| Error::Location { url: url.to_string(), location: location.clone() })?;
            }
            (status, _) => return Err(Error::Status { url: url.to_string(), status, advice: advice(status) }),
        }
    }
    Err(Error::Redirects { url: url.to_string() })
}

fn explain(url: &Url, refusal: Refusal) -> Error {
    let address = url.to_string();
    match refusal {
        Refusal::Denied => {
            Error::Denied { url: address, grant: format!("http.request GET {}/*", url.origin().ascii_serialization()) }
        }
        Refusal::Dns => Error::Dns { host: url.host_str().unwrap_or_default().to_owned() },
        Refusal::Unreachable(why) => Error::Unreachable { url: address, why },
        Refusal::Failed(why) => Error::Failed { url: address, why },
    }
}

fn advice(status: u16) -> &'static str {
    match status {
        401 | 403 | 407 => "it is not open to everybody; try another source",
        404 | 410 => "there is no such page; check the address, or begin at the site's front page",
        408 | 425 | 429 | 500..=599 => "try again later",
        _ => "try another address",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use std::cell::RefCell;

    /// Answers by address, and remembers what it was asked for.
    struct Site<F>(F, RefCell<Vec<String>>);

    impl<F: Fn(&str) -> Result<Response, Refusal>> Transport for Site<F> {
        fn get(&self, url: &Url) -> Result<Response, Refusal> {
            self.1.borrow_mut().push(url.to_string());
            self.0(url.as_str())
        }
    }

    fn fetch(
        url: &str,
        site: impl Fn(&str) -> Result<Response, Refusal>,
    ) -> (Result<(String, Response), Error>, Vec<String>) {
        let site = Site(site, RefCell::default());
        let found = address(url).and_then(|url| follow(&site, url)).map(|(url, response)| (url.to_string(), response));
        (found, site.1.into_inner())
    }

    fn status(status: u16) -> Result<Response, Refusal> {
        Ok(Response { status, ..Response::default() })
    }

    fn redirect(location: &str) -> Result<Response, Refusal> {
        Ok(Response { status: 302, location: Some(location.to_owned()), ..Response::default() })
    }

    #[test]
    fn redirects_are_followed_one_request_each() {
        let (found, asked) = fetch("https://a.org/x/y#z", |url| match url {
            "https://a.org/x/y" => redirect("../b?c=1#d"),
            "https://a.org/b?c=1" => redirect("//e.org"),
            _ => status(200),
        });
        assert_eq!(found.unwrap().0, "https://e.org/");
        assert_eq!(asked, ["https://a.org/x/y", "https://a.org/b?c=1", "https://e.org/"]);
    }

    #[test]
    fn a_redirect_that_the_host_denies_names_the_grant_for_its_target() {
        let (found, asked) = fetch("https://a.org/", |url| match url {
            "https://a.org/" => redirect("http://127.0.0.1:8080/admin"),
            _ => Err(Refusal::Denied),
        });
        let message = found.unwrap_err().to_string();
        assert!(message.contains("`http.request GET http://127.0.0.1:8080/*`"), "{message}");
        assert_eq!(asked.len(), 2);
    }

    #[test]
    fn a_circle_of_redirects_ends() {
        let (found, asked) = fetch("https://a.org/", |_| redirect("/"));
        assert_eq!(found.unwrap_err(), Error::Redirects { url: "https://a.org/".to_owned() });
        assert_eq!(asked.len(), MAX_REDIRECTS + 1);
    }

    #[test]
    fn a_redirect_to_what_is_no_web_address_is_not_followed() {
        for location in ["file:///etc/passwd", "javascript:1", "https://me:secret@b.org/", "https://[", "mailto:a@b"] {
            let (found, asked) = fetch("https://a.org/", |_| redirect(location));
            assert!(matches!(found, Err(Error::Location { .. })), "{location}");
            assert_eq!(asked.len(), 1, "{location}");
        }
    }

    #[test]
    fn an_address_that_cannot_be_asked_for_is_refused_unasked() {
        for url in ["", "example.com", "/page", "ftp://a.org/", "file:///etc/passwd", "https://me@a.org/", "data:,x"] {
            let (found, asked) = fetch(url, |_| status(200));
            assert!(matches!(found, Err(Error::Url { .. })), "{url}");
            assert!(asked.is_empty(), "{url}");
        }
    }

    #[test]
    fn a_status_that_is_no_success_is_an_error_with_advice() {
        for (code, passing) in [(404, false), (403, false), (304, false), (429, true), (503, true)] {
            let error = fetch("https://a.org/", |_| status(code)).0.unwrap_err();
            assert_eq!(error.is_passing(), passing, "{error}");
            assert!(error.to_string().contains(&format!("https://a.org/ answered with status {code}: ")), "{error}");
        }
        let (found, _) = fetch("https://a.org/", |_| status(302));
        assert!(matches!(found, Err(Error::Status { status: 302, .. })), "no location to follow");
    }

    #[test]
    fn every_refusal_says_what_it_is_about() {
        for (refusal, expected, passing) in [
            (Refusal::Dns, "no host named `a.org`", false),
            (
                Refusal::Unreachable("connection refused".into()),
                "https://a.org/ cannot be reached now: connection",
                true,
            ),
            (Refusal::Failed("bad certificate".into()), "https://a.org/ gave no answer that can be read: bad", false),
        ] {
            let error = fetch("https://a.org/", |_| Err(refusal.clone())).0.unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert_eq!(error.is_passing(), passing, "{error}");
        }
    }
}
