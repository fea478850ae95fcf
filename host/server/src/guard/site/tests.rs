use axum::body::Body;
use skillhost_lifecycle::TlsConfig;

use super::*;
use crate::listener::Here;

/// A request as it came, to a host with these names.
struct Asked {
    names: &'static [&'static str],
    tls: bool,
    listened: &'static str,
    local: &'static str,
    line: &'static str,
}

const LOOPBACK: Asked =
    Asked { names: &[], tls: false, listened: "127.0.0.1:8650", local: "127.0.0.1:8650", line: "POST /" };

impl Asked {
    fn with(&self, headers: &[(&str, &str)]) -> u16 {
        let tls = self.tls.then(|| TlsConfig { cert: "cert".into(), key: "key".into() });
        let hosts = self.names.iter().map(|&name| name.to_owned()).collect();
        let site = Site::new(&HttpConfig { hosts, tls, ..HttpConfig::default() }).unwrap();
        let (method, uri) = self.line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
        for (name, value) in headers {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let here = (!self.local.is_empty())
            .then(|| Here { listened: self.listened.parse().unwrap(), local: self.local.parse().unwrap() });
        request.extensions_mut().insert(Connected { peer: IpAddr::from([127, 0, 0, 1]), here });
        let status = |problem| axum::response::IntoResponse::into_response(problem).status().as_u16();
        site.check(&request).map_or_else(status, |()| 200)
    }

    fn host(&self, host: &str) -> u16 {
        self.with(&[("host", host)])
    }

    fn origin(&self, host: &str, origin: &str) -> u16 {
        self.with(&[("host", host), ("origin", origin)])
    }
}

#[test]
fn on_loopback_the_names_of_this_machine_are_known_and_no_others() {
    for host in ["127.0.0.1:8650", "127.0.0.1", "localhost", "LocalHost:8650", "[::1]:8650", "[::1]"] {
        assert_eq!(LOOPBACK.host(host), 200, "{host}");
    }
    for host in [
        "evil.example",
        "evil.example:8650",
        "localhost:80",
        "127.0.0.1:8651",
        "127.0.0.2:8650",
        "localhost.evil.example:8650",
        "127.0.0.1.evil.example",
        "localhost.",
        "0.0.0.0:8650",
        "[::2]:8650",
    ] {
        assert_eq!(LOOPBACK.host(host), 403, "{host}");
    }
}

#[test]
fn a_host_that_is_absent_doubled_or_malformed_is_a_bad_request() {
    assert_eq!(LOOPBACK.with(&[]), 400);
    assert_eq!(LOOPBACK.with(&[("host", "localhost"), ("host", "localhost")]), 400);
    for host in [
        "",
        ":",
        ":8650",
        "localhost:",
        "localhost:+8650",
        "localhost:86500",
        "localhost:x",
        "me@localhost",
        "a b",
        "[::1",
        "\u{fc}",
    ] {
        assert_eq!(LOOPBACK.host(host), 400, "{host}");
    }
}

#[test]
fn every_way_to_name_the_host_is_held_to_the_same() {
    let asked = |line| Asked { line, ..LOOPBACK };
    assert_eq!(asked("GET http://localhost:8650/").with(&[]), 200);
    assert_eq!(asked("GET http://localhost:8650/").host("evil.example"), 403);
    assert_eq!(asked("GET http://evil.example/").host("localhost:8650"), 403);
    assert_eq!(asked("GET http://evil.example/").with(&[]), 403);
}

#[test]
fn a_host_on_all_addresses_is_known_by_the_one_that_was_reached() {
    let open = Asked { listened: "0.0.0.0:8650", local: "192.168.1.5:8650", ..LOOPBACK };
    for host in ["192.168.1.5:8650", "192.168.1.5", "0.0.0.0:8650"] {
        assert_eq!(open.host(host), 200, "{host}");
    }
    for host in ["localhost:8650", "127.0.0.1:8650", "192.168.1.6:8650", "skills.example"] {
        assert_eq!(open.host(host), 403, "{host}");
    }
    let mapped = Asked { listened: "[::]:8650", local: "[::ffff:127.0.0.1]:8650", ..LOOPBACK };
    assert_eq!((mapped.host("localhost:8650"), mapped.host("127.0.0.1:8650")), (200, 200));
}

#[test]
fn configured_names_are_known_at_their_port_or_the_usual_ones() {
    let named = Asked { names: &["skills.example", "other.example:8443"], ..LOOPBACK };
    for host in
        ["skills.example", "Skills.Example:443", "skills.example:80", "skills.example:8650", "other.example:8443"]
    {
        assert_eq!(named.host(host), 200, "{host}");
    }
    for host in ["skills.example:8443", "other.example", "other.example:443", "a.skills.example"] {
        assert_eq!(named.host(host), 403, "{host}");
    }
}

#[test]
fn on_a_socket_in_the_file_system_the_name_is_localhost() {
    let socket = Asked { names: &["skills.example"], local: "", ..LOOPBACK };
    assert_eq!((socket.host("localhost"), socket.host("skills.example")), (200, 200));
    assert_eq!((socket.host("evil.example"), socket.host("127.0.0.1")), (403, 403));
}

#[test]
fn only_pages_of_this_host_may_ask() {
    let own = "localhost:8650";
    for origin in ["http://localhost:8650", "http://127.0.0.1:8650", "http://[::1]:8650"] {
        assert_eq!(LOOPBACK.origin(own, origin), 200, "{origin}");
    }
    for origin in [
        "null",
        "",
        "http://evil.example",
        "http://localhost",
        "http://localhost:3000",
        "https://localhost:8650",
        "http://localhost:8650/",
        "http://me@localhost:8650",
        "file://",
        "chrome-extension://localhost:8650",
        "http://localhost:8650, http://evil.example",
        "localhost:8650",
    ] {
        assert_eq!(LOOPBACK.origin(own, origin), 403, "{origin}");
        let line = "GET /";
        assert_eq!(Asked { line, ..LOOPBACK }.origin(own, origin), 403, "{origin}");
    }
    let headers = [("host", own), ("origin", "http://localhost:8650"), ("origin", "http://evil.example")];
    assert_eq!(LOOPBACK.with(&headers), 403);
}

#[test]
fn an_origin_has_the_scheme_that_is_served_or_that_a_proxy_adds() {
    let secure = Asked { tls: true, ..LOOPBACK };
    assert_eq!(secure.origin("localhost:8650", "https://localhost:8650"), 200);
    assert_eq!(secure.origin("localhost:8650", "http://localhost:8650"), 403);
    let named = Asked { names: &["skills.example"], ..LOOPBACK };
    assert_eq!(named.origin("skills.example", "https://skills.example"), 200);
    assert_eq!(named.origin("skills.example", "https://skills.example:9999"), 403);
    let secure = Asked { names: &["skills.example"], tls: true, ..LOOPBACK };
    assert_eq!(secure.origin("skills.example", "http://skills.example"), 403);
}

#[test]
fn another_sites_page_changes_nothing_here() {
    for (line, site, expected) in [
        ("POST /", "cross-site", 403),
        ("DELETE /", "same-site", 403),
        ("POST /", "same-origin", 200),
        ("POST /", "none", 200),
        // A link that leads here is another site's doing as well.
        ("GET /", "cross-site", 200),
    ] {
        let asked = Asked { line, ..LOOPBACK };
        assert_eq!(asked.with(&[("host", "localhost"), (FETCH_SITE, site)]), expected, "{line} {site}");
    }
}

#[test]
fn a_name_that_is_none_is_refused_at_the_start() {
    let hosts = vec!["https://skills.example".to_owned()];
    let error = Site::new(&HttpConfig { hosts, ..HttpConfig::default() }).err().unwrap().to_string();
    assert!(error.contains("http.hosts") && error.contains("https://skills.example"), "{error}");
}
