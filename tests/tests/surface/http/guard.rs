//! Who may ask: pages of other sites may not, by whatever name they call this host.

use skillhost_tests::World;

const OWN: &str = "OWN";

/// A method, headers besides the usual (`OWN` is the host's `HOST:PORT`), and the status that `/health` gives to them.
type Row = (&'static str, &'static [(&'static str, &'static str)], u16);

const TABLE: &[Row] = &[
    ("GET", &[], 200),
    ("GET", &[("Host", "localhost")], 200),
    ("GET", &[("Host", "skills.example")], 200),
    ("GET", &[("Host", "skills.example:443")], 200),
    ("GET", &[("Host", "evil.example")], 403),
    ("GET", &[("Host", "localhost.evil.example")], 403),
    ("GET", &[("Host", "127.0.0.1:1")], 403),
    ("GET", &[("Host", "")], 400),
    ("GET", &[("Host", "a b")], 400),
    ("GET", &[("Host", OWN), ("Host", OWN)], 400),
    ("GET", &[("Origin", "http://OWN")], 200),
    ("GET", &[("Origin", "https://skills.example"), ("Host", "skills.example")], 200),
    ("GET", &[("Origin", "https://OWN")], 403),
    ("GET", &[("Origin", "http://evil.example")], 403),
    ("GET", &[("Origin", "http://localhost:1")], 403),
    ("GET", &[("Origin", "null")], 403),
    ("GET", &[("Sec-Fetch-Site", "cross-site")], 200),
    ("POST", &[("Sec-Fetch-Site", "same-origin"), ("Origin", "http://OWN")], 405),
    ("POST", &[("Sec-Fetch-Site", "cross-site")], 403),
    ("POST", &[("Sec-Fetch-Site", "same-site")], 403),
];

#[test]
fn pages_of_other_sites_are_refused_by_every_sign_that_they_give() {
    let world = World::new();
    world.configure("http: { hosts: [skills.example] }\n");
    let mut up = world.up();
    let http = up.http();
    let own = http.host().to_owned();
    for (method, headers, expected) in TABLE {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.replace(OWN, &own))).collect();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let reply = http.send(method, "/health", &headers, b"");
        assert_eq!(reply.status, *expected, "{method} {headers:?}: {}", reply.text());
        if *expected != 200 {
            reply.problem(*expected);
        }
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{reply:?}");
        assert_eq!(reply.header("referrer-policy"), Some("same-origin"), "{reply:?}");
    }
    let foreign = http.send("GET", "/api/skills", &[("Host", "evil.example")], b"").problem(403);
    assert!(foreign.contains("evil.example") && foreign.contains("http.hosts"), "{foreign}");
    assert_eq!(up.admin().get("/api/skills").header("cache-control"), Some("no-store"));
}

#[test]
fn what_is_not_there_is_a_problem() {
    let world = World::new();
    let mut up = world.up();
    up.http().get("/nothing/here").problem(404);
    let reply = up.http().send("DELETE", "/health", &[], b"");
    reply.problem(405);
    assert!(reply.header("allow").is_some_and(|allow| allow.contains("GET")), "{reply:?}");
}

#[test]
fn a_body_over_the_limit_is_refused_before_anybody_reads_it() {
    let world = World::new();
    world.configure("max_body: 64KiB\n");
    let mut up = world.up();
    let body = vec![b' '; 200 << 10];
    for path in ["/api/skills", "/mcp", "/nothing/here"] {
        let said = up.http().send("POST", path, &[("Content-Type", "application/json")], &body).problem(413);
        assert!(said.contains("65536 bytes") && said.contains("max_body"), "{said}");
    }
    // Who asks first need not send it.
    let asked = [("Expect", "100-continue"), ("Content-Length", "99999999999")];
    up.http().send("POST", "/api/skills", &asked, b"").problem(413);
    assert_eq!(up.http().get("/health").status, 200);
}
