#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use proptest::prelude::*;

use super::*;

fn get(scheme: &str, authority: &str, path: &str) -> Result<Target, TargetError> {
    Target::new(Method::GET, scheme, authority, path)
}

fn path(path: &str) -> Result<String, TargetError> {
    get("https", "example.com", path).map(|target| target.path_and_query.to_string())
}

fn host(authority: &str) -> Result<String, TargetError> {
    get("https", authority, "/").map(|target| target.authority())
}

#[test]
fn a_target_is_read_into_one_form() {
    let target = get("HTTPS", "Example.COM.:0443", "/a%7Eb/%c3%a9?q=%2e%2e").unwrap();
    assert_eq!(target.to_string(), "GET https://example.com/a~b/%C3%A9");
    assert_eq!(target.uri().unwrap().to_string(), "https://example.com/a~b/%C3%A9?q=%2e%2e");
    assert_eq!(target.as_granted().port, 443);
    assert_eq!(target.as_granted().path, "/a~b/%C3%A9");
}

#[test]
fn a_port_that_is_the_schemes_own_is_left_out() {
    assert_eq!(host("example.com:443").unwrap(), "example.com");
    assert_eq!(host("example.com:80").unwrap(), "example.com:80");
    assert_eq!(get("http", "example.com:80", "/").unwrap().authority(), "example.com");
}

#[test]
fn userinfo_tricks_are_refused() {
    for authority in [
        "user@evil.test",
        "user:pass@evil.test",
        "api.test:443@evil.test",
        "api.test@evil.test:80",
        "@",
        "a@@b",
        "[::1]@x",
    ] {
        assert_eq!(host(authority), Err(TargetError::UserInfo), "{authority}");
    }
    for authority in ["api.test%40evil.test", "api.test%2Fevil.test", "%31%32%37.0.0.1"] {
        assert_eq!(host(authority), Err(TargetError::HostEscape), "{authority}");
    }
    for authority in [
        r"api.test\evil.test",
        r"api.test\.evil.test",
        "api.test/evil.test",
        "api.test#evil.test",
        "api.test?evil.test",
        "api.test evil.test",
        "api.test\r\nHost: x",
        "api.test\0",
        "api.test,evil.test",
        "a\t",
    ] {
        assert!(matches!(host(authority), Err(TargetError::Host(_))), "{authority}");
    }
}

#[test]
fn decimal_octal_hex_and_short_hosts_are_refused() {
    for authority in [
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.1",
        "127.0.1",
        "0",
        "0x0",
        "127.0.0.01",
        "127.0.0.1.",
        "2130706433.",
        "0X7F.1",
        "00.0.0.0",
        "169.254.43518",
        "0xa9fea9fe:80",
    ] {
        let error = get("http", authority, "/").unwrap_err();
        assert!(matches!(error, TargetError::Disguised { .. }), "{authority}: {error}");
    }
    assert_eq!(
        get("http", "0x7f.1", "/").unwrap_err().to_string(),
        r#""0x7f.1" is 127.0.0.1 in disguise: write 127.0.0.1"#
    );
    for authority in ["1.2.3.4.5", "256.0.0.1", "1.2.3.256", "4294967296", "09.0.0.1", "0x", "a.1", "1.0x2z.3"] {
        assert!(!matches!(host(authority), Ok(host) if host.parse::<IpAddr>().is_ok()), "{authority}");
    }
    assert_eq!(host("8.8.8.8").unwrap(), "8.8.8.8");
}

#[test]
fn letters_outside_ascii_do_not_hide_an_address_or_a_name() {
    for authority in ["127。0。0。1", "１２７.0.0.1", "ⓛocalhost", "exаmple.com", "bücher.example"] {
        assert!(matches!(host(authority), Err(TargetError::Host(_))), "{authority}");
    }
    assert_eq!(host("xn--bcher-kva.example").unwrap(), "xn--bcher-kva.example");
}

#[test]
fn trailing_dots_and_capitals_become_the_usual_name() {
    assert_eq!(host("LOCALHOST.").unwrap(), "localhost");
    assert_eq!(host("API.Example.com.").unwrap(), "api.example.com");
    for authority in ["example.com..", ".example.com", "a..b", ".", "..", "-.."] {
        assert!(matches!(host(authority), Err(TargetError::Host(_))), "{authority}");
    }
}

#[test]
fn ipv6_zones_and_bare_ipv6_addresses_are_refused() {
    for authority in ["[fe80::1%eth0]", "[fe80::1%25eth0]:80"] {
        assert_eq!(host(authority), Err(TargetError::HostEscape), "{authority}");
    }
    for authority in ["::1", "fe80::1", "[::1", "::1]", "[[::1]]", "[::1]x", "[::1]:", "[]", "[1.2.3.4]", "[::1][::2]"]
    {
        assert!(host(authority).is_err(), "{authority}");
    }
    assert_eq!(host("[0:0:0:0:0:0:0:1]:8443").unwrap(), "[::1]:8443");
}

#[test]
fn an_absent_host_is_refused() {
    for authority in ["", ":443"] {
        assert_eq!(host(authority), Err(TargetError::NoHost), "{authority}");
    }
}

#[test]
fn ports_that_are_none_are_refused() {
    for authority in [
        "a.test:",
        "a.test:0",
        "a.test:65536",
        "a.test:+80",
        "a.test:-1",
        "a.test:8 0",
        "a.test:80:80",
        "a.test:http",
        "a.test:８０",
    ] {
        assert!(matches!(host(authority), Err(TargetError::Host(_))), "{authority}");
    }
}

#[test]
fn other_schemes_are_refused() {
    for scheme in ["ftp", "file", "ws", "wss", "gopher", "data", "", "https ", "https:", "httpsx", "unix"] {
        assert!(matches!(get(scheme, "example.com", "/"), Err(TargetError::Scheme(_))), "{scheme}");
    }
}

#[test]
fn tunnels_and_echoes_are_refused() {
    for method in ["CONNECT", "connect", "TRACE", "Trace", "TRACK"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(Target::new(method.clone(), "https", "a.test", "/"), Err(TargetError::Method(method)));
    }
}

#[test]
fn dot_segments_in_paths_are_refused() {
    for text in ["/..", "/.", "/a/../b", "/a/./b", "/a/..", "/../", "/a/..;x=1/b", "/a/..%3bx/b", "/a/.;/b", "/a//../b"]
    {
        assert_eq!(path(text), Err(TargetError::DotSegment), "{text}");
    }
    for text in ["/...", "/a..b/", "/.hidden", "/a/..b", "/a;x=..", "//a"] {
        assert_eq!(path(text).unwrap(), text);
    }
}

#[test]
fn encoded_slashes_dots_and_backslashes_in_paths_are_refused() {
    for (text, hidden) in [
        ("/a%2fb", '/'),
        ("/a%2Fb", '/'),
        ("/%2e%2e/b", '.'),
        ("/%2E./b", '.'),
        ("/.%2e/b", '.'),
        ("/a%2ejson", '.'),
        ("/a%5cb", '\\'),
        ("/a%5Cb", '\\'),
        ("/a%00", '\0'),
        ("/a%0d%0aX:1", '\r'),
        ("/a%7f", '\x7f'),
    ] {
        assert_eq!(path(text), Err(TargetError::Hidden(hidden)), "{text}");
    }
    for text in ["/%252e%252e/", "/%252f", "/%255c", "/%25252e", "/%2525", "/%25%32e", "/%25%32%65"] {
        assert_eq!(path(text), Err(TargetError::DoubleEscape), "{text}");
    }
    for text in ["/%c0%ae%c0%ae/", "/%c0%af", "/%e0%80%ae", "/%ff", "/%", "/%2", "/%zz", "/%+f", "/%%32e"] {
        assert!(matches!(path(text), Err(TargetError::Escape)), "{text}");
    }
    assert_eq!(path("/100%25").unwrap(), "/100%25");
}

#[test]
fn backslashes_controls_spaces_and_fragments_are_refused() {
    for text in [
        r"/a\b",
        r"/..\b",
        r"\a",
        "/a b",
        "/a\tb",
        "/a\r\nX: 1",
        "/a\0",
        "/a#b",
        "/é",
        "/a?b c",
        "/a?b#c",
        "/a\u{7f}",
        "/<",
    ] {
        assert!(path(text).is_err(), "{text:?}");
    }
    assert_eq!(path(r"/a\b"), Err(TargetError::Character('\\')));
}

#[test]
fn a_path_that_is_a_whole_address_is_refused() {
    for text in ["http://evil.test/", "evil.test/", "*", "@evil.test", ".evil.test/"] {
        assert_eq!(path(text), Err(TargetError::NotAbsolute), "{text}");
    }
}

#[test]
fn a_long_path_or_authority_is_refused() {
    let long = format!("/{}", "a".repeat(MAX_PATH_AND_QUERY));
    assert_eq!(path(&long), Err(TargetError::TooLong(MAX_PATH_AND_QUERY + 1)));
    assert_eq!(path(long.get(..MAX_PATH_AND_QUERY).unwrap()).unwrap().len(), MAX_PATH_AND_QUERY);
    assert!(host(&"a.".repeat(200)).is_err());
    assert!(host(&"a".repeat(64)).is_err());
}

#[test]
fn an_empty_path_is_the_root() {
    assert_eq!(path("").unwrap(), "/");
    assert_eq!(path("?a=/../").unwrap(), "/?a=/../");
}

#[test]
fn loopback_is_known_by_name_and_by_address() {
    for (authority, expected) in
        [("localhost", true), ("127.9.9.9", true), ("[::1]", true), ("localhost.example", false), ("10.0.0.1", false)]
    {
        assert_eq!(get("http", authority, "/").unwrap().is_loopback(), expected, "{authority}");
    }
}

proptest! {
    #[test]
    fn what_was_read_reads_as_itself(scheme in "https?", authority in r"[a-zA-Z0-9.:\[\]x-]{1,24}", text in r"/[ -~]{0,24}") {
        if let Ok(target) = get(&scheme, &authority, &text) {
            let uri = target.uri().unwrap();
            let again = get(uri.scheme_str().unwrap(), uri.authority().unwrap().as_str(), uri.path_and_query().unwrap().as_str());
            prop_assert_eq!(again, Ok(target));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(scheme in ".{0,8}", authority in ".{0,32}", text in ".{0,64}") {
        let _ = get(&scheme, &authority, &text);
    }

    #[test]
    fn another_reader_sees_the_same_host_port_and_path(authority in r"[a-z0-9.:@%\\/x-]{1,24}", text in r"/[ -~]{0,24}") {
        if let Ok(target) = get("http", &authority, &text) {
            let other = url::Url::parse(&format!("http://{authority}{text}")).unwrap();
            prop_assert_eq!(other.host_str().unwrap_or_default().trim_end_matches('.'), target.host.to_string());
            prop_assert_eq!(other.port_or_known_default(), Some(target.port));
            prop_assert_eq!(other.path().split('/').count(), target.path_and_query.path().split('/').count());
        }
    }
}
