//! The blackboard on a real Redis: beside programs in Python, among several hosts, and without its server.
//!
//! Contract: every test has a server of its own, on a free port of loopback and with its files in a temporary folder. It
//! fails where there is no `redis-server`, and says how to come by one. Price: one to ten seconds each.

mod hosts;
mod loss;
mod python;
mod server;
mod settings;
mod sharing;

use self::python::Python;
use self::server::Server;

/// A configuration with the board on `server`, and these lines more. Skills get all that they ask for.
fn configuration(server: &Server, board: &str, more: &str) -> String {
    let url = server.url();
    format!(
        "approval: {{ auto: ['* *'] }}\nblackboard:\n  redis: {{ url: '{url}' }}\n  keyspace_prefix: timmy\n{board}{more}"
    )
}
