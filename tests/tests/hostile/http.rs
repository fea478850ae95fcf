//! Those who connect and then do what costs the host most.
//!
//! Contract: whoever behaves is answered all the while, and afterwards nothing of the others is left.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use skillhost_tests::{Http, PATIENCE, Up, World, eventually};

/// Small, so that the tests see their ends; the host is not to be late by more than it takes a busy machine to notice.
const CONFIG: &str = "http: { header_timeout: 500ms, body_timeout: 500ms, connections: 64 }\nmax_body: 64KiB\n";

fn up() -> (World, Up, Http) {
    let world = World::new();
    world.configure(CONFIG);
    let mut up = world.up();
    let http = up.http();
    eventually("it is ready", PATIENCE, || http.get("/ready").status == 200);
    (world, up, http)
}

fn said(http: &Http, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(http.host()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

/// What comes until the host closes, which it must.
fn rest(mut stream: TcpStream) -> String {
    let mut all = Vec::new();
    match stream.read_to_end(&mut all) {
        Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
            panic!("it is still open after {PATIENCE:?}")
        }
        // A reset is an end as well.
        _ => String::from_utf8_lossy(&all).into_owned(),
    }
}

/// How many sockets the host holds.
fn sockets(up: &Up) -> usize {
    let files = std::fs::read_dir(format!("/proc/{}/fd", up.id())).unwrap();
    let target = |file: std::io::Result<std::fs::DirEntry>| std::fs::read_link(file.ok()?.path()).ok();
    files.filter_map(target).filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

#[test]
fn heads_that_never_come_to_an_end_hold_nobody_up() {
    let (_world, up, http) = up();
    let before = sockets(&up);
    let beginnings: [&[u8]; 5] = [
        b"",
        b"G",
        b"GET /health HTTP/1.1\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: ",
        b"PRI * HTTP/2.0\r\n\r\nSM",
    ];
    let mut slow: Vec<_> = beginnings.iter().cycle().take(32).map(|begun| said(&http, begun)).collect();
    assert_eq!(http.get("/health").status, 200);
    // More of it, a little at a time, is no way to stay either.
    let start = Instant::now();
    let mut open = true;
    while open {
        assert!(start.elapsed() < PATIENCE, "a head may take for ever");
        open = slow[3].write_all(b"x").is_ok() && {
            slow[3].set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            matches!(slow[3].read(&mut [0; 64]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
        };
    }
    for stream in slow {
        assert_eq!(rest(stream), "");
    }
    eventually("their sockets are closed", PATIENCE, || sockets(&up) <= before);
}

#[test]
fn heads_that_are_too_large_or_no_heads_at_all_are_refused_at_once() {
    let (_world, _up, http) = up();
    let large = format!("GET /health HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(200 << 10));
    let many = format!("GET /health HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: x\r\n".repeat(5_000));
    let path = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(200 << 10));
    for head in [large, many, path] {
        let mut stream = TcpStream::connect(http.host()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // It may be cut off before the end.
        drop(stream.write_all(head.as_bytes()));
        let answer = rest(stream);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 431") || answer.starts_with("HTTP/1.1 414"),
            "{answer}"
        );
    }
    for nonsense in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01"] {
        let stream = said(&http, nonsense.as_bytes());
        stream.shutdown(Shutdown::Write).unwrap();
        let answer = rest(stream);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    assert_eq!(http.get("/health").status, 200);
}

#[test]
fn two_readings_of_one_request_are_none() {
    let (_world, _up, http) = up();
    for framing in [
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: -1",
        "Content-Length: 3, 4",
        "Transfer-Encoding: chunked, identity",
    ] {
        let head = format!("POST /health HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\nabcGET /health HTTP/1.1\r\n");
        let stream = said(&http, head.as_bytes());
        let answer = rest(stream);
        assert!(answer.starts_with("HTTP/1.1 400"), "{framing}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{framing}: {answer}");
    }
}

#[test]
fn more_connections_than_there_is_room_for_wait_and_are_served_in_the_end() {
    let (_world, up, http) = up();
    let before = sockets(&up);
    let silent: Vec<_> = (0..200).map(|_| said(&http, b"")).collect();
    assert!(sockets(&up) <= before + 64);
    // Those that say nothing make room, one after the other.
    assert_eq!(http.get("/health").status, 200);
    for stream in silent {
        assert_eq!(rest(stream), "");
    }
    eventually("their sockets are closed", PATIENCE, || sockets(&up) <= before);
}

/// The head of a call, with what its body's length is said to be.
fn call(http: &Http, framing: &str) -> String {
    let (host, token) = (http.host(), http.token().unwrap());
    format!(
        "POST /api/skills/healthy/tools/echo HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n{framing}\r\n\r\n"
    )
}

#[test]
fn a_body_that_does_not_come_is_given_up_and_answered() {
    let (_world, mut up, http) = up();
    let admin = up.admin();
    for (framing, begun) in [("Content-Length: 100", "{\"a\":"), ("Transfer-Encoding: chunked", "5\r\n{\"a\":\r\n")] {
        let answer = rest(said(&http, format!("{}{begun}", call(&admin, framing)).as_bytes()));
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("http.body_timeout"), "{answer}");
    }
}

#[test]
fn a_body_that_is_too_large_is_refused_also_if_it_did_not_say_so() {
    let (_world, mut up, http) = up();
    let admin = up.admin();
    let chunk = format!("4000\r\n{}\r\n", " ".repeat(0x4000));
    let request = format!("{}{}0\r\n\r\n", call(&admin, "Transfer-Encoding: chunked"), chunk.repeat(8));
    let answer = rest(said(&http, request.as_bytes()));
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("max_body"), "{answer}");
    // Without an end it is cut off.
    let mut stream = said(&http, call(&admin, "Transfer-Encoding: chunked").as_bytes());
    let start = Instant::now();
    while stream.write_all(chunk.as_bytes()).is_ok() {
        assert!(start.elapsed() < PATIENCE, "a body may go on for ever");
    }
    assert_eq!(http.get("/health").status, 200);
}
