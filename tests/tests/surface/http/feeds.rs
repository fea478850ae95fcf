//! The live feed's door: how many may listen from one address.

use std::io::{Read as _, Write as _};

use skillhost_tests::{Http, PATIENCE, Reply, Stream, World, eventually};

use super::started;

/// A connection that asks to listen.
fn asking(http: &Http) -> Box<dyn Stream> {
    let mut stream = http.connect().unwrap();
    let (host, token) = (http.host(), http.token().unwrap());
    write!(
        stream,
        "GET /ws HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .unwrap();
    stream
}

/// The same, and whether it was let in.
fn listening(http: &Http) -> (Box<dyn Stream>, bool) {
    let mut stream = asking(http);
    let mut line = [0; b"HTTP/1.1 101".len()];
    stream.read_exact(&mut line).unwrap();
    (stream, line.ends_with(b"101"))
}

#[test]
fn more_than_an_address_may_have_are_told_which_setting_bounds_them_and_a_place_that_is_left_is_free() {
    let world = World::new();
    world.configure("feed: { per_address: 2 }\n");
    let (_up, admin) = started(&world);
    let first = listening(&admin);
    let second = listening(&admin);
    assert!(first.1 && second.1);
    let refused = Reply::read(asking(&admin).as_mut()).unwrap().problem(429);
    assert!(refused.contains("feed.per_address"), "{refused}");
    drop(first);
    eventually("a place is free", PATIENCE, || listening(&admin).1);
}
