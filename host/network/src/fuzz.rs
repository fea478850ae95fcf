//! What must hold of the guard whatever a guest wants to reach, for fuzzing.
//!
//! Contract: any bytes are a target in one canonical form, or refused in words that can be printed; what breaks a promise
//! of [`Target`] panics with it. Nothing of a host calls this. Price: that of reading a target, some times over.

use http::Method;
use skillhost_types::{Capability, Grant, Grants};
use url::{Host, Url};

use crate::{Target, not_public};

/// Longest message, in bytes: the longest authority, every character of it escaped.
const LONGEST_MESSAGE: usize = 4_000;

/// What a path must not hold however its letters are written, since servers read it differently.
const HIDDEN: [&str; 8] = ["\\", "%2e", "%2f", "%5c", "%00", "%0a", "%0d", "%7f"];

/// Takes four lines as method, scheme, authority, and path with query; the last ends with the bytes, or with a line's end
/// that does not count.
pub fn fuzz_url_guard(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.strip_suffix('\n').unwrap_or(&text).splitn(4, '\n');
    let mut part = || parts.next().unwrap_or_default();
    let (method, scheme, authority, path) = (part(), part(), part(), part());
    let Ok(method) = Method::from_bytes(method.as_bytes()) else { return };
    match Target::new(method, scheme, authority, path) {
        Ok(target) => {
            check_form(&target);
            check_host(&target, authority);
            check_path(target.as_granted().path);
            check_needed(&target);
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.len() <= LONGEST_MESSAGE && !message.contains(char::is_control), "{message:?}");
        }
    }
}

/// What is sent reads as the same, also to another reader.
fn check_form(target: &Target) {
    let uri = target.uri();
    assert!(uri.is_ok(), "{target} cannot be sent: {uri:?}");
    let Ok(uri) = uri else { return };
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    let again = Target::new(target.method().clone(), target.scheme().as_str(), &target.authority(), path);
    assert_eq!(again.as_ref(), Ok(target));
    assert_eq!(
        target.to_string(),
        format!("{} {}", target.method(), uri.to_string().split('?').next().unwrap_or_default())
    );

    let granted = target.as_granted();
    let other = Url::parse(&uri.to_string());
    assert!(other.is_ok(), "{uri} is no address to another reader: {other:?}");
    let Ok(other) = other else { return };
    assert_eq!(other.host(), Some(granted.host), "the host of {uri}");
    assert_eq!(other.port_or_known_default(), Some(granted.port), "the port of {uri}");
    assert_eq!(other.path().split('/').count(), granted.path.split('/').count(), "the path of {uri}");
    assert!(other.username().is_empty() && other.password().is_none() && other.fragment().is_none(), "{uri}");
}

/// A name is canonical and no address; an address that is not public is what was written, letter by letter.
fn check_host(target: &Target, authority: &str) {
    let written = authority.to_ascii_lowercase();
    if let Host::Domain(name) = target.as_granted().host {
        assert_eq!(Host::parse(name).as_ref(), Ok(&Host::Domain(name.to_owned())));
        assert!(!name.ends_with('.') && !name.contains("..") && *name == name.to_ascii_lowercase(), "{name}");
        assert!(written.starts_with(name), "{authority} became {name}");
    }
    let address = target.address().filter(|address| not_public(*address).is_some());
    if let Some(address) = address {
        // IPv6 has many forms, all between brackets; `[` alone tells it apart from everything else.
        let literal =
            written.starts_with(&address.to_string()) || written.starts_with('[') || written.starts_with("localhost");
        assert!(literal, "{authority} became {address}");
    }
}

/// Nothing climbs, and nothing is hidden from whoever compares it with a grant.
fn check_path(path: &str) {
    assert!(path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()), "{path}");
    let lower = path.to_ascii_lowercase();
    assert!(HIDDEN.iter().all(|hidden| !lower.contains(hidden)), "{path}");
    let climbs = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    assert!(!path.split('/').any(climbs), "{path}");
    let mut escapes = path.split('%').skip(1).map(str::as_bytes);
    assert!(escapes.all(|rest| matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())), "{path}");
}

/// The grant that the refusal names would do.
fn check_needed(target: &Target) {
    let needed = target.needed();
    let grant = needed.parse::<Grant>();
    assert!(grant.is_ok(), "`{needed}` is no grant: {grant:?}");
    let grants: Grants = grant.into_iter().collect();
    assert!(
        grants.of(Capability::HttpRequest).count() == 1 && grants.allows_http(&target.as_granted()).is_some(),
        "`{needed}` does not cover {target}"
    );
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_corpus_is_replayed() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/url_guard");
        let files: Vec<_> = fs::read_dir(&corpus).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty(), "{} is empty", corpus.display());
        for file in files {
            println!("{}", file.display());
            fuzz_url_guard(&fs::read(file).unwrap());
        }
    }
}
