//! Which headers pass between a guest and a server.
//!
//! Contract: what describes a connection or a body's length is the host's to say, in both directions, so that no guest can
//! make a server see another end of a request than the host does. What an answer brings is scrubbed of known secrets.

use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use skillhost_redaction::Redactor;

use crate::Refusal;

/// RFC 9110, 7.6.1, with the names that are in use beside it.
const OF_A_CONNECTION: [HeaderName; 10] = [
    CONNECTION,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Leaves of a guest's headers what is the guest's to say, and gives the length that it declared for its body.
pub(crate) fn outgoing(headers: &mut HeaderMap) -> Result<Option<u64>, Refusal> {
    let declared = declared_length(headers)?;
    remove_connections(headers);
    headers.remove(CONTENT_LENGTH);
    headers.remove(HOST);
    // The body follows at once; nobody waits for the server's leave.
    headers.remove(EXPECT);
    Ok(declared)
}

/// Is this header the host's to say?
pub(crate) fn is_the_hosts(name: &HeaderName) -> bool {
    OF_A_CONNECTION.contains(name) || [CONTENT_LENGTH, HOST, EXPECT, ACCEPT_ENCODING].contains(name)
}

/// Leaves of a server's headers what a guest may see.
pub(crate) fn incoming(headers: &mut HeaderMap, redactor: &Redactor) {
    remove_connections(headers);
    let leaking: Vec<HeaderName> = headers
        .keys()
        .filter(|name| redactor.known_bytes(name.as_str().as_bytes()) != name.as_str().as_bytes())
        .cloned()
        .collect();
    for name in leaking {
        headers.remove(name);
    }
    for value in headers.values_mut() {
        let scrubbed = redactor.known_bytes(value.as_bytes());
        if scrubbed != value.as_bytes() {
            *value = HeaderValue::from_bytes(&scrubbed).unwrap_or(HeaderValue::from_static("[redacted]"));
        }
    }
}

fn declared_length(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let number = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    match (number.and_then(|text| text.parse().ok()), values.next()) {
        (Some(length), None) => Ok(Some(length)),
        _ => Err(Refusal::Length { declared: "no one number".to_owned() }),
    }
}

fn remove_connections(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in OF_A_CONNECTION.iter().chain(&named) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn headers_of_a_connection_and_the_host_are_not_the_guests_to_say() {
        let mut sent = headers(&[
            ("host", "evil.test"),
            ("connection", "close, X-Mine"),
            ("x-mine", "1"),
            ("keep-alive", "1"),
            ("proxy-authorization", "Basic eDp5"),
            ("proxy-connection", "keep-alive"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("http2-settings", "AAA"),
            ("expect", "100-continue"),
            ("content-length", "5"),
            ("accept", "*/*"),
        ]);
        assert_eq!(outgoing(&mut sent).unwrap(), Some(5));
        assert_eq!(sent, headers(&[("accept", "*/*")]));
    }

    #[test]
    fn a_length_that_can_be_read_in_two_ways_is_refused() {
        for pairs in [
            &[("content-length", "5"), ("content-length", "6")][..],
            &[("content-length", "5"), ("content-length", "5")],
            &[("content-length", "5, 5")],
            &[("content-length", "+5")],
            &[("content-length", "0x5")],
            &[("content-length", "")],
            &[("content-length", "99999999999999999999")],
        ] {
            let refused = outgoing(&mut headers(pairs)).unwrap_err();
            assert!(matches!(refused, Refusal::Length { .. }), "{pairs:?}");
        }
    }
}
