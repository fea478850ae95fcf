//! Uses WASI while it says what it is: time, random numbers, standard output, an empty environment. It is there, so
//! this one is absorbed.

use guests::Manifest;
use guests::manifest::{echo, manifest, tool};
use std::env;

fn describe() -> Manifest {
    println!("described at {:?} with {} variables", std::time::SystemTime::now(), env::vars().count());
    let random = wasip2::random::random::get_random_bytes(4).len();
    manifest("wasi-in-describe", vec![tool("echo", &format!("Had {random} random bytes."), &[])])
}

guests::skill!(describe, echo);
