#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use proptest::prelude::*;
use url::Host;

use super::*;

fn scope(text: &str) -> HttpScope {
    text.parse().unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

/// Reads `METHOD scheme://host:port/path` as it stands; the crate's users canonicalise.
fn allows(scope_text: &str, target: &str) -> bool {
    let (method, url) = target.split_once(' ').unwrap();
    let (scheme, rest) = url.split_once("://").unwrap();
    let (authority, path) = rest.split_at(rest.find('/').unwrap());
    let scheme: Scheme = scheme.parse().unwrap();
    let (host, port) = split_port(authority);
    let host = Host::parse(host).unwrap();
    let host = match &host {
        Host::Domain(name) => Host::Domain(name.as_str()),
        Host::Ipv4(address) => Host::Ipv4(*address),
        Host::Ipv6(address) => Host::Ipv6(*address),
    };
    let port = port.map_or(scheme.port(), |port| port.parse().unwrap());
    scope(scope_text).allows(&HttpTarget { method, scheme, host, port, path })
}

#[test]
fn a_request_within_the_scope_is_let_through() {
    for (scope, target) in [
        ("*", "GET https://example.com/a"),
        ("*", "DELETE http://example.com:8080/"),
        ("https://example.com", "POST https://example.com/a/b"),
        ("https://example.com:443/*", "GET https://example.com/"),
        ("GET https://example.com/v1/*", "GET https://example.com/v1/a/b"),
        ("https://EXAMPLE.com/", "GET https://example.com/"),
        ("https://bücher.example/", "GET https://xn--bcher-kva.example/"),
        ("https://*.example.com/", "GET https://a.b.example.com/"),
        ("https://*/", "GET https://example.com/"),
        ("http://example.com:*/", "GET http://example.com:9000/"),
        ("http://localhost:3000/*", "GET http://localhost:3000/x"),
        ("http://127.0.0.1:8080/*", "GET http://127.0.0.1:8080/x"),
        ("http://[::1]/*", "GET http://[::1]/x"),
        ("http://[::1]:81/*", "GET http://[::1]:81/x"),
        ("https://example.com/[a-c]/x", "GET https://example.com/b/x"),
    ] {
        assert!(allows(scope, target), "{scope} on {target}");
    }
}

#[test]
fn a_request_outside_the_scope_is_not_let_through() {
    for (scope, target) in [
        ("GET https://example.com/", "POST https://example.com/"),
        ("GET https://example.com/", "get https://example.com/"),
        ("https://example.com/", "GET http://example.com:443/"),
        ("https://example.com", "GET https://example.com:8443/"),
        ("https://example.com:8443", "GET https://example.com/"),
        ("https://example.com/", "GET https://example.com/a"),
        ("https://example.com/v1/*", "GET https://example.com/v2/"),
        ("https://example.com", "GET https://example.com.evil.test/"),
        ("https://*.example.com", "GET https://example.com/"),
        ("https://*.example.com", "GET https://evilexample.com/"),
        ("*", "GET http://127.0.0.1/"),
        ("*", "GET http://[::1]/"),
        ("*", "GET http://localhost/"),
        ("http://*:*/*", "GET http://10.0.0.1/"),
        ("http://*:*/*", "GET http://localhost/"),
        ("http://127.0.0.1", "GET http://127.0.0.2/"),
        ("http://127.0.0.1", "GET http://[::ffff:127.0.0.1]/"),
        ("http://127.0.0.1", "GET http://localhost/"),
    ] {
        assert!(!allows(scope, target), "{scope} on {target}");
    }
}

#[test]
fn only_a_scope_that_names_an_address_says_so() {
    for (text, expected) in [
        ("http://127.0.0.1", true),
        ("http://[fe80::1]:*", true),
        ("https://8.8.8.8/dns", true),
        ("http://localhost:8080", true),
        ("*", false),
        ("http://*", false),
        ("http://*.localhost", false),
        ("http://localhost.example.com", false),
    ] {
        assert_eq!(scope(text).names_address(), expected, "{text}");
    }
}

#[test]
fn what_has_more_than_one_reading_is_refused_and_said() {
    use ScopeFault::*;
    for (text, fault) in [
        ("example.com", Url),
        ("GET *", Url),
        ("get https://example.com", Method("get".into())),
        ("* https://example.com", Method("*".into())),
        ("GET  https://example.com", Space),
        ("GET https://example.com/a b", Space),
        ("ftp://example.com", Scheme("ftp".into())),
        ("*://example.com", Scheme("*".into())),
        ("HTTPS://example.com", Scheme("HTTPS".into())),
        ("https://user@example.com", UserInfo),
        ("https://example.com@evil.test/", UserInfo),
        ("https://example.com/?a=*", Query),
        ("https://example.com?a", Query),
        ("https://example.com/#a", Fragment),
        ("https://", Host(String::new())),
        ("https:///a", Host(String::new())),
        ("https://ex*mple.com", Host("ex*mple.com".into())),
        ("https://*example.com", Host("*example.com".into())),
        ("https://a.*.com", Host("a.*.com".into())),
        ("https://*.*.com", Host("*.*.com".into())),
        ("https://*.127.0.0.1", Host("*.127.0.0.1".into())),
        ("https://*.[::1]", Host("*.[::1]".into())),
        ("https://example.com.", Host("example.com.".into())),
        ("https://a..b", Host("a..b".into())),
        ("https://ex%61mple.com", Host("ex%61mple.com".into())),
        ("https://[::1", Host("[:".into())),
        ("https://[fe80::1%25eth0]", Host("[fe80::1%25eth0]".into())),
        ("http://2130706433", HostForm("127.0.0.1".into())),
        ("http://0x7f000001", HostForm("127.0.0.1".into())),
        ("http://0177.0.0.1", HostForm("127.0.0.1".into())),
        ("http://127.1", HostForm("127.0.0.1".into())),
        ("http://[0:0:0:0:0:0:0:1]", HostForm("[::1]".into())),
        ("http://[::FFFF:127.0.0.1]", HostForm("[::ffff:7f00:1]".into())),
        ("https://example.com:", Port(String::new())),
        ("https://example.com:0", Port("0".into())),
        ("https://example.com:0443", Port("0443".into())),
        ("https://example.com:+443", Port("+443".into())),
        ("https://example.com:65536", Port("65536".into())),
        ("https://example.com/a/../b", Path),
        ("https://example.com/..", Path),
        ("https://example.com/./a", Path),
        ("https://example.com/%2E%2e/a", Path),
        ("https://example.com/a%2Fb", Path),
        ("https://example.com/a%5cb", Path),
        ("https://example.com/a\\b", Path),
        ("https://example.com/ä", Path),
        ("https://exam\u{202e}ple.com", Character('\u{202e}')),
        ("https://exam\u{ad}ple.com", Character('\u{ad}')),
    ] {
        assert_eq!(text.parse::<HttpScope>().map(|scope| scope.to_string()), Err(fault), "{text}");
    }
}

#[test]
fn every_part_of_a_covered_scope_is_covered() {
    for (outer, inner, expected) in [
        ("*", "GET https://example.com:8443/a", true),
        ("*", "http://*:*/*", true),
        ("*", "http://127.0.0.1", false),
        ("http://*:*", "http://localhost", false),
        ("https://a.test", "GET https://a.test:443/x*", true),
        ("https://a.test/*", "https://a.test", true),
        ("https://a.test:*", "https://a.test:1", true),
        ("https://*.test", "https://*.a.test", true),
        ("https://*.test", "https://*.test/x", true),
        ("https://*.a.test", "https://*.test", false),
        ("https://*.test", "https://*.atest", false),
        ("https://a.test/x*", "https://a.test/y", false),
        ("https://a.test/x*", "https://a.test", false),
        ("GET https://a.test", "https://a.test", false),
        ("https://a.test", "http://a.test", false),
        ("https://a.test", "https://a.test:*", false),
        ("https://a.test", "*", false),
        ("https://*:*", "*", false),
    ] {
        assert_eq!(scope(outer).covers(&scope(inner)), expected, "{outer} over {inner}");
    }
}

fn scopes() -> impl Strategy<Value = String> {
    let pick = |parts: &[&'static str]| prop::sample::select(parts.to_vec());
    let host = pick(&["*", "*.b", "*.a.b", "a.b", "c.a.b", "b", "localhost", "127.0.0.1", "[::1]"]);
    let port = pick(&["", ":80", ":443", ":8080", ":*"]);
    let path = pick(&["", "/", "/*", "/a", "/a*", "/*a", "/[ab]", "/[^b]*"]);
    let url = (pick(&["", "GET ", "PUT "]), pick(&["http", "https"]), host, port, path)
        .prop_map(|(method, scheme, host, port, path)| format!("{method}{scheme}://{host}{port}{path}"));
    prop_oneof![1 => Just("*".to_owned()), 20 => url]
}

/// Enough requests to tell the scopes above apart.
fn targets() -> Vec<String> {
    let mut targets = Vec::new();
    for method in ["GET", "PUT", "POST"] {
        for scheme in ["http", "https"] {
            for host in ["b", "a.b", "c.a.b", "d.b", "e.test", "localhost", "127.0.0.1", "[::1]"] {
                for port in [80, 443, 8080, 1] {
                    for path in ["/", "/a", "/b", "/ab", "/ba", "/c", "/cc"] {
                        targets.push(format!("{method} {scheme}://{host}:{port}{path}"));
                    }
                }
            }
        }
    }
    targets
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_scope_covers_another_if_it_lets_through_what_that_does(outer in scopes(), inner in scopes()) {
        let tried = targets().iter().all(|target| !allows(&inner, target) || allows(&outer, target));
        prop_assert_eq!(scope(&outer).covers(&scope(&inner)), tried, "{} over {}", outer, inner);
    }
}
