//! Where a host listens: addresses, sockets in the file system, and what it does not dare.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use skillhost_tests::{Http, PATIENCE, World, eventually};

/// Where it listens unless it is told.
const USUAL: &str = "127.0.0.1:8650";

#[test]
fn a_socket_in_the_file_system_is_its_owners_and_goes_with_the_host() {
    let world = World::with(&["healthy"]).allowing_all();
    let path = world.root().join("http.sock");
    // What a host that was killed leaves behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listen = format!("unix:{}", path.display());
    let mut up = world.up_with(&["--listen", &listen]);
    assert_eq!(up.address(), listen);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(up.http().get("/health").status, 200);
    // Whoever may open it needs a token all the same.
    up.http().get("/api/skills").problem(401);
    up.wait_for("absorbed", "healthy.wasm");
    assert_eq!(up.admin().get("/api/skills").json()[0]["name"], "healthy");
    up.http().send("GET", "/health", &[("Host", "evil.example")], b"").problem(403);

    let other = World::new().run(&["up", "--listen", &listen]);
    assert_eq!(other.code, Some(2), "{other}");
    assert!(other.stderr.contains(&listen) && other.stderr.contains("--listen"), "{other}");
    assert_eq!(up.http().get("/health").status, 200, "it was not disturbed");

    let ran = up.stop();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(!path.exists());
}

#[test]
fn a_file_in_the_place_of_a_socket_is_left_alone() {
    let world = World::new();
    let path = world.aside("notes.txt", b"mine");
    let ran = world.run(&["up", "--listen", &format!("unix:{}", path.display())]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains("notes.txt"), "{ran}");
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
}

#[test]
fn other_machines_are_let_in_only_once_there_is_a_token() {
    let world = World::new();
    let ran = world.run(&["up", "--listen", "0.0.0.0:0"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains("0.0.0.0:0") && ran.stderr.contains("skillhost token add"), "{ran}");

    let token = world.token("me", "viewer", "*");
    let mut up = world.up_with(&["--listen", "0.0.0.0:0"]);
    let port = up.address().rsplit_once(':').unwrap().1.to_owned();
    let http = Http::at(&format!("http://127.0.0.1:{port}")).with_token(&token);
    assert_eq!(http.get("/api/skills").status, 200);
    assert!(up.stderr().contains("in the clear"), "{}", up.stderr());
}

#[test]
fn where_the_usual_port_is_taken_another_is_found_and_said() {
    // Where this fails somebody else has it, which is as good.
    let _taken = TcpListener::bind(USUAL);
    let world = World::new().with_variable("SKILLHOST_LISTEN", USUAL);
    let mut up = world.up();
    let address = up.address();
    assert!(address.starts_with("http://127.0.0.1:") && !address.ends_with(":8650"), "{address}");
    assert!(up.stderr().contains(USUAL) && up.stderr().contains(&address), "{}", up.stderr());
    assert_eq!(up.http().get("/health").status, 200);
}

#[test]
fn a_port_that_was_asked_for_and_is_taken_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = World::new().run(&["up", "--listen", &address]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains(&address) && ran.stderr.contains("--listen"), "{ran}");
}

#[test]
fn names_and_networks_that_are_none_are_refused_at_the_start() {
    for (yaml, wrong) in [
        ("http: { hosts: [\"http://skills.example\"] }\n", "http.hosts"),
        ("http: { proxies: [proxy.example] }\n", "http.proxies"),
        ("http: { tls: { cert: none.pem, key: none.pem } }\n", "http.tls.cert"),
    ] {
        let world = World::new();
        world.configure(yaml);
        let ran = world.run(&["up"]);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.stderr.contains(wrong), "{ran}");
    }
}

#[test]
fn every_start_says_where_the_dashboard_is_and_where_its_token_lies() {
    let world = World::new();
    let kept = world.data().join("token").display().to_string();
    let mut first = world.up();
    let address = first.address();
    eventually("the link", PATIENCE, || first.stderr().contains(&format!("dashboard: {address}/#token=")));
    let ran = first.stop();
    assert!(ran.stderr.contains(&format!("(kept in {kept})")), "{ran}");

    let mut second = world.up();
    let line = format!("dashboard: {} (log in with the token in {kept})", second.address());
    eventually("the address", PATIENCE, || second.stderr().contains(&line));

    let revoked = world.run(&["token", "revoke", "admin"]);
    assert_eq!(revoked.code, Some(0), "{revoked}");
    world.token("other", "viewer", "*");
    let mut third = world.up();
    let line = format!("dashboard: {} (log in with a token of `skillhost token add`)", third.address());
    eventually("not a token that is none", PATIENCE, || third.stderr().contains(&line));
}

#[test]
fn a_second_host_on_the_same_data_says_whose_it_is() {
    let world = World::new();
    let mut first = world.up();
    let address = first.address();
    let holder = format!("process {} at {address}", first.id());
    let mut second = world.up();
    eventually("a warning", PATIENCE, || second.stderr().contains(&holder));
    // An assistant's own host beside it is none that starts or stops.
    let ran = world.run_with_input(&["mcp"], b"");
    assert!(ran.code == Some(0) && ran.stderr.contains(&holder), "{ran}");
    let events = world.run(&["events", "--json", "--kind", "system.*"]).lines();
    let kinds: Vec<_> = events.iter().map(|event| &event["kind"]).collect();
    assert_eq!(kinds, ["system.started", "system.started"]);
}
